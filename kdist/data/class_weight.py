"""Weights per class turned into weights per sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def check_class_weight(class_weight: Any) -> dict[int, float]:
    """`class_weight` as {class index: weight}.

    Raises: ValueError if it is not a mapping from whole numbers to finite numbers.
    """
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            "class_weight must map class indices to weights, e.g. {0: 1.0, 1: 5.0}; received"
            f" {class_weight!r}."
        )
    checked = {}
    for key, weight in class_weight.items():
        if (
            not isinstance(key, int | np.integer)
            or isinstance(key, bool)
            or not np.isfinite(weight)
        ):
            raise ValueError(
                f"class_weight has the entry {key!r}: {weight!r}. Keys are class indices (int),"
                " weights finite numbers."
            )
        checked[int(key)] = float(weight)
    return checked


def sample_weights(y: Any, class_weight: Mapping[int, float], dtype: Any = "float32") -> np.ndarray:
    """The weight of each sample's class; 1 for a class that `class_weight` does not name.

    y: class indices (n,) or (n, 1), or one-hot or probabilities (n, classes), where the largest
        counts.
    Returns: (n,) of `dtype`.
    Raises: ValueError if y is not one array of one or two dims.
    """
    if not isinstance(y, np.ndarray):
        raise ValueError(
            "class_weight needs one array of targets, and y is"
            f" {'absent' if y is None else type(y).__name__}. For a model of several outputs pass"
            " sample_weight, one array per output."
        )
    if y.ndim not in (1, 2):
        raise ValueError(
            "class_weight needs one class per sample: y of shape (n,), (n, 1) or (n, classes);"
            f" received {y.shape}. Pass sample_weight for targets of other shapes."
        )
    if y.ndim == 2:
        y = y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)
    classes, inverse = np.unique(np.rint(y).astype(np.int64), return_inverse=True)
    return np.array([class_weight.get(int(c), 1.0) for c in classes], dtype)[inverse]
