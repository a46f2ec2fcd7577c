"""Class indices as vectors, and vectors of length 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist import ops
from kdist.backend import bound as backend


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """One-hot vectors of class indices.

    Arguments:
        x: integers from 0 to `num_classes - 1`, shape (...) or (..., 1).
        num_classes: default, the largest index plus 1.

    Returns: shape (..., num_classes): a float64 NumPy array, or a float tensor for a tensor.

    Raises: ValueError for an index out of range.

    Example: `to_categorical([0, 2])` gives `[[1, 0, 0], [0, 0, 1]]`.
    """
    if backend.is_tensor(x):
        shape = tuple(x.shape)
        if len(shape) > 1 and shape[-1] == 1:
            x = ops.squeeze(x, -1)
        return ops.one_hot(x, num_classes if num_classes else int(ops.max(x)) + 1)
    indices = np.asarray(x).astype("int64")
    if indices.ndim > 1 and indices.shape[-1] == 1:
        indices = indices[..., 0]
    if not num_classes:
        if not indices.size:
            raise ValueError("x is empty, so to_categorical needs num_classes=.")
        num_classes = int(indices.max()) + 1
    if indices.size and (indices.min() < 0 or indices.max() >= num_classes):
        raise ValueError(
            f"x of to_categorical holds indices from {indices.min()} to {indices.max()}; with "
            f"num_classes={num_classes} they must lie between 0 and {num_classes - 1}."
        )
    out = np.zeros((indices.size, num_classes))
    out[np.arange(indices.size), indices.reshape(-1)] = 1
    return out.reshape(*indices.shape, num_classes)


def normalize(x: Any, axis: int = -1, order: float = 2) -> Any:
    """`x` divided by its norms along `axis`; where a norm is 0 it stays 0.

    Arguments:
        x: array or tensor.
        axis: the axis that the norm runs over.
        order: of the norm, 2 for the Euclidean one.

    Returns: a NumPy array for one, else a tensor.
    """
    if not isinstance(x, np.ndarray):
        return ops.normalize(x, axis=axis, order=order)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)
