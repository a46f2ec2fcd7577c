"""Sums and means of values over samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdist import ops
from kdist.core import masks, serialization
from kdist.losses.reduction import squeeze_or_expand_to_same_rank
from kdist.metrics.metric import Metric


def weigh(values: Any, sample_weight: Any, reduce: Callable, dtype: str) -> tuple[Any, Any]:
    """Values per sample times their weights, and the weights, both reduced to (batch,).

    Arguments:
        values: (batch, ...).
        sample_weight: a tensor of the leading dims of `values`.
        reduce: `ops.sum` or `ops.mean`, for the dims behind the batch.
    """
    weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
    values, weight = squeeze_or_expand_to_same_rank(values, weight)
    rank = len(weight.shape)
    if len(values.shape) > rank:
        values = reduce(values, axis=tuple(range(rank, len(values.shape))))
    values = ops.multiply(values, weight)
    if rank > 1:
        weight = ops.broadcast_to(weight, ops.shape(values))
        weight = reduce(weight, axis=tuple(range(1, rank)))
    if len(values.shape) > 1:
        values = reduce(values, axis=tuple(range(1, len(values.shape))))
    return values, ops.broadcast_to(weight, ops.shape(values))


def mask_weights(sample_weight: Any, mask: Any, dtype: str) -> Any:
    """Weights that are 0 where `mask` is False."""
    if mask is None:
        return sample_weight
    mask = ops.cast(mask, dtype)
    if sample_weight is None:
        return mask
    mask, weight = squeeze_or_expand_to_same_rank(mask, ops.cast(sample_weight, dtype))
    for _ in range(len(mask.shape) - len(weight.shape)):
        weight = ops.expand_dims(weight, -1)
    return ops.multiply(weight, mask)


class Sum(Metric):
    """The weighted sum of all values.

    Arguments:
        name: the metric's name in logs; default "sum".
        dtype: what to compute in; None: the float default.

    `update_state` takes values (batch, ...) and weights of their leading dims.

    Example:
        >>> total = metrics.Sum()
        >>> total.update_state([1.0, 2.0])
        >>> total.update_state([4.0], sample_weight=[0.5])
        >>> total.result()
        tensor(5.)
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", self.dtype, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add `values` (batch, ...), times `sample_weight` if given (its leading dims)."""
        if sample_weight is not None:  # a mask counts only beside weights, as in Keras
            sample_weight = mask_weights(sample_weight, masks.get_keras_mask(values), self.dtype)
        values = ops.cast(values, self.dtype)
        if sample_weight is not None:
            values, _ = weigh(values, sample_weight, ops.sum, self.dtype)
        self.total.assign_add(ops.sum(values))

    def reset_state(self) -> None:
        self.total.assign(0)

    def result(self) -> Any:
        return self.total.value


class Mean(Metric):
    """The weighted mean of all values, as `total / count`; 0 before any was added.

    Arguments:
        name: the metric's name in logs; default "mean".
        dtype: what to compute in; None: the float default.

    `update_state` takes values (batch, ...) and weights of their leading dims.

    Example:
        >>> mean = metrics.Mean()
        >>> mean.update_state([1.0, 2.0])
        >>> mean.update_state([6.0])
        >>> mean.result()
        tensor(3.)
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", self.dtype, name="total")
        self.count = self.add_variable((), "zeros", self.dtype, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add `values` (batch, ...). Dims behind the batch are averaged.

        Arguments:
            sample_weight: None, or a tensor of the leading dims of `values`, counted in place of
                1 each.
        """
        if type(sample_weight) in (int, float) and len(getattr(values, "shape", (1,))) == 0:
            # A loss of the whole batch, weighted by the number of its samples: once a step.
            self.total.assign_add(ops.cast(values, self.dtype) * sample_weight)
            self.count.assign_add(sample_weight)
            return
        if sample_weight is not None:  # a mask counts only beside weights, as in Keras
            sample_weight = mask_weights(sample_weight, masks.get_keras_mask(values), self.dtype)
        values = ops.cast(values, self.dtype)
        if sample_weight is not None:
            values, weight = weigh(values, sample_weight, ops.mean, self.dtype)
            self.total.assign_add(ops.sum(values))
            self.count.assign_add(ops.sum(weight))
            return
        rank = len(values.shape)
        if rank > 1:
            values = ops.mean(values, axis=tuple(range(1, rank)))
        self.total.assign_add(ops.sum(values) if rank else values)
        self.count.assign_add(ops.shape(values)[0] if rank else 1)

    def reset_state(self) -> None:
        self.total.assign(0)
        self.count.assign(0)

    def result(self) -> Any:
        return ops.divide_no_nan(self.total.value, self.count.value)


class MeanMetricWrapper(Mean):
    """The mean of `fn(y_true, y_pred, **kwargs)` over samples.

    Arguments:
        fn: gives values per sample, (batch, ...).
        name, dtype: as in `Metric`.
        kwargs: passed to `fn` at each update.

    Example:
        >>> def within(y_true, y_pred, distance):
        ...     return ops.cast(ops.abs(ops.subtract(y_true, y_pred)) <= distance, "float32")
        >>> metrics.MeanMetricWrapper(within, distance=2.0)([1.0, 1.0, 1.0], [0.0, 3.0, 4.0])
        tensor(0.6667)
    """

    _config_names: tuple[str, ...] = ()  # of a built-in: its arguments, which are the function's

    def __init__(self, fn: Callable, name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        for argument, value in kwargs.items():
            if argument in self._config_names:
                setattr(self, argument, value)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Arguments:
            y_true, y_pred: targets and predictions, (batch, ...).
            sample_weight: weights of their leading dims; None: 1.
        """
        mask = masks.get_keras_mask(y_pred)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if mask is not None:
            sample_weight = mask_weights(sample_weight, mask, self.dtype)
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if type(self) is not MeanMetricWrapper and type(self).__module__.startswith("kdist."):
            return {**config, **{n: getattr(self, n) for n in self._config_names}}
        return {
            **config,
            "fn": serialization.serialize_keras_object(self._fn),
            **serialization.serialize_keras_object(self._fn_kwargs),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        if "fn" in config:
            config = serialization.deserialize_keras_object(config)
        return cls(**config)
