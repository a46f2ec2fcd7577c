"""Focal cross-entropies, in which samples count less that are right already."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import config
from kdist.losses.crossentropy import check_axis, check_classes, labels_of, smoothed
from kdist.losses.loss import LossFunctionWrapper


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Binary cross-entropy weighted by `(1 - p_t) ** gamma`, p_t the probability of the label.

    Lin et al. 2017, https://arxiv.org/abs/1708.02002.

    Arguments:
        y_true: (..., dim), 0 or 1.
        y_pred: (..., dim), probabilities, or logits with `from_logits`.
        apply_class_balancing: weigh class 1 by `alpha` and class 0 by `1 - alpha`.
        alpha, gamma: floats.
        label_smoothing, axis: as for `binary_crossentropy`.

    Returns: (...), in nats.

    Example:
        >>> losses.binary_focal_crossentropy([[1.0]], [[0.5]])  # 0.5**2 * log(2)
        tensor([0.1733])
    """
    y_true, y_pred = labels_of(y_true, y_pred)
    y_true = smoothed(y_true, label_smoothing, 2)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    losses = ops.binary_crossentropy(y_true, y_pred, from_logits=False)
    p_label = y_true * y_pred + (1 - y_true) * (1 - y_pred)
    losses = ops.power(1.0 - p_label, gamma) * losses
    if apply_class_balancing:
        losses = (y_true * alpha + (1 - y_true) * (1 - alpha)) * losses
    return ops.mean(losses, axis=axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """`-sum(alpha * (1 - p) ** gamma * t * log(p))` along `axis`.

    Lin et al. 2017, https://arxiv.org/abs/1708.02002.

    Arguments:
        y_true: (..., classes), one-hot or probabilities.
        y_pred: (..., classes), probabilities, or logits with `from_logits`.
        alpha: float, or a list with one weight per class.
        gamma: float; the larger, the less the samples count that are right already.
        label_smoothing, axis: as for `categorical_crossentropy`.

    Returns: (...), in nats. Warns if there is only one class.
    Raises: ValueError if `axis` is a bool.

    Example:
        >>> losses.categorical_focal_crossentropy([[0, 1]], [[0.5, 0.5]])  # 0.25 * 0.5**2 * log(2)
        tensor([0.0433])
    """
    check_axis(axis)
    y_true, y_pred = labels_of(y_true, y_pred)
    check_classes(y_pred, axis)
    y_true = smoothed(y_true, label_smoothing, y_true.shape[-1])
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = y_pred / ops.sum(y_pred, axis=axis, keepdims=True)
    p = ops.clip(p, config.epsilon(), 1.0 - config.epsilon())
    weight = ops.multiply(ops.power(1.0 - p, gamma), alpha)
    return ops.sum(weight * (-y_true * ops.log(p)), axis=axis)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """`binary_focal_crossentropy`, reduced to one number.

    Arguments:
        apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis: as for
            `binary_focal_crossentropy`.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "binary_focal_crossentropy".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `binary_focal_crossentropy` takes, and
    `sample_weight` of the losses' leading dims if wanted; gives a scalar, or with "none" the losses
    themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.BinaryFocalCrossentropy(gamma=1.0)([[1.0], [0.0]], [[0.5], [0.5]])  # log(2) / 2
        tensor(0.3466)
    """

    _config_names = (
        *("apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing", "axis"),
    )

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """`categorical_focal_crossentropy`, reduced to one number.

    Arguments:
        alpha, gamma, from_logits, label_smoothing, axis: as for `categorical_focal_crossentropy`.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "categorical_focal_crossentropy".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `categorical_focal_crossentropy` takes, and
    `sample_weight` of the losses' leading dims if wanted; gives a scalar, or with "none" the losses
    themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> loss = losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=1.0)
        >>> loss([[0.0, 1.0], [1.0, 0.0]], [[0.5, 0.5], [0.5, 0.5]])  # log(2) / 2
        tensor(0.3466)
    """

    _config_names = ("alpha", "gamma", "from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
