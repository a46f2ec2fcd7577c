"""Arrays in two parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.core import tree


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> tuple[Any, Any]:
    """Split arrays along their first axis.

    Arguments:
        dataset: an array, or a list, tuple or dict of arrays, each with n rows.
        left_size, right_size: rows of the parts: a float is a fraction, an int a number. One of
            them may be absent: that part gets what is left.
        shuffle: shuffle the rows first, the same way in all arrays.
        seed: of the shuffling.

    Returns: two structures of the form of `dataset`.

    Raises: ValueError if both sizes are absent, one is out of range, or the numbers of rows differ.

    Example: `train, test = split_dataset((x, y), left_size=0.8)`.
    """
    arrays = tree.flatten(dataset)
    for a in arrays:
        if not hasattr(a, "shape"):
            raise ValueError(
                f"split_dataset takes arrays, and received a {type(a).__name__}. Split tf.data "
                "datasets by take() and skip(), torch datasets by torch.utils.data.random_split."
            )
    rows = {len(a) for a in arrays}
    if len(rows) != 1:
        raise ValueError(f"The arrays of split_dataset have {sorted(rows)} rows; they must agree.")
    n = rows.pop()
    left, right = _sizes(left_size, right_size, n)
    order = np.arange(n)
    if shuffle:
        order = np.random.default_rng(seed).permutation(n)
    first, second = order[:left], order[left : left + right]
    part = lambda rows: tree.map_structure(lambda a: np.asarray(a)[rows], dataset)
    return part(first), part(second)


def _sizes(left: float | None, right: float | None, n: int) -> tuple[int, int]:
    if left is None and right is None:
        raise ValueError("split_dataset needs left_size=, right_size= or both.")
    first, second = _rows("left_size", left, n), _rows("right_size", right, n)
    first = n - second if first is None and second is not None else first
    second = n - first if second is None and first is not None else second
    assert first is not None and second is not None
    if first + second > n or first == 0 or second == 0:
        raise ValueError(
            f"left_size={left} and right_size={right} make parts of {first} and {second} rows of "
            f"{n}. Neither may be empty, and together they must not have more."
        )
    return first, second


def _rows(name: str, size: float | None, n: int) -> int | None:
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int | float):
        raise ValueError(f"{name}={size!r} must be a float (a fraction) or an int (rows).")
    if size <= 0 or (size >= 1 if isinstance(size, float) else size >= n):
        raise ValueError(f"{name}={size} must lie between 0 and {n} rows, or be a fraction of 1.")
    return round(size * n) if isinstance(size, float) else size
