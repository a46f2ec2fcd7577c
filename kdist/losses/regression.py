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
        y_true, y_pred: (..., dim).

    Returns: (...).

    Example:
        >>> losses.mean_squared_error([[0.0, 2.0]], [[0.0, 0.0]])
        tensor([2.])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """`mean(|y_true - y_pred|)` over the last dim.

    Arguments:
        y_true, y_pred: (..., dim).

    Returns: (...).

    Example:
        >>> losses.mean_absolute_error([[0.0, 2.0]], [[0.0, 0.0]])
        tensor([1.])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return ops.mean(ops.abs(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """`100 * mean(|y_true - y_pred| / |y_true|)` over the last dim.

    The divisor is at least `kdist.config.epsilon()`.

    Arguments:
        y_true, y_pred: (..., dim).

    Returns: (...), in percent.

    Example:
        >>> losses.mean_absolute_percentage_error([[100, 200]], [[90.0, 260.0]])  # of 10% and 30%
        tensor([20.])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    scale = ops.maximum(ops.abs(y_true), config.epsilon())
    return 100.0 * ops.mean(ops.abs(ops.subtract(y_true, y_pred) / scale), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """`mean((log(y_true + 1) - log(y_pred + 1)) ** 2)` over the last dim.

    Values below `kdist.config.epsilon()` are raised to it.

    Arguments:
        y_true, y_pred: (..., dim), not negative.

    Returns: (...).

    Example:
        >>> losses.mean_squared_logarithmic_error([[math.e - 1, 0.0]], [[0.0, 0.0]])
        tensor([0.5000])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    epsilon = config.epsilon()
    log_pred = ops.log(ops.maximum(y_pred, epsilon) + 1.0)
    log_true = ops.log(ops.maximum(y_true, epsilon) + 1.0)
    return ops.mean(ops.square(log_pred - log_true), axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between vectors along `axis`: -1 for one direction.

    Arguments:
        y_true, y_pred: one shape.
        axis: int, the dim along which the vectors lie.

    Returns: the shape of the arguments without `axis`.

    Example:
        >>> losses.cosine_similarity([[1.0, 0.0]], [[3.0, 4.0]])
        tensor([-0.6000])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    return -ops.sum(ops.normalize(y_true, axis=axis) * ops.normalize(y_pred, axis=axis), axis=axis)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Squared error where it is small, absolute where it is large.

    With `e = y_pred - y_true`: the mean over the last dim of `e**2 / 2` where `|e| <= delta`, else
    `delta * |e| - delta**2 / 2` (Huber 1964, https://doi.org/10.1214/aoms/1177703732).

    Arguments:
        y_true, y_pred: (..., dim).
        delta: float, where the one becomes the other.

    Returns: (...).

    Example:
        >>> losses.huber([[0.0, 0.0]], [[1.0, 3.0]])  # the mean of 0.5 and 2.5
        tensor([1.5000])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    error = ops.abs(ops.subtract(y_pred, y_true))
    linear = delta * error - 0.5 * delta * delta
    each = ops.where(ops.less_equal(error, delta), 0.5 * ops.square(error), linear)
    return ops.mean(each, axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """`mean(log(cosh(y_pred - y_true)))` over the last dim, without overflow.

    Arguments:
        y_true, y_pred: (..., dim).

    Returns: (...).

    Example:
        >>> losses.log_cosh([[0.0]], [[100.0]])  # 100 - log(2)
        tensor([99.3069])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    # log(cosh(x)) = x + log(1 + exp(-2x)) - log(2), which does not overflow.
    return ops.mean(error + ops.softplus(error * -2.0) - math.log(2.0), axis=-1)


class MeanSquaredError(LossFunctionWrapper):
    """`mean_squared_error`, reduced to one number.

    Arguments:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "mean_squared_error".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `mean_squared_error` takes, and `sample_weight` of
    the losses' leading dims if wanted; gives a scalar, or with "none" the losses themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.MeanSquaredError()([[0.0], [1.0]], [[1.0], [1.0]])
        tensor(0.5000)
        >>> losses.MeanSquaredError(reduction="none")([[0.0], [1.0]], [[1.0], [1.0]])
        tensor([1., 0.])
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """`mean_absolute_error`, reduced to one number.

    Arguments:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "mean_absolute_error".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `mean_absolute_error` takes, and `sample_weight` of
    the losses' leading dims if wanted; gives a scalar, or with "none" the losses themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.MeanAbsoluteError()([[0.0], [0.0]], [[1.0], [3.0]])
        tensor(2.)
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """`mean_absolute_percentage_error`, reduced to one number.

    Arguments:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "mean_absolute_percentage_error".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `mean_absolute_percentage_error` takes, and
    `sample_weight` of the losses' leading dims if wanted; gives a scalar, or with "none" the losses
    themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.MeanAbsolutePercentageError()([[100.0], [200.0]], [[90.0], [260.0]])
        tensor(20.)
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """`mean_squared_logarithmic_error`, reduced to one number.

    Arguments:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "mean_squared_logarithmic_error".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `mean_squared_logarithmic_error` takes, and
    `sample_weight` of the losses' leading dims if wanted; gives a scalar, or with "none" the losses
    themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.MeanSquaredLogarithmicError()([[math.e - 1], [0.0]], [[0.0], [0.0]])
        tensor(0.5000)
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """`cosine_similarity`, reduced to one number.

    Arguments:
        axis: as for `cosine_similarity`.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "cosine_similarity".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `cosine_similarity` takes, and `sample_weight` of
    the losses' leading dims if wanted; gives a scalar, or with "none" the losses themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.CosineSimilarity()([[1.0, 0.0], [1.0, 0.0]], [[3.0, 4.0], [5.0, 0.0]])
        tensor(-0.8000)
    """

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
    """`huber`, reduced to one number.

    Arguments:
        delta: as for `huber`.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "huber_loss".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `huber` takes, and `sample_weight` of the losses'
    leading dims if wanted; gives a scalar, or with "none" the losses themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.Huber(delta=2.0)([[0.0], [0.0]], [[1.0], [4.0]])  # the mean of 0.5 and 6
        tensor(3.2500)
    """

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
    """`log_cosh`, reduced to one number.

    Arguments:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "log_cosh".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `log_cosh` takes, and `sample_weight` of the
    losses' leading dims if wanted; gives a scalar, or with "none" the losses themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.LogCosh()([[0.0], [0.0]], [[100.0], [0.0]])  # (100 - log(2)) / 2
        tensor(49.6534)
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: Any = None,
    ):
        super().__init__(log_cosh, reduction, name, dtype)
