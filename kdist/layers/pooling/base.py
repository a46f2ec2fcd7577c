"""What all pooling layers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdist import ops
from kdist.core import config
from kdist.layers.input_spec import InputSpec
from kdist.layers.layer import Layer
from kdist.layers.options import (
    needs_no_build,
    per_axis,
    standardize_padding,
    window_sizes,
    with_channels,
)


class Pooling(Layer):
    """Reduces each window of `rank` spatial axes to one value. Abstract: a subclass names the op.

    Arguments:
        rank: number of spatial axes.
        pool_size, strides: an int or one per spatial axis; strides None: the pool size.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; None: the configured one.
    """

    _pool: Callable

    def __init__(
        self,
        rank: int,
        pool_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.pool_size = per_axis(pool_size, rank, "pool_size")
        self.strides = self.pool_size if strides is None else per_axis(strides, rank, "strides")
        self.padding = standardize_padding(padding)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=rank + 2)
        self.built = needs_no_build(self)

    def call(self, inputs: Any) -> Any:
        return type(self)._pool(
            inputs, self.pool_size, self.strides, self.padding, self.data_format
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes = window_sizes(
            input_shape, self.pool_size, self.strides, self.padding, self.data_format
        )
        last = self.data_format == "channels_last"
        return with_channels(
            input_shape[0], sizes, input_shape[-1 if last else 1], self.data_format
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "padding": self.padding,
            "strides": self.strides,
            "data_format": self.data_format,
        }


class MaxPool(Pooling):
    """Pooling by the largest element. Abstract: the public classes fix the rank."""

    _pool = staticmethod(ops.max_pool)


class AveragePool(Pooling):
    """Pooling by the mean, padding not counted. Abstract: the public classes fix the rank."""

    _pool = staticmethod(ops.average_pool)


class GlobalPooling(Layer):
    """Reduces all `rank` spatial axes to one value per channel.

    Abstract: a subclass gives the reduction.

    Arguments:
        rank: number of spatial axes.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        keepdims: keep the spatial axes with size 1.
    """

    pools_positions = True
    _reduce: Callable

    def __init__(self, rank: int, data_format: str | None, keepdims: bool, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=rank + 2)
        first = 1 if self.data_format == "channels_last" else 2
        self._axes = tuple(range(first, first + rank))
        self.built = needs_no_build(self)

    def call(self, inputs: Any) -> Any:
        return type(self)._reduce(inputs, axis=self._axes, keepdims=self.keepdims)

    def compute_output_shape(self, input_shape: Any) -> Any:
        ones = (1,) * len(self._axes) if self.keepdims else ()
        last = self.data_format == "channels_last"
        return with_channels(input_shape[0], ones, input_shape[-1 if last else 1], self.data_format)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "data_format": self.data_format,
            "keepdims": self.keepdims,
        }


class GlobalMaxPool(GlobalPooling):
    """Global pooling by the largest element. Abstract: the public classes fix the rank."""

    _reduce = staticmethod(ops.max)


class GlobalAveragePool(GlobalPooling):
    """Global pooling by the mean. Abstract: the public classes fix the rank."""

    _reduce = staticmethod(ops.mean)
