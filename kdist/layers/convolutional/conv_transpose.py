"""`Conv1DTranspose`, `Conv2DTranspose`, `Conv3DTranspose`."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.layers.convolutional.base import Windowed
from kdist.layers.options import (
    add_weight,
    per_axis,
    set_options,
    spatial_sizes,
    with_channels,
)


class BaseConvTranspose(Windowed):
    """Transposed convolution over `rank` axes; the public classes fix the rank.

    Weights: kernel (*window, filters, in), bias (filters,).
    """

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            rank,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            (bias_initializer, bias_regularizer, bias_constraint),
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self._positive(filters=filters)
        self.filters = filters
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = per_axis(output_padding, rank, "output_padding", allow_zero=True)
            if any(p >= s for p, s in zip(self.output_padding, self.strides, strict=True)):
                raise ValueError(
                    "Strides must be greater than output padding. Received "
                    f"strides={self.strides}, output_padding={self.output_padding}."
                )
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "`strides > 1` not supported in conjunction with `dilation_rate > 1`. "
                f"Received: strides={self.strides} and dilation_rate={self.dilation_rate}"
            )
        set_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        self.kernel = add_weight(self, "kernel", (*self.kernel_size, self.filters, channels))
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        x = ops.conv_transpose(
            inputs,
            self.kernel.value,
            self.strides,
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )
        return self._finish(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes = tuple(
            None if size is None else self._enlarged(i, size)
            for i, size in enumerate(spatial_sizes(input_shape, self.data_format))
        )
        return with_channels(input_shape[0], sizes, self.filters, self.data_format)

    def _enlarged(self, axis: int, size: int) -> int:
        stride = self.strides[axis]
        span = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        extra = None if self.output_padding is None else self.output_padding[axis]
        if self.padding == "valid":
            return (size - 1) * stride + span + (max(stride - span, 0) if extra is None else extra)
        return size * stride if extra is None else (size - 1) * stride + span % 2 + extra

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "output_padding": self.output_padding,
            **self._window_config("kernel"),
        }


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution over steps, which enlarges.

    It is the gradient of a convolution with respect to its input.

    Arguments:
        filters: number of output channels.
        kernel_size: size of the window, an int or 1 of them.
        strides: factor by which the input grows.
        padding: "valid" gives size * stride + max(window - stride, 0); "same" gives size * stride.
        output_padding: extra size at the end of each axis, less than the stride; None: by `padding`
            alone.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: distance between the window's elements; above 1 only where the strides are 1.
        activation: name or function; None for none.
        use_bias: whether a bias is added to each channel.
        kernel_initializer, bias_initializer: how the (*kernel_size, filters, channels) kernel and
            the bias begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input (batch, steps, channels); output (batch, new_steps, filters).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            1,
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )


class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution over height, width, which enlarges.

    It is the gradient of a convolution with respect to its input.

    Arguments:
        filters: number of output channels.
        kernel_size: size of the window, an int or 2 of them.
        strides: factor by which the input grows.
        padding: "valid" gives size * stride + max(window - stride, 0); "same" gives size * stride.
        output_padding: extra size at the end of each axis, less than the stride; None: by `padding`
            alone.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: distance between the window's elements; above 1 only where the strides are 1.
        activation: name or function; None for none.
        use_bias: whether a bias is added to each channel.
        kernel_initializer, bias_initializer: how the (*kernel_size, filters, channels) kernel and
            the bias begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input (batch, height, width, channels); output (batch, new_height, new_width, filters).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            2,
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution over depth, height, width, which enlarges.

    It is the gradient of a convolution with respect to its input.

    Arguments:
        filters: number of output channels.
        kernel_size: size of the window, an int or 3 of them.
        strides: factor by which the input grows.
        padding: "valid" gives size * stride + max(window - stride, 0); "same" gives size * stride.
        output_padding: extra size at the end of each axis, less than the stride; None: by `padding`
            alone.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: distance between the window's elements; above 1 only where the strides are 1.
        activation: name or function; None for none.
        use_bias: whether a bias is added to each channel.
        kernel_initializer, bias_initializer: how the (*kernel_size, filters, channels) kernel and
            the bias begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input (batch, depth, height, width, channels); output (batch, new_depth, new_height, new_width,
    filters).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = (1, 1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            3,
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
