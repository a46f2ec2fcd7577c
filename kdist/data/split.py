"""The tail of the data held out for validation."""

from __future__ import annotations

import optree

from kdist.data.arrays import check_lengths
from kdist.data.leaves import is_array, named_leaves, to_numpy


def train_validation_split(arrays: tuple, validation_split: float) -> tuple[tuple, tuple]:
    """Hold out the last fraction of the samples, as they stand, before any shuffling.

    Arguments:
        arrays: (x,), (x, y) or (x, y, sample_weight), trees of arrays with n rows each; None stays
            None.
        validation_split: the fraction, strictly between 0 and 1. The first floor(n * (1 -
            validation_split)) samples train.

    Returns: (train, validation), each in the form of `arrays`, NumPy views of the data.

    Raises: ValueError if either part would be empty, the fraction is out of range, or the data is
        not arrays.

    Example: `(x, y), (x_val, y_val) = train_validation_split((x, y), 0.2)`.
    """
    if not 0.0 < validation_split < 1.0:
        raise ValueError(
            f"validation_split must lie strictly between 0 and 1; received {validation_split!r}."
        )
    names = ("x", "y", "sample_weight")[: len(arrays)]
    for name, tree in zip(names, arrays, strict=True):
        for leaf_name, leaf in named_leaves(name, tree):
            if not is_array(leaf):
                raise ValueError(
                    f"validation_split={validation_split} splits arrays, and {leaf_name} is a"
                    f" {type(leaf).__name__}. Split that data yourself and pass validation_data=..."
                )
    parts = [
        optree.tree_unflatten(
            optree.tree_structure(tree), [to_numpy(k, v) for k, v in named_leaves(name, tree)]
        )
        for name, tree in zip(names, arrays, strict=True)
    ]
    n = check_lengths(*parts, *[None] * (3 - len(parts)))
    at = int(n * (1.0 - validation_split))
    if at in (0, n):
        raise ValueError(
            f"validation_split={validation_split} of {n} samples leaves {at} to train and {n - at}"
            " to validate. Choose another fraction, or pass more data."
        )
    train = tuple(optree.tree_map(lambda a: a[:at], part) for part in parts)
    validation = tuple(optree.tree_map(lambda a: a[at:], part) for part in parts)
    return train, validation
