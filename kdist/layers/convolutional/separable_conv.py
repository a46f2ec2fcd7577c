"""`SeparableConv1D`, `SeparableConv2D`."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.layers.convolutional.base import Windowed
from kdist.layers.options import add_weight, set_options


class BaseSeparableConv(Windowed):
    """Separable convolution over `rank` axes; the public classes fix the rank.

    Weights: depthwise and pointwise kernel, bias.
    """

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
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
        self._positive(filters=filters, depth_multiplier=depth_multiplier)
        self.filters = filters
        self.depth_multiplier = depth_multiplier
        set_options(
            self, "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )
        set_options(
            self, "pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint
        )

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        self.compute_output_shape(input_shape)  # a window that does not fit fails here
        deep = (*self.kernel_size, channels, self.depth_multiplier)
        mixing = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = add_weight(self, "depthwise_kernel", deep, options="depthwise")
        self.pointwise_kernel = add_weight(self, "pointwise_kernel", mixing, options="pointwise")
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        x = ops.separable_conv(
            inputs,
            self.depthwise_kernel.value,
            self.pointwise_kernel.value,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return self._finish(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self._output_shape(input_shape, self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "depth_multiplier": self.depth_multiplier,
            "filters": self.filters,
            **self._window_config("depthwise", "pointwise"),
        }


class SeparableConv1D(BaseSeparableConv):
    """Convolution over steps of each channel by itself, then a mixing of the channels.

    Chollet 2016, https://arxiv.org/abs/1610.02357.

    Arguments:
        filters: number of output channels.
        kernel_size: size of the window, an int or 1 of them.
        strides: step of the window.
        padding: "valid" (none) or "same" (zeros, so that size / stride remains, rounded up).
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: distance between the window's elements; above 1 only where the strides are 1.
        depth_multiplier: number of channels between the two steps for each input channel.
        activation: name or function; None for none.
        use_bias: whether a bias is added to each channel.
        depthwise_initializer, pointwise_initializer, bias_initializer: how the (*kernel_size,
            channels, depth_multiplier) kernel, the (1, ..., channels * depth_multiplier, filters)
            kernel and the bias begin.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer:
            penalties.
        depthwise_constraint, pointwise_constraint, bias_constraint: projections after each update.

    Input (batch, steps, channels); output (batch, new_steps, filters).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            1,
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            depth_multiplier,
            activation,
            use_bias,
            depthwise_initializer,
            pointwise_initializer,
            bias_initializer,
            depthwise_regularizer,
            pointwise_regularizer,
            bias_regularizer,
            activity_regularizer,
            depthwise_constraint,
            pointwise_constraint,
            bias_constraint,
            **kwargs,
        )


class SeparableConv2D(BaseSeparableConv):
    """Convolution over height, width of each channel by itself, then a mixing of the channels.

    Chollet 2016, https://arxiv.org/abs/1610.02357.

    Arguments:
        filters: number of output channels.
        kernel_size: size of the window, an int or 2 of them.
        strides: step of the window.
        padding: "valid" (none) or "same" (zeros, so that size / stride remains, rounded up).
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: distance between the window's elements; above 1 only where the strides are 1.
        depth_multiplier: number of channels between the two steps for each input channel.
        activation: name or function; None for none.
        use_bias: whether a bias is added to each channel.
        depthwise_initializer, pointwise_initializer, bias_initializer: how the (*kernel_size,
            channels, depth_multiplier) kernel, the (1, ..., channels * depth_multiplier, filters)
            kernel and the bias begin.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer:
            penalties.
        depthwise_constraint, pointwise_constraint, bias_constraint: projections after each update.

    Input (batch, height, width, channels); output (batch, new_height, new_width, filters).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            2,
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            depth_multiplier,
            activation,
            use_bias,
            depthwise_initializer,
            pointwise_initializer,
            bias_initializer,
            depthwise_regularizer,
            pointwise_regularizer,
            bias_regularizer,
            activity_regularizer,
            depthwise_constraint,
            pointwise_constraint,
            bias_constraint,
            **kwargs,
        )
