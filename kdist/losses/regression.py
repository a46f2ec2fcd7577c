"""Losses between numbers, (batch, ...) from targets and predictions (batch, ..., dim)."""

from __future__ import annotations

import math
from typing import Any

from kdist import ops
from kdist.core import config
from kdist.losses.loss import LossFunctionWrapper
from kdist.losses.reduction import squeeze_or_expand_to_same_rank


def as_pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors of the prediction's dtype and of one rank."""
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=ops.dtype(y_pred))
    return squeeze_or_expand_to_same_rank(y_true, y_pred)


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """`mean((y_true - y_pred) ** 2)` over the last dim.

    Arguments:
        y_true: (..., dim).
        y_pred: (..., dim).

    Returns: (...). Example: `mean_squared_error([[0., 2.]], [[0., 0.]])` is `[2.]`.
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """`mean(|y_true - y_pred|)` over the last dim: (..., dim) to (...)."""
    y_true, y_pred = as_pair(y_true, y_pred)
    return ops.mean(ops.abs(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """`100 * mean(|y_true - y_pred| / |y_true|)` over the last dim: (..., dim) to (...).

    The divisor is at least `kdist.config.epsilon()`.
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    scale = ops.maximum(ops.abs(y_true), config.epsilon())
    return 100.0 * ops.mean(ops.abs(ops.subtract(y_true, y_pred) / scale), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """`mean((log(y_true + 1) - log(y_pred + 1)) ** 2)` over the last dim: (..., dim) to (...).

    Values below `kdist.config.epsilon()` are raised to it.
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    epsilon = config.epsilon()
    log_pred = ops.log(ops.maximum(y_pred, epsilon) + 1.0)
    log_true = ops.log(ops.maximum(y_true, epsilon) + 1.0)
    return ops.mean(ops.square(log_pred - log_true), axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between vectors along `axis`: -1 for one direction.

    Returns: the shape of the arguments without `axis`.
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return -ops.sum(ops.normalize(y_true, axis=axis) * ops.normalize(y_pred, axis=axis), axis=axis)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Squared error where it is small, absolute where it is large: (..., dim) to (...).

    With `e = y_pred - y_true`: the mean of `e**2 / 2` where `|e| <= delta`, else
    `delta * |e| - delta**2 / 2` (Huber, 1964, https://doi.org/10.1214/aoms/1177703732).
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    error = ops.abs(ops.subtract(y_pred, y_true))
    linear = delta * error - 0.5 * delta * delta
    each = ops.where(ops.less_equal(error, delta), 0.5 * ops.square(error), linear)
    return ops.mean(each, axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """`mean(log(cosh(y_pred - y_true)))` over the last dim: (..., dim) to (...)."""
    y_true, y_pred = as_pair(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    # log(cosh(x)) = x + log(1 + exp(-2x)) - log(2), which does not overflow.
    return ops.mean(error + ops.softplus(error * -2.0) - math.log(2.0), axis=-1)


class MeanSquaredError(LossFunctionWrapper):
    """`mean_squared_error`, reduced.

    Example: `MeanSquaredError()([[0.], [1.]], [[1.], [1.]])` is 0.5.

    Arguments:
        reduction, name, dtype: as in `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """`mean_absolute_error`, reduced. Arguments: as in `Loss`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """`mean_absolute_percentage_error`, reduced. Arguments: as in `Loss`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """`mean_squared_logarithmic_error`, reduced. Arguments: as in `Loss`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """`cosine_similarity` along `axis`, reduced. Other arguments: as in `Loss`."""

    _config_names = ("axis",)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ):
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(LossFunctionWrapper):
    """`huber` with threshold `delta`, reduced. Other arguments: as in `Loss`."""

    _config_names = ("delta",)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ):
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(LossFunctionWrapper):
    """`log_cosh`, reduced. Arguments: as in `Loss`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: Any = None,
    ):
        super().__init__(log_cosh, reduction, name, dtype)
