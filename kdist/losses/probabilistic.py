"""Cross-entropies and divergences between distributions."""

from __future__ import annotations

import warnings
from typing import Any

from kdist import ops
from kdist.backend import bound as backend
from kdist.core import config, dtypes, masks
from kdist.losses.loss import LossFunctionWrapper


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """`sum(y_true * log(y_true / y_pred))` over the last dim: (..., classes) to (...).

    Both are clipped to [`kdist.config.epsilon()`, 1] (Kullback & Leibler, 1951).
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=ops.dtype(y_pred))
    y_true = ops.clip(y_true, config.epsilon(), 1.0)
    y_pred = ops.clip(y_pred, config.epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """`mean(y_pred - y_true * log(y_pred))` over the last dim: (..., dim) to (...).

    The negative log-likelihood of counts `y_true` at rates `y_pred`, up to a constant.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true, dtype=ops.dtype(y_pred))
    return ops.mean(y_pred - y_true * ops.log(y_pred + config.epsilon()), axis=-1)


def _check_axis(axis: Any) -> None:
    if isinstance(axis, bool):
        raise ValueError(f"axis={axis} must be an int. Was it meant for from_logits?")


def _smoothed(y_true: Any, label_smoothing: float, classes: int) -> Any:
    """`y_true` mixed with the uniform distribution over `classes` (Szegedy et al., 2015)."""
    if not label_smoothing:
        return y_true
    return y_true * (1.0 - label_smoothing) + label_smoothing / classes


