"""Divergences, likelihoods and the generalized cross-entropy."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import config
from kdist.losses.loss import LossFunctionWrapper


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """`sum(y_true * log(y_true / y_pred))` over the last dim.

    Both are clipped to [`kdist.config.epsilon()`, 1] (Kullback and Leibler 1951).

    Arguments:
        y_true, y_pred: (..., classes), probabilities.

    Returns: (...), in nats.

    Example:
        >>> losses.kl_divergence([[0.5, 0.5]], [[0.25, 0.75]])  # log(2) / 2 + log(2 / 3) / 2
        tensor([0.1438])
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=ops.dtype(y_pred))
    y_true = ops.clip(y_true, config.epsilon(), 1.0)
    y_pred = ops.clip(y_pred, config.epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """`mean(y_pred - y_true * log(y_pred))` over the last dim.

    The negative log-likelihood of counts `y_true` at rates `y_pred`, up to a constant.

    Arguments:
        y_true: (..., dim), counts.
        y_pred: (..., dim), positive rates.

    Returns: (...).

    Example:
        >>> losses.poisson([[2.0, 0.0]], [[1.0, 3.0]])  # the mean of 1 and 3
        tensor([2.0000])
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=ops.dtype(y_pred))
    return ops.mean(y_pred - y_true * ops.log(y_pred + config.epsilon()), axis=-1)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """`(1 - p[y_true] ** q) / q`: robust to wrong labels.

    Zhang and Sabuncu 2018, https://arxiv.org/abs/1805.07836.

    Arguments:
        y_true: (...), class numbers.
        y_pred: (..., classes), probabilities.
        q: in (0, 1): near 0 it is the cross-entropy, at 1 the absolute error.

    Returns: (...).

    Example:
        >>> losses.categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5)  # 0.5 / 0.5
        tensor([1.])
    """
    y_pred = ops.convert_to_tensor(y_pred)
    one_hot = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=ops.dtype(y_pred))
    p = ops.sum(y_pred * one_hot, axis=-1)
    return (1 - ops.power(p, q)) / q


class KLDivergence(LossFunctionWrapper):
    """`kl_divergence`, reduced to one number.

    Arguments:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "kl_divergence".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `kl_divergence` takes, and `sample_weight` of the
    losses' leading dims if wanted; gives a scalar, or with "none" the losses themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.KLDivergence()([[0.5, 0.5], [1.0, 0.0]], [[0.5, 0.5], [0.5, 0.5]])  # log(2) / 2
        tensor(0.3466)
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: Any = None,
    ):
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """`poisson`, reduced to one number.

    Arguments:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "poisson".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `poisson` takes, and `sample_weight` of the losses'
    leading dims if wanted; gives a scalar, or with "none" the losses themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.Poisson()([[2.0], [0.0]], [[1.0], [3.0]])  # the mean of 1 and 3
        tensor(2.0000)
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: Any = None,
    ):
        super().__init__(poisson, reduction, name, dtype)


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """`categorical_generalized_cross_entropy`, reduced to one number.

    Arguments:
        q: float in (0, 1).
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "categorical_generalized_cross_entropy".
        dtype: what to compute in; None: the float default.

    Called with `y_true` (batch,) and `y_pred` (batch, classes), and weights (batch,) if wanted;
    gives a scalar.
    Raises: ValueError unless 0 < q < 1, and for an unknown reduction.

    Example:
        >>> losses.CategoricalGeneralizedCrossEntropy(q=0.5)([1, 0], [[0.75, 0.25], [1.0, 0.0]])
        tensor(0.5000)
    """

    _config_names = ("q",)
    _integer_labels = True

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ):
        if not 0 < q < 1:
            raise ValueError(f"q={q} must lie between 0 and 1.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)
