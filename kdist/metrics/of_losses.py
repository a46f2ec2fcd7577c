"""Means over samples of the loss functions."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.losses import crossentropy, probabilistic, regression
from kdist.losses.hinge import categorical_hinge, hinge, squared_hinge
from kdist.losses.reduction import squeeze_or_expand_to_same_rank
from kdist.metrics.reduction import Mean, MeanMetricWrapper


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between vectors along `axis`: the loss of that name, negated."""
    return -regression.cosine_similarity(y_true, y_pred, axis=axis)


class MeanSquaredError(MeanMetricWrapper):
    """The mean of `losses.mean_squared_error` over samples.

    Arguments:
        name: the metric's name in logs; default "mean_squared_error".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `losses.mean_squared_error` takes, and weights of the values' leading
    dims.

    Example:
        >>> metrics.MeanSquaredError()([[0.0], [1.0]], [[1.0], [1.0]])
        tensor(0.5000)
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None):
        super().__init__(regression.mean_squared_error, name, dtype)


class RootMeanSquaredError(Mean):
    """The root of the mean squared error over all samples.

    Arguments:
        name: the metric's name in logs; default "root_mean_squared_error".
        dtype: what to compute in; None: the float default.

    `update_state` takes targets and predictions (batch, ...), and weights of their leading dims.

    Example:
        >>> metrics.RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]])  # sqrt((1 + 49) / 2)
        tensor(5.)
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Arguments:
            y_true, y_pred: targets and predictions, (batch, ...).
            sample_weight: weights of their leading dims; None: 1.
        """
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        super().update_state(ops.square(ops.subtract(y_pred, y_true)), sample_weight)

    def result(self) -> Any:
        return ops.sqrt(super().result())


class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of `losses.mean_absolute_error` over samples.

    Arguments:
        name: the metric's name in logs; default "mean_absolute_error".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `losses.mean_absolute_error` takes, and weights of the values' leading
    dims.

    Example:
        >>> metrics.MeanAbsoluteError()([[0.0], [0.0]], [[1.0], [3.0]])
        tensor(2.)
        >>> metrics.MeanAbsoluteError()([[0.0], [0.0]], [[1.0], [3.0]], sample_weight=[3.0, 1.0])
        tensor(1.5000)
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None):
        super().__init__(regression.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of `losses.mean_absolute_percentage_error` over samples.

    Arguments:
        name: the metric's name in logs; default "mean_absolute_percentage_error".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `losses.mean_absolute_percentage_error` takes, and weights of the
    values' leading dims.

    Example:
        >>> metrics.MeanAbsolutePercentageError()([[100.0], [200.0]], [[90.0], [260.0]])
        tensor(20.)
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(regression.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of `losses.mean_squared_logarithmic_error` over samples.

    Arguments:
        name: the metric's name in logs; default "mean_squared_logarithmic_error".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `losses.mean_squared_logarithmic_error` takes, and weights of the
    values' leading dims.

    Example:
        >>> metrics.MeanSquaredLogarithmicError()([[math.e - 1], [0.0]], [[0.0], [0.0]])
        tensor(0.5000)
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(regression.mean_squared_logarithmic_error, name, dtype)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of vectors along `axis`: 1 for one direction.

    The loss of that name is its negative.

    Arguments:
        name: the metric's name in logs; default "cosine_similarity".
        dtype: what to compute in; None: the float default.
        axis: the dim along which the vectors lie.

    `update_state` takes what `losses.cosine_similarity` takes, and weights of the values' leading
    dims.

    Example:
        >>> metrics.CosineSimilarity()([[1.0, 0.0], [1.0, 0.0]], [[3.0, 4.0], [5.0, 0.0]])
        tensor(0.8000)
    """

    _direction = "up"
    _config_names = ("axis",)

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class LogCoshError(MeanMetricWrapper):
    """The mean of `losses.log_cosh` over samples.

    Arguments:
        name: the metric's name in logs; default "logcosh".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `losses.log_cosh` takes, and weights of the values' leading dims.

    Example:
        >>> metrics.LogCoshError()([[0.0], [0.0]], [[100.0], [0.0]])  # (100 - log(2)) / 2
        tensor(49.6534)
    """

    _direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: Any = None):
        super().__init__(regression.log_cosh, name, dtype)


