"""How often predictions are right."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import config
from kdist.losses.reduction import squeeze_or_expand_to_same_rank
from kdist.metrics.reduction import MeanMetricWrapper


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1.0 where the two are equal, else 0.0, elementwise.

    Arguments:
        y_true, y_pred: one shape.

    Example:
        >>> metrics.accuracy([1, 2, 3], [1, 2, 4])
        tensor([1., 1., 0.])
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=ops.dtype(y_pred))
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), config.floatx())


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1.0 where `y_pred > threshold` is `y_true` (0 or 1), elementwise.

    Arguments:
        y_true: any shape, 0 or 1.
        y_pred: the same shape, scores.
        threshold: float.

    Example:
        >>> metrics.binary_accuracy([0, 1, 1], [0.6, 0.6, 0.4])
        tensor([0., 1., 0.])
    """
    y_pred, y_true = ops.convert_to_tensor(y_pred), ops.convert_to_tensor(y_true)
    y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
    positive = ops.cast(ops.greater(y_pred, threshold), ops.dtype(y_true))
    return ops.cast(ops.equal(y_true, positive), config.floatx())


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1.0 where the largest of `y_pred` is where the largest of `y_true` is.

    Arguments:
        y_true: (..., classes), one-hot.
        y_pred: (..., classes).

    Returns: (...).

    Example:
        >>> metrics.categorical_accuracy([[0, 1], [0, 1]], [[0.1, 0.9], [0.8, 0.2]])
        tensor([1., 0.])
    """
    labels = ops.argmax(y_true, axis=-1)
    return ops.cast(ops.equal(labels, ops.argmax(y_pred, axis=-1)), config.floatx())


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1.0 where the largest of `y_pred` is number `y_true`.

    Arguments:
        y_true: (...) or (..., 1), class numbers.
        y_pred: (..., classes).

    Returns: (...).

    Example:
        >>> metrics.sparse_categorical_accuracy([1, 1], [[0.1, 0.9], [0.8, 0.2]])
        tensor([1., 0.])
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    hits = ops.sparse_hits(y_true, y_pred)
    return ops.squeeze(hits, -1) if len(hits.shape) > 1 and hits.shape[-1] == 1 else hits


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1.0 where the label is among the `k` largest of `y_pred`.

    Arguments:
        y_true: (..., classes), one-hot.
        y_pred: (..., classes).
        k: int.

    Returns: (...).

    Example:
        >>> metrics.top_k_categorical_accuracy([[0, 0, 1], [1, 0, 0]], [[0.1, 0.7, 0.2]] * 2, k=2)
        tensor([1., 0.])
    """
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Any:
    """1.0 where `y_true` is among the `k` largest of `y_pred`.

    Arguments:
        y_true: (...), class numbers.
        y_pred: (..., classes); with `from_sorted_ids`, class numbers from the likeliest down.
        k: int.
        from_sorted_ids: what `y_pred` holds.

    Returns: (...).

    Example:
        >>> metrics.sparse_top_k_categorical_accuracy([2, 0], [[0.1, 0.7, 0.2]] * 2, k=2)
        tensor([1., 0.])
        >>> ids = [[1, 2, 0]] * 2
        >>> metrics.sparse_top_k_categorical_accuracy([2, 0], ids, k=2, from_sorted_ids=True)
        tensor([1., 0.])
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true)
    shape = ops.shape(y_true)
    rank = len(shape)
    if len(y_pred.shape) > 2:
        y_pred = ops.reshape(y_pred, (-1, y_pred.shape[-1]))
    if rank > 1:
        y_true = ops.reshape(y_true, (-1,))
    if from_sorted_ids:
        labels = ops.expand_dims(ops.cast(y_true, ops.dtype(y_pred)), 1)
        hits = ops.any(ops.equal(labels, y_pred[:, :k]), axis=1)
    else:
        hits = ops.in_top_k(ops.cast(y_true, "int32"), y_pred, k=k)
    hits = ops.cast(hits, config.floatx())
    return ops.reshape(hits, shape) if rank > 1 else hits


class Accuracy(MeanMetricWrapper):
    """The mean of `accuracy` over samples.

    Arguments:
        name: the metric's name in logs; default "accuracy".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `accuracy` takes, and weights of the values' leading dims.

    Example:
        >>> metrics.Accuracy()([1, 2, 3, 4], [1, 2, 3, 0])
        tensor(0.7500)
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """The mean of `binary_accuracy` over samples.

    Arguments:
        name: the metric's name in logs; default "binary_accuracy".
        dtype: what to compute in; None: the float default.
        threshold: scores above it count as 1.

    `update_state` takes labels and scores as `binary_accuracy`, and weights of their leading dims.
    Raises: ValueError unless `threshold` is in [0, 1].

    Example:
        >>> metrics.BinaryAccuracy()([[0], [1], [1], [1]], [[0.6], [0.6], [0.4], [0.9]])
        tensor(0.5000)
    """

    _direction = "up"
    _config_names = ("threshold",)

    def __init__(
        self,
        name: str | None = "binary_accuracy",
        dtype: Any = None,
        threshold: float = 0.5,
    ):
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"threshold={threshold} of BinaryAccuracy must lie in [0, 1].")
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """The mean of `categorical_accuracy` over samples.

    Arguments:
        name: the metric's name in logs; default "categorical_accuracy".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `categorical_accuracy` takes, and weights of the values' leading dims.

    Example:
        >>> metrics.CategoricalAccuracy()([[0, 1], [0, 1]], [[0.1, 0.9], [0.8, 0.2]])
        tensor(0.5000)
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """The mean of `sparse_categorical_accuracy` over samples.

    Arguments:
        name: the metric's name in logs; default "sparse_categorical_accuracy".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `sparse_categorical_accuracy` takes, and weights of the values'
    leading dims.

    Example:
        >>> metric = metrics.SparseCategoricalAccuracy(name="acc")
        >>> metric([1, 1], [[0.1, 0.9], [0.8, 0.2]])
        tensor(0.5000)
        >>> metric([0], [[0.8, 0.2]])  # of all three
        tensor(0.6667)
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """The mean of `top_k_categorical_accuracy` over samples.

    Arguments:
        k: int, how many of the largest predictions count.
        name: the metric's name in logs; default "top_k_categorical_accuracy".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `top_k_categorical_accuracy` takes, and weights of the values' leading
    dims.

    Example:
        >>> metrics.TopKCategoricalAccuracy(k=2)([[0, 0, 1], [1, 0, 0]], [[0.1, 0.7, 0.2]] * 2)
        tensor(0.5000)
    """

    _direction = "up"
    _config_names = ("k",)

    def __init__(
        self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None
    ):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """The mean of `sparse_top_k_categorical_accuracy` over samples.

    Arguments:
        k: int, how many of the largest predictions count.
        name: the metric's name in logs; default "sparse_top_k_categorical_accuracy".
        dtype: what to compute in; None: the float default.
        from_sorted_ids: predictions are class numbers, from the likeliest down.

    `update_state` takes what `sparse_top_k_categorical_accuracy` takes, and weights of the values'
    leading dims.

    Example:
        >>> metrics.SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.1, 0.7, 0.2]] * 2)
        tensor(0.5000)
    """

    _direction = "up"
    _config_names = ("k", "from_sorted_ids")

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ):
        super().__init__(
            sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids
        )
