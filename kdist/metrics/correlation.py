"""Correlation along an axis of each sample, averaged over samples."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import config
from kdist.losses.regression import as_pair
from kdist.metrics.reduction import MeanMetricWrapper


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Pearson's r along `axis`: `mean((t - mean(t)) * (p - mean(p))) / (std(t) * std(p))`.

    Arguments:
        y_true, y_pred: one shape.
        axis: int, the dim of the observations.

    Returns: the shape of the arguments without `axis`, in [-1, 1].

    Example:
        >>> metrics.pearson_correlation([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]])
        tensor([1.0000])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    t = y_true - ops.mean(y_true, axis=axis, keepdims=True)
    p = y_pred - ops.mean(y_pred, axis=axis, keepdims=True)
    t = t / ops.std(t, axis=axis, keepdims=True)
    p = p / ops.std(p, axis=axis, keepdims=True)
    return ops.mean(t * p, axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Lin's concordance coefficient along `axis`, which is 1 only where the two are equal.

    `2 * cov(t, p) / (var(t) + var(p) + (mean(t) - mean(p)) ** 2)`: Lin 1989,
    https://doi.org/10.2307/2532051.

    Arguments:
        y_true, y_pred: one shape.
        axis: int, the dim of the observations.

    Returns: the shape of the arguments without `axis`, in [-1, 1].

    Example:
        >>> metrics.concordance_correlation([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]])  # (8/3) / (22/3)
        tensor([0.3636])
    """
    y_true, y_pred = as_pair(y_true, y_pred)
    mean_t = ops.mean(y_true, axis=axis, keepdims=True)
    mean_p = ops.mean(y_pred, axis=axis, keepdims=True)
    variances = ops.var(y_true, axis=axis, keepdims=True) + ops.var(
        y_pred, axis=axis, keepdims=True
    )
    norm = variances + ops.square(mean_t - mean_p) + config.epsilon()
    return ops.mean(2 * (y_true - mean_t) * (y_pred - mean_p) / norm, axis=axis)


class PearsonCorrelation(MeanMetricWrapper):
    """The mean of `pearson_correlation` over samples.

    Arguments:
        name: the metric's name in logs; default "pearson_correlation".
        dtype: what to compute in; None: the float default.
        axis: the dim of the observations.

    `update_state` takes what `pearson_correlation` takes, and weights of the values' leading dims.

    Example:
        >>> metrics.PearsonCorrelation()([[1, 2, 3]] * 2, [[2, 4, 6], [3, 2, 1]])  # of 1 and -1
        tensor(0.)
    """

    _direction = "up"
    _config_names = ("axis",)

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1):
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean of `concordance_correlation` over samples.

    Arguments:
        name: the metric's name in logs; default "concordance_correlation".
        dtype: what to compute in; None: the float default.
        axis: the dim of the observations.

    `update_state` takes what `concordance_correlation` takes, and weights of the values' leading
    dims.

    Example:
        >>> metrics.ConcordanceCorrelation()([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]])
        tensor(0.3636)
    """

    _direction = "up"
    _config_names = ("axis",)

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1
    ):
        super().__init__(concordance_correlation, name, dtype, axis=axis)
