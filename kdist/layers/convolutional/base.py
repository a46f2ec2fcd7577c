"""What all convolutions share: their window's geometry, the bias, the activation."""

from __future__ import annotations

from typing import Any

from kdist import activations, ops
from kdist.core import config
from kdist.layers.input_spec import InputSpec
from kdist.layers.layer import Layer
from kdist.layers.options import (
    activity_config,
    add_weight,
    channel_axis,
    options_config,
    per_axis,
    set_options,
    standardize_padding,
    window_sizes,
    with_channels,
)


class Windowed(Layer):
    """A layer that moves a window over `rank` spatial axes. Abstract.

    Arguments:
        rank: number of spatial axes.
        kernel_size, strides, dilation_rate: an int or one per spatial axis.
        padding: "valid" or "same", or "causal" where `allow_causal`.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        activation: name or function.
        use_bias: whether a bias is added to each channel.
        bias: initializer, regularizer and constraint of the bias.
    """

    def __init__(
        self,
        rank: int,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias: tuple,
        allow_causal: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.rank = rank
        self.kernel_size = per_axis(kernel_size, rank, "kernel_size")
        self.strides = per_axis(strides, rank, "strides")
        self.dilation_rate = per_axis(dilation_rate, rank, "dilation_rate")
        self.padding = standardize_padding(padding, allow_causal)
        self.data_format = config.standardize_data_format(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        set_options(self, "bias", *bias)
        self.input_spec = InputSpec(min_ndim=rank + 2)

    def _positive(self, **sizes: int | None) -> None:
        for name, value in sizes.items():
            if value is not None and value <= 0:
                raise ValueError(
                    f"Invalid value for argument `{name}`. Expected a strictly positive "
                    f"value. Received {name}={value}."
                )

    def _input_channels(self, input_shape: Any) -> int:
        """The input's number of channels, which later inputs must have too."""
        axis = channel_axis(self.data_format)
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                f"{type(self).__name__} needs a known number of channels. Received: "
                f"input_shape={tuple(input_shape)}."
            )
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={axis: channels})
        return channels

    def _add_bias(self, channels: int) -> None:
        self.bias = add_weight(self, "bias", (channels,)) if self.use_bias else None
        self._bias_shape = (
            None if self.data_format == "channels_last" else (1, channels) + (1,) * self.rank
        )

    def _finish(self, x: Any) -> Any:
        """Bias and activation."""
        if self.bias is not None:
            bias = self.bias.value
            if self._bias_shape is not None:
                bias = ops.reshape(bias, self._bias_shape)
            x = ops.add(x, bias)
        return self.activation(x)

    def _output_shape(self, input_shape: Any, channels: int) -> tuple:
        sizes = window_sizes(
            input_shape,
            self.kernel_size,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return with_channels(input_shape[0], sizes, channels, self.data_format)

    def _window_config(self, *weights: str) -> dict:
        return {
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            **options_config(self, *weights, "bias"),
            **activity_config(self),
        }
