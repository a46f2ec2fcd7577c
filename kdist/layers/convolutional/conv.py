"""`Conv1D`, `Conv2D`, `Conv3D`."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.distribution import LinearSplit
from kdist.layers.convolutional.base import Windowed
from kdist.layers.options import add_weight, set_options


class BaseConv(Windowed):
    """Convolution over `rank` axes; the public classes fix the rank.

    Weights: kernel (*window, in / groups, filters), bias (filters,).
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
        groups: int = 1,
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
            allow_causal=rank == 1,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self._positive(filters=filters, groups=groups)
        if filters is not None and filters % groups:
            raise ValueError(
                "The number of filters must be evenly divisible by the number of groups. "
                f"Received: groups={groups}, filters={filters}."
            )
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "`strides > 1` not supported in conjunction with `dilation_rate > 1`. "
                f"Received: strides={self.strides} and dilation_rate={self.dilation_rate}"
            )
        self.filters = filters
        self.groups = groups
        set_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._input_channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be evenly divisible by the number of groups. "
                f"Received groups={self.groups}, but the input has {channels} channels (full "
                f"input shape is {tuple(input_shape)})."
            )
        # A window that does not fit fails here, before weights exist.
        self.compute_output_shape(input_shape)
        self.kernel = add_weight(
            self, "kernel", (*self.kernel_size, channels // self.groups, self.filters)
        )
        self._add_bias(self.filters)
        self._causal_pad = None
        if self.padding == "causal":
            before = [(self.dilation_rate[0] * (self.kernel_size[0] - 1), 0)]
            last = self.data_format == "channels_last"
            self._causal_pad = [(0, 0), *(before + [(0, 0)] if last else [(0, 0)] + before)]

    def call(self, inputs: Any) -> Any:
        padding = self.padding
        if self._causal_pad is not None:
            inputs, padding = ops.pad(inputs, self._causal_pad), "valid"
        how = (self.strides, padding, self.data_format, self.dilation_rate)
        if self.bias is None:
            return self.activation(ops.conv(inputs, self.kernel.value, *how))
        x = ops.conv_with_bias(inputs, self.kernel.value, self.bias.value, *how)
        return self.activation(x)

    def tensor_split(self) -> LinearSplit | None:
        """By channels, where there is one group of them."""
        if not self.built or self.groups != 1:
            return None
        bias = () if self.bias is None else ((self.bias, 0),)
        return LinearSplit(
            self.kernel.shape[-2],
            self.filters,
            columns=((self.kernel, -1), *bias),
            rows=((self.kernel, -2),),
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self._output_shape(input_shape, self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "groups": self.groups,
            **self._window_config("kernel"),
        }


class Conv1D(BaseConv):
    """Convolution over steps.

    Arguments:
        filters: number of output channels.
        kernel_size: size of the window, an int or 1 of them.
        strides: step of the window.
        padding: "valid" (none), "same" (zeros, so that size / stride remains, rounded up) or
            "causal" (zeros before the first step only).
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: distance between the window's elements; above 1 only where the strides are 1.
        groups: number of groups of channels, convolved separately.
        activation: name or function; None for none.
        use_bias: whether a bias is added to each channel.
        kernel_initializer, bias_initializer: how the (*kernel_size, channels / groups, filters)
            kernel and the bias begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input (batch, steps, channels); output (batch, new_steps, filters).
    Raises: ValueError for sizes that are not positive, or a window larger than the input.
    Example: `Conv1D(16, 3, padding="same", activation="relu")`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
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
            data_format,
            dilation_rate,
            groups,
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


class Conv2D(BaseConv):
    """Convolution over height, width.

    Arguments:
        filters: number of output channels.
        kernel_size: size of the window, an int or 2 of them.
        strides: step of the window.
        padding: "valid" (none), "same" (zeros, so that size / stride remains, rounded up).
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: distance between the window's elements; above 1 only where the strides are 1.
        groups: number of groups of channels, convolved separately.
        activation: name or function; None for none.
        use_bias: whether a bias is added to each channel.
        kernel_initializer, bias_initializer: how the (*kernel_size, channels / groups, filters)
            kernel and the bias begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input (batch, height, width, channels); output (batch, new_height, new_width, filters).
    Raises: ValueError for sizes that are not positive, or a window larger than the input.
    Example: `Conv2D(16, 3, padding="same", activation="relu")`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        groups: int = 1,
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
            data_format,
            dilation_rate,
            groups,
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


class Conv3D(BaseConv):
    """Convolution over depth, height, width.

    Arguments:
        filters: number of output channels.
        kernel_size: size of the window, an int or 3 of them.
        strides: step of the window.
        padding: "valid" (none), "same" (zeros, so that size / stride remains, rounded up).
        data_format: "channels_last" or "channels_first"; None: the configured one.
        dilation_rate: distance between the window's elements; above 1 only where the strides are 1.
        groups: number of groups of channels, convolved separately.
        activation: name or function; None for none.
        use_bias: whether a bias is added to each channel.
        kernel_initializer, bias_initializer: how the (*kernel_size, channels / groups, filters)
            kernel and the bias begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.

    Input (batch, depth, height, width, channels); output (batch, new_depth, new_height, new_width,
    filters).
    Raises: ValueError for sizes that are not positive, or a window larger than the input.
    Example: `Conv3D(16, 3, padding="same", activation="relu")`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1, 1),
        groups: int = 1,
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
            data_format,
            dilation_rate,
            groups,
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