def _labels(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_pred = ops.convert_to_tensor(y_pred)
    return ops.cast(y_true, ops.dtype(y_pred)), y_pred


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """`mean(-t * log(p) - (1 - t) * log(1 - p))` along `axis`.

    Arguments:
        y_true: (..., dim), 0 or 1.
        y_pred: (..., dim), probabilities, or logits with `from_logits`.
        label_smoothing: float in [0, 1]; labels are moved this far towards 0.5.
        axis: the dim of the mean.

    Returns: (...). Example: `binary_crossentropy([[1.]], [[0.5]])` is `[log(2)]`.
    """
    y_true, y_pred = _labels(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """`-sum(t * log(p))` along `axis`.

    Arguments:
        y_true: (..., classes), one-hot or probabilities.
        y_pred: (..., classes), probabilities, or logits with `from_logits`.
        label_smoothing: float in [0, 1]; the share of the uniform distribution in the labels.
        axis: the dim of the classes.

    Returns: (...). Warns if there is only one class.
    """
    _check_axis(axis)
    y_true, y_pred = _labels(y_true, y_pred)
    _check_classes(y_pred, axis)
    y_true = _smoothed(y_true, label_smoothing, y_true.shape[-1])
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def _check_classes(y_pred: Any, axis: int) -> None:
    if len(y_pred.shape) and y_pred.shape[axis] == 1:
        warnings.warn(
            f"y_pred has shape {tuple(y_pred.shape)}: one class, for which a categorical loss is "
            "always 0. Use binary_crossentropy for two classes told by one number.",
            SyntaxWarning,
            stacklevel=3,
        )


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """`-log(p[y_true])` along `axis`.

    Arguments:
        y_true: (...) or (..., 1), the numbers of the classes.
        y_pred: (..., classes), probabilities, or logits with `from_logits`.
        ignore_class: None, or a label whose elements give 0 and count nowhere, such as 255 or -1.
        axis: the dim of the classes.

    Returns: (...). Example: `sparse_categorical_crossentropy([1], [[0.5, 0.5]])` is `[log(2)]`.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[axis] == 1:
        y_true = ops.squeeze(y_true, axis)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    valid = ops.not_equal(y_true, ops.cast(ignore_class, ops.dtype(y_true)))
    y_true = ops.where(valid, y_true, ops.zeros_like(y_true))
    y_pred = ops.where(ops.expand_dims(valid, axis), y_pred, ops.zeros_like(y_pred))
    losses = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis)
    losses = ops.where(valid, losses, ops.zeros_like(losses))
    masks.set_keras_mask(losses, valid)
    return losses


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

    (Lin et al., 2017, https://arxiv.org/abs/1708.02002.) With `apply_class_balancing`, class 1 is
    weighted by `alpha` and class 0 by `1 - alpha`. Other arguments as in `binary_crossentropy`.
    """
    y_true, y_pred = _labels(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
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

    (Lin et al., 2017, https://arxiv.org/abs/1708.02002.) `alpha` may be a list, one weight per
    class. Other arguments as in `categorical_crossentropy`.
    """
    _check_axis(axis)
    y_true, y_pred = _labels(y_true, y_pred)
    _check_classes(y_pred, axis)
    y_true = _smoothed(y_true, label_smoothing, y_true.shape[-1])
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    p = y_pred / ops.sum(y_pred, axis=axis, keepdims=True)
    p = ops.clip(p, config.epsilon(), 1.0 - config.epsilon())
    weight = ops.multiply(ops.power(1.0 - p, gamma), alpha)
    return ops.sum(weight * (-y_true * ops.log(p)), axis=axis)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """`(1 - p[y_true] ** q) / q`: robust to wrong labels.

    (Zhang & Sabuncu, 2018, https://arxiv.org/abs/1805.07836.) `y_true`: (...), class numbers;
    `y_pred`: (..., classes), probabilities; `q` in (0, 1): near 0 it is the cross-entropy, at 1 the
    absolute error.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    one_hot = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=ops.dtype(y_pred))
    p = ops.sum(y_pred * one_hot, axis=-1)
    return (1 - ops.power(p, q)) / q


class KLDivergence(LossFunctionWrapper):
    """`kl_divergence`, reduced. Arguments: as in `Loss`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: Any = None,
    ):
        super().__init__(kl_divergence, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """`poisson`, reduced. Arguments: as in `Loss`."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: Any = None,
    ):
        super().__init__(poisson, reduction, name, dtype)


class BinaryCrossentropy(LossFunctionWrapper):
    """`binary_crossentropy`, reduced; its arguments, and those of `Loss`."""

    _config_names = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """`binary_focal_crossentropy`, reduced; its arguments, and those of `Loss`."""

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


class CategoricalCrossentropy(LossFunctionWrapper):
    """`categorical_crossentropy`, reduced; its arguments, and those of `Loss`.

    Example: `model.compile(loss=CategoricalCrossentropy(from_logits=True))`
    """

    _config_names = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """`categorical_focal_crossentropy`, reduced; its arguments, and those of `Loss`."""

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


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """`sparse_categorical_crossentropy`, reduced; its arguments, and those of `Loss`.

    Example: `model.compile(loss=SparseCategoricalCrossentropy(from_logits=True))`
    """

    _config_names = ("from_logits", "ignore_class", "axis")
    _integer_labels = True

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ):
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self._fusable = (
            ignore_class is None
            and axis == -1
            and type(self).call is SparseCategoricalCrossentropy.call
        )

    def _fused_mean(self, y_true: Any, y_pred: Any) -> Any:
        if not self._fusable or masks.get_keras_mask(y_pred) is not None:
            return None
        if not (backend.is_tensor(y_true) and backend.is_tensor(y_pred)):
            return None
        if backend.dtype_of(y_pred) != self._dtype or backend.dtype_of(y_true) not in dtypes.INTS:
            return None
        if len(y_true.shape) != len(y_pred.shape) - 1:
            return None
        from_logits = self._fn_kwargs["from_logits"]
        return ops.mean_sparse_categorical_crossentropy(y_true, y_pred, from_logits)


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """`categorical_generalized_cross_entropy`, reduced; its `q`, and the arguments of `Loss`.

    Raises: ValueError unless 0 < q < 1.
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
