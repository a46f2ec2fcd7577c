"""Losses of overlap between regions: ratios of sums over the batch, hence of global sums."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import config
from kdist.core.replicas import replicas, sample_mask
from kdist.losses.loss import LossFunctionWrapper
from kdist.losses.reduction import applies, leading, sums_batch


def _without_padding(x: Any) -> Any:
    """`x` with 0 in the rows that only pad the batch."""
    mask = sample_mask()
    if not applies(mask, x):
        return x
    return ops.where(leading(ops.convert_to_tensor(mask, "bool"), x), x, ops.zeros_like(x))


def _total(x: Any, axis: Any) -> Any:
    """The sum along `axis`; over all replicas if the batch is summed."""
    axis = tuple(axis) if isinstance(axis, list) else axis
    total = ops.sum(x, axis=axis)
    together = replicas()
    return (
        together.all_sum(total) if together.count > 1 and sums_batch(axis, len(x.shape)) else total
    )


def _plain(axis: Any) -> Any:
    """A tuple as the list that it becomes in a file."""
    return list(axis) if isinstance(axis, tuple) else axis


def _pair(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_pred = ops.convert_to_tensor(y_pred)
    return _without_padding(ops.cast(y_true, ops.dtype(y_pred))), _without_padding(y_pred)


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """`1 - 2 * sum(t * p) / (sum(t) + sum(p))` along `axis`; all dims by default.

    Milletari et al. 2016, https://arxiv.org/abs/1606.04797.

    Arguments:
        y_true, y_pred: one shape, e.g. (batch, height, width, classes), in [0, 1].
        axis: an int, a tuple of them, or None for a scalar.

    Returns: the shape of the arguments without `axis`.

    Example:
        >>> losses.dice([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])  # 1 - 2 / (2 + 1)
        tensor(0.3333)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    both = _total(y_true * y_pred, axis)
    sizes = _total(y_true, axis) + _total(y_pred, axis)
    return 1 - ops.divide(2.0 * both, sizes + config.epsilon())


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Any:
    """`dice` with false negatives weighted by `alpha` and false positives by `beta`.

    `1 - tp / (tp + alpha * sum(t * (1 - p)) + beta * sum(p * (1 - t)))` along `axis`: Salehi et al.
    2017, https://arxiv.org/abs/1706.05721; the roles of the weights are Keras's.

    Arguments:
        y_true, y_pred: one shape, e.g. (batch, height, width, classes), in [0, 1].
        alpha, beta: floats; 0.5 and 0.5 give `dice`.
        axis: an int, a tuple of them, or None for a scalar.

    Returns: the shape of the arguments without `axis`.

    Example:
        >>> losses.tversky([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]], alpha=0.25)  # 1 - 1 / (1 + 0.25)
        tensor(0.2000)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    both = _total(y_true * y_pred, axis)
    missed = _total((1 - y_pred) * y_true, axis)
    spurious = _total(y_pred * (1 - y_true), axis)
    weighted = both + missed * alpha + spurious * beta + config.epsilon()
    return 1 - ops.divide(both, weighted)


class Dice(LossFunctionWrapper):
    """`dice`, reduced where `axis` leaves anything to reduce.

    Arguments:
        axis: as for `dice`.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "dice".
        dtype: what to compute in; None: the float default.

    Called with `y_true` and `y_pred` of one shape in [0, 1]; gives a scalar.

    Example:
        >>> losses.Dice(axis=1)([[1.0, 1.0], [1.0, 0.0]], [[1.0, 1.0], [0.0, 1.0]])  # of 0 and 1
        tensor(0.5000)
    """

    _config_names = ("axis",)

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(dice, reduction, name, dtype, axis=_plain(axis))
        self._summed_axes = axis


class Tversky(LossFunctionWrapper):
    """`tversky`, reduced where `axis` leaves anything to reduce.

    Arguments:
        alpha, beta, axis: as for `tversky`.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "tversky".
        dtype: what to compute in; None: the float default.

    Called with `y_true` and `y_pred` of one shape in [0, 1]; gives a scalar.

    Example:
        >>> losses.Tversky(alpha=0.25, beta=0.75)([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
        tensor(0.2000)
    """

    _config_names = ("alpha", "beta", "axis")

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ):
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=_plain(axis))
        self._summed_axes = axis