class KLDivergence(MeanMetricWrapper):
    """The mean of `losses.kl_divergence` over samples.

    Arguments:
        name: the metric's name in logs; default "kl_divergence".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `losses.kl_divergence` takes, and weights of the values' leading dims.

    Example:
        >>> metrics.KLDivergence()([[0.5, 0.5], [1.0, 0.0]], [[0.5, 0.5], [0.5, 0.5]])  # log(2) / 2
        tensor(0.3466)
    """

    _direction = "down"

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None):
        super().__init__(probabilistic.kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """The mean of `losses.poisson` over samples.

    Arguments:
        name: the metric's name in logs; default "poisson".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `losses.poisson` takes, and weights of the values' leading dims.

    Example:
        >>> metrics.Poisson()([[2.0], [0.0]], [[1.0], [3.0]])  # the mean of 1 and 3
        tensor(2.0000)
    """

    _direction = "down"

    def __init__(self, name: str | None = "poisson", dtype: Any = None):
        super().__init__(probabilistic.poisson, name, dtype)


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of `losses.binary_crossentropy` over samples.

    Arguments:
        name: the metric's name in logs; default "binary_crossentropy".
        dtype: what to compute in; None: the float default.
        from_logits, label_smoothing: as for `losses.binary_crossentropy`.

    `update_state` takes what `losses.binary_crossentropy` takes, and weights of the values' leading
    dims.

    Example:
        >>> metrics.BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]])  # log(2)
        tensor(0.6931)
    """

    _direction = "down"
    _config_names = ("from_logits", "label_smoothing")

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        super().__init__(
            crossentropy.binary_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.categorical_crossentropy` over samples.

    Arguments:
        name: the metric's name in logs; default "categorical_crossentropy".
        dtype: what to compute in; None: the float default.
        from_logits, label_smoothing, axis: as for `losses.categorical_crossentropy`.

    `update_state` takes what `losses.categorical_crossentropy` takes, and weights of the values'
    leading dims.

    Example:
        >>> metrics.CategoricalCrossentropy()([[0.0, 1.0]], [[0.75, 0.25]])  # log(4)
        tensor(1.3863)
    """

    _direction = "down"
    _config_names = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        super().__init__(
            crossentropy.categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.sparse_categorical_crossentropy` over samples.

    Arguments:
        name: the metric's name in logs; default "sparse_categorical_crossentropy".
        dtype: what to compute in; None: the float default.
        from_logits, ignore_class, axis: as for `losses.sparse_categorical_crossentropy`.

    `update_state` takes what `losses.sparse_categorical_crossentropy` takes, and weights of the
    values' leading dims.

    Example:
        >>> metrics.SparseCategoricalCrossentropy()([1], [[0.75, 0.25]])  # log(4)
        tensor(1.3863)
    """

    _direction = "down"
    _config_names = ("from_logits", "ignore_class", "axis")

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(
            crossentropy.sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )


class Hinge(MeanMetricWrapper):
    """The mean of `losses.hinge` over samples.

    Arguments:
        name: the metric's name in logs; default "hinge".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `losses.hinge` takes, and weights of the values' leading dims.

    Example:
        >>> metrics.Hinge()([[1.0], [-1.0]], [[0.25], [-0.5]])  # the mean of 0.75 and 0.5
        tensor(0.6250)
    """

    _direction = "down"

    def __init__(self, name: str | None = "hinge", dtype: Any = None):
        super().__init__(hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """The mean of `losses.squared_hinge` over samples.

    Arguments:
        name: the metric's name in logs; default "squared_hinge".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `losses.squared_hinge` takes, and weights of the values' leading dims.

    Example:
        >>> metrics.SquaredHinge()([[1.0], [-1.0]], [[0.5], [0.0]])  # the mean of 0.25 and 1
        tensor(0.6250)
    """

    _direction = "down"

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None):
        super().__init__(squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """The mean of `losses.categorical_hinge` over samples.

    Arguments:
        name: the metric's name in logs; default "categorical_hinge".
        dtype: what to compute in; None: the float default.

    `update_state` takes what `losses.categorical_hinge` takes, and weights of the values' leading
    dims.

    Example:
        >>> metrics.CategoricalHinge()([[0, 1], [1, 0]], [[0.4, 0.6], [0.4, 0.6]])  # of 0.8 and 1.2
        tensor(1.)
    """

    _direction = "down"

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None):
        super().__init__(categorical_hinge, name, dtype)
