"""What was wrong with the arguments of an op of neural networks; see `explain`."""

from __future__ import annotations

import warnings
from typing import Any

from kdist.core import config
from kdist.core.spec import Spec
from kdist.ops.checks import shape_of
from kdist.ops.explain import _in_range


def along_axis(op: str, x: Any, axis: Any = -1, *rest: Any, **named: Any) -> None:
    """Activations and norms along `axis`."""
    _in_range(op, axis, shape_of(x) or (1,))


def warn_of_one(place: str, function: str, axis: Any, stacklevel: int) -> None:
    """Warn of a softmax, or one of its kin, over one value."""
    gives = 0 if function == "log_softmax" else 1
    warnings.warn(
        f"{place}: {function} over axis {axis}, which has size 1, gives {gives} whatever it is given. For the "
        "probability of a single class use sigmoid.",
        stacklevel=stacklevel + 1,
    )


def over_axis(op: str, x: Any, axis: Any = -1) -> None:
    """Softmax and its kin. Sizes are looked at in symbolic calls alone."""
    along_axis(op, x, axis)
    if isinstance(x, Spec) and x.shape:
        axes = axis if isinstance(axis, list | tuple) else (axis,)
        if axes and all(x.shape[a] == 1 for a in axes):
            warn_of_one(f"ops.{op} of shape {x.shape}", op, axis, stacklevel=5)


def batch_normalization(
    op: str,
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> None:
    shape = shape_of(x)
    _in_range(op, axis, shape)
    given = {"mean": mean, "variance": variance, "offset": offset, "scale": scale}
    for name, vector in given.items():
        if vector is None:
            continue
        size = shape_of(vector)
        if len(size) != 1 or (None not in (size[0], shape[axis]) and size[0] != shape[axis]):
            raise ValueError(
                f"{op}: `{name}` must be a vector of length {shape[axis]}, the size of axis {axis} "
                f"of x. Received: {name}.shape={size}, x.shape={shape}."
            )


def _channels(op: str, inputs: Any, kernel: Any, data_format: Any) -> tuple[Any, tuple]:
    """The inputs' number of channels and the kernel's shape."""
    shape, window = shape_of(inputs), shape_of(kernel)
    if len(shape) not in (3, 4, 5):
        raise ValueError(
            f"{op}: inputs must have a batch axis, 1, 2 or 3 spatial axes and a channel axis. "
            f"Received: inputs.shape={shape}."
        )
    if len(window) != len(shape):
        raise ValueError(
            f"{op}: kernel must have as many axes as inputs. Received: kernel.shape={window}, "
            f"inputs.shape={shape}."
        )
    last = config.standardize_data_format(data_format) == "channels_last"
    return shape[-1 if last else 1], window


def _unequal(op: str, inputs: Any, kernel: Any, channels: int, wanted: str) -> ValueError:
    return ValueError(
        f"{op}: the input channels must match the kernel: inputs have {channels}, and the kernel is "
        f"for {wanted}. Received: inputs.shape={shape_of(inputs)}, kernel.shape={shape_of(kernel)}."
    )


def conv(
    op: str,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> None:
    channels, window = _channels(op, inputs, kernel, data_format)
    per_group, out = window[-2:]
    if channels is None or not per_group:
        return
    if channels % per_group:
        raise _unequal(op, inputs, kernel, channels, f"multiples of {per_group}")
    groups = channels // per_group
    if out is not None and out % groups:
        raise ValueError(
            f"{op}: inputs of {channels} channels and a kernel for {per_group} make {groups} groups, "
            f"which do not divide the {out} output channels. Received: kernel.shape={window}."
        )


def depthwise_conv(
    op: str,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> None:
    channels, window = _channels(op, inputs, kernel, data_format)
    if None not in (channels, window[-2]) and channels != window[-2]:
        raise _unequal(op, inputs, kernel, channels, str(window[-2]))


def separable_conv(
    op: str,
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> None:
    depthwise_conv(op, inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    given = shape_of(depthwise_kernel)[-2:]
    mixed, wanted = shape_of(pointwise_kernel)[-2], None if None in given else given[0] * given[1]
    if None not in (mixed, wanted) and mixed != wanted:
        raise ValueError(
            f"{op}: pointwise_kernel must be for the {wanted} channels that depthwise_kernel gives. "
            f"Received: pointwise_kernel.shape={shape_of(pointwise_kernel)}."
        )


def conv_transpose(
    op: str,
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    output_padding: Any = None,
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> None:
    channels, window = _channels(op, inputs, kernel, data_format)
    if None not in (channels, window[-1]) and channels != window[-1]:
        raise _unequal(op, inputs, kernel, channels, str(window[-1]))
