"""Hinge losses: margins of classifiers (Crammer & Singer, 2001)."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.losses.loss import LossFunctionWrapper


def _margins(y_true: Any, y_pred: Any) -> Any:
    """`max(1 - y_true * y_pred, 0)`; labels that are all 0 or 1 stand for -1 and 1."""
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, ops.dtype(y_pred))
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    signs = ops.where(binary, 2.0 * y_true - 1.0, y_true)
    return ops.maximum(1.0 - signs * y_pred, 0.0)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """`mean(max(1 - y_true * y_pred, 0))` over the last dim.

    Arguments:
        y_true: (..., dim), -1 or 1; 0 and 1 are taken as -1 and 1.
        y_pred: (..., dim).

    Returns: (...).

    Example:
        >>> losses.hinge([[1.0, -1.0]], [[0.25, -2.0]])  # the mean of 0.75 and 0
        tensor([0.3750])
    """
    return ops.mean(_margins(y_true, y_pred), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """`mean(max(1 - y_true * y_pred, 0) ** 2)` over the last dim.

    Arguments:
        y_true: (..., dim), -1 or 1; 0 and 1 are taken as -1 and 1.
        y_pred: (..., dim).

    Returns: (...).

    Example:
        >>> losses.squared_hinge([[1.0, -1.0]], [[0.5, -2.0]])  # the mean of 0.25 and 0
        tensor([0.1250])
    """
    return ops.mean(ops.square(_margins(y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """`max(0, 1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred))` over the last dim.

    Arguments:
        y_true: (..., classes), one-hot.
        y_pred: (..., classes).

    Returns: (...).

    Example:
        >>> losses.categorical_hinge([[0.0, 1.0]], [[0.4, 0.6]])  # 1 + 0.4 - 0.6
        tensor([0.8000])
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, ops.dtype(y_pred))
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


class Hinge(LossFunctionWrapper):
    """`hinge`, reduced to one number.

    Arguments:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "hinge".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `hinge` takes, and `sample_weight` of the losses'
    leading dims if wanted; gives a scalar, or with "none" the losses themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.Hinge()([[1.0], [-1.0]], [[0.25], [-0.5]])  # the mean of 0.75 and 0.5
        tensor(0.6250)
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hinge",
        dtype: Any = None,
    ):
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """`squared_hinge`, reduced to one number.

    Arguments:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "squared_hinge".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `squared_hinge` takes, and `sample_weight` of the
    losses' leading dims if wanted; gives a scalar, or with "none" the losses themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.SquaredHinge()([[1.0], [-1.0]], [[0.5], [0.0]])  # the mean of 0.25 and 1
        tensor(0.6250)
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: Any = None,
    ):
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """`categorical_hinge`, reduced to one number.

    Arguments:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "categorical_hinge".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `categorical_hinge` takes, and `sample_weight` of
    the losses' leading dims if wanted; gives a scalar, or with "none" the losses themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.CategoricalHinge(reduction="sum")([[0, 1], [1, 0]], [[0.4, 0.6], [0.4, 0.6]])
        tensor(2.)
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: Any = None,
    ):
        super().__init__(categorical_hinge, reduction, name, dtype)
