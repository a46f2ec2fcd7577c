"""`DepthwiseConv1D`, `DepthwiseConv2D`."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.layers.convolutional.base import Windowed
from kdist.layers.options import add_weight, channel_axis, set_options


class BaseDepthwiseConv(Windowed):
    """Depthwise convolution over `rank` axes; the public classes fix the rank.

    Weights: kernel (*window, in, multiplier), bias.
    """

    def __init__(
        self,
        rank: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
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
        self._positive(depth_multiplier=depth_multiplier)
        self.depth_multiplier = depth_multiplier
        set_options(
            self, "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        self.compute_output_shape(input_shape)  # a window that does not fit fails here
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = add_weight(self, "kernel", shape, options="depthwise")
        self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        x = ops.depthwise_conv(
            inputs,
            self.kernel.value,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return self._finish(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        channels = input_shape[channel_axis(self.data_format)]
        return self._output_shape(input_shape, channels * self.depth_multiplier)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "depth_multiplier": self.depth_multiplier,
            **self._window_config("depthwise"),
        }


class DepthwiseConv1D(BaseDepthwiseConv):
    """Convolution over steps of each channel by itself.

    Arguments:
        kernel_size: size of the window, an int or 1 of them.
        strides: step of the window.
        padding: "valid" (none) or "same" (zeros, so that size / stride remains, rounded up).
        depth_multiplier: number of output channels for each input channel.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: distance between the window's elements; above 1 only where the strides are 1.
        activation: name or function; None for none.
        use_bias: whether a bias is added to each channel.
        depthwise_initializer, bias_initializer: how the (*kernel_size, channels, depth_multiplier)
            kernel and the bias begin.
        depthwise_regularizer, bias_regularizer, activity_regularizer: penalties.
        depthwise_constraint, bias_constraint: projections after each update.

    Input (batch, steps, channels); output (batch, new_steps, channels * depth_multiplier).
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            1,
            kernel_size,
            strides,
            padding,
            depth_multiplier,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            depthwise_initializer,
            bias_initializer,
            depthwise_regularizer,
            bias_regularizer,
            activity_regularizer,
            depthwise_constraint,
            bias_constraint,
            **kwargs,
        )


class DepthwiseConv2D(BaseDepthwiseConv):
    """Convolution over height, width of each channel by itself.

    Arguments:
        kernel_size: size of the window, an int or 2 of them.
        strides: step of the window.
        padding: "valid" (none) or "same" (zeros, so that size / stride remains, rounded up).
        depth_multiplier: number of output channels for each input channel.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: distance between the window's elements; above 1 only where the strides are 1.
        activation: name or function; None for none.
        use_bias: whether a bias is added to each channel.
        depthwise_initializer, bias_initializer: how the (*kernel_size, channels, depth_multiplier)
            kernel and the bias begin.
        depthwise_regularizer, bias_regularizer, activity_regularizer: penalties.
        depthwise_constraint, bias_constraint: projections after each update.

    Input (batch, height, width, channels); output (batch, new_height, new_width, channels *
    depth_multiplier).
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            2,
            kernel_size,
            strides,
            padding,
            depth_multiplier,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            depthwise_initializer,
            bias_initializer,
            depthwise_regularizer,
            bias_regularizer,
            activity_regularizer,
            depthwise_constraint,
            bias_constraint,
            **kwargs,
        )
