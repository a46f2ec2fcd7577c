"""Cross-entropies of labels and predicted probabilities."""

from __future__ import annotations

import warnings
from typing import Any

from kdist import ops
from kdist.backend import bound as backend
from kdist.core import dtypes, masks
from kdist.losses.loss import LossFunctionWrapper


def check_axis(axis: Any) -> None:
    if isinstance(axis, bool):
        raise ValueError(f"axis={axis} must be an int. Was it meant for from_logits?")


def check_classes(y_pred: Any, axis: int) -> None:
    if len(y_pred.shape) and y_pred.shape[axis] == 1:
        warnings.warn(
            f"y_pred has shape {tuple(y_pred.shape)}: one class, for which a categorical loss is "
            "always 0. Use binary_crossentropy for two classes told by one number.",
            SyntaxWarning,
            stacklevel=3,
        )


def smoothed(y_true: Any, label_smoothing: float, classes: int) -> Any:
    """`y_true` mixed with the uniform distribution over `classes` (Szegedy et al., 2015)."""
    if not label_smoothing:
        return y_true
    return y_true * (1.0 - label_smoothing) + label_smoothing / classes


def labels_of(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
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

    Returns: (...), in nats.

    Example:
        >>> losses.binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]])  # log(2)
        tensor([0.6931])
    """
    y_true, y_pred = labels_of(y_true, y_pred)
    y_true = smoothed(y_true, label_smoothing, 2)
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

    Returns: (...), in nats. Warns if there is only one class.
    Raises: ValueError if `axis` is a bool.

    Example:
        >>> losses.categorical_crossentropy([[0.0, 1.0]], [[0.75, 0.25]])  # log(4)
        tensor([1.3863])
        >>> losses.categorical_crossentropy([[0.0, 1.0]], [[0.0, 0.0]], from_logits=True)  # log(2)
        tensor([0.6931])
    """
    check_axis(axis)
    y_true, y_pred = labels_of(y_true, y_pred)
    check_classes(y_pred, axis)
    y_true = smoothed(y_true, label_smoothing, y_true.shape[-1])
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


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

    Returns: (...), in nats.

    Example:
        >>> predicted = [[0.75, 0.25], [0.75, 0.25]]
        >>> losses.sparse_categorical_crossentropy([1, -1], predicted, ignore_class=-1)
        tensor([1.3863, 0.0000])
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


class BinaryCrossentropy(LossFunctionWrapper):
    """`binary_crossentropy`, reduced to one number.

    Arguments:
        from_logits, label_smoothing, axis: as for `binary_crossentropy`.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "binary_crossentropy".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `binary_crossentropy` takes, and `sample_weight` of
    the losses' leading dims if wanted; gives a scalar, or with "none" the losses themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> losses.BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]])  # log(2)
        tensor(0.6931)
        >>> losses.BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]])
        tensor(0.6931)
    """

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


class CategoricalCrossentropy(LossFunctionWrapper):
    """`categorical_crossentropy`, reduced to one number.

    Arguments:
        from_logits, label_smoothing, axis: as for `categorical_crossentropy`.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "categorical_crossentropy".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `categorical_crossentropy` takes, and
    `sample_weight` of the losses' leading dims if wanted; gives a scalar, or with "none" the losses
    themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> loss = losses.CategoricalCrossentropy(from_logits=True)
        >>> loss([[0, 1], [1, 0]], [[0.0, math.log(3)], [0.0, math.log(3)]])  # log(4/3) and log(4)
        tensor(0.8370)
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


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """`sparse_categorical_crossentropy`, reduced to one number.

    Arguments:
        from_logits, ignore_class, axis: as for `sparse_categorical_crossentropy`.
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" or "none"; see
            `Loss`.
        name: the loss's name in logs and configs; default "sparse_categorical_crossentropy".
        dtype: what to compute in; None: the float default.

    Called with the targets and predictions that `sparse_categorical_crossentropy` takes, and
    `sample_weight` of the losses' leading dims if wanted; gives a scalar, or with "none" the losses
    themselves.
    Raises: ValueError for an unknown reduction.

    Example:
        >>> loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
        >>> loss([1, 0, -1], [[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]])  # log(2), over two samples
        tensor(0.6931)
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
