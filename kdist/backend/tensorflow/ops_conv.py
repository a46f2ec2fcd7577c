"""Rows of convolutions and pooling.

TensorFlow's CPU kernels without oneDNN know neither channels_first nor groups nor dilation in their
gradients, so these three are expressed by what every build has: transposes, one convolution a
group, and kernels with zeros between their taps.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.tensors import (
    as_tensor,
    promote,
    static_or_dynamic_shape,
    to_float,
)
from kdist.core import config


@functools.lru_cache(maxsize=1)
def _on_cpu() -> bool:
    return not tf.config.list_logical_devices("GPU")


def _spatial(value: Any, n: int, argument: str, least: int = 1) -> tuple[int, ...]:
    values = (value,) * n if isinstance(value, int) else tuple(value)
    if len(values) != n or min(values) < least:  # kernels take other steps, or end the process
        raise ValueError(
            f"{argument}={value} must be an int of at least {least}, or {n}, one for each spatial dim."
        )
    return values


def _padding(padding: str) -> str:
    if padding.lower() not in ("valid", "same"):
        raise ValueError(f"padding={padding!r} is not 'valid' or 'same'.")
    return padding.upper()


def _channels_last(x: Any) -> Any:
    rank = x.shape.rank
    return tf.transpose(x, [0, *range(2, rank), 1])


def _channels_first(x: Any) -> Any:
    rank = x.shape.rank
    return tf.transpose(x, [0, rank - 1, *range(1, rank - 1)])


# Named, for TensorFlow's default of 3-D kernels, None, breaks their gradients in eager mode.
_LAST = {3: "NWC", 4: "NHWC", 5: "NDHWC"}


def _in_channels_last(fn: Callable, x: Any, data_format: str | None) -> Any:
    """`fn` of a channels_last tensor, applied to `x` of either layout."""
    if x.shape[0] == 0:  # kernels give `x` itself for no images, whatever the output's sizes
        one = tf.zeros([1, *x.shape[1:]], x.dtype)
        return _in_channels_last(fn, one, data_format)[:0]
    if config.standardize_data_format(data_format) == "channels_last":
        return fn(x)
    return _channels_first(fn(_channels_last(x)))


def _with_holes(kernel: Any, rates: tuple[int, ...]) -> Any:
    """The kernel with `rate - 1` zeros between its taps.

    A plain convolution with it is the dilated one.
    """
    for dim, rate in enumerate(rates):
        if rate > 1:
            sizes = kernel.shape.as_list()
            spread = tf.pad(
                tf.expand_dims(kernel, dim + 1),
                [[0, rate - 1 if i == dim + 1 else 0] for i in range(len(sizes) + 1)],
            )
            spread = tf.reshape(spread, [*sizes[:dim], sizes[dim] * rate, *sizes[dim + 1 :]])
            kernel = spread[(slice(None),) * dim + (slice(0, (sizes[dim] - 1) * rate + 1),)]
    return kernel


def _check_channels(x: Any, kernel: Any, data_format: str, groups_allowed: bool) -> int:
    """The number of groups. Raises ValueError where the channels do not fit the kernel."""
    channels = x.shape[-1 if data_format == "channels_last" else 1]
    per_group = kernel.shape[-2]
    if channels is None:
        return 1
    if channels % per_group or (not groups_allowed and channels != per_group):
        raise _misfit(x, kernel, data_format, channels, per_group)
    return channels // per_group


def _misfit(x: Any, kernel: Any, data_format: str, channels: int, taken: int) -> ValueError:
    return ValueError(
        f"The inputs of shape {tuple(x.shape)} ({data_format}) have {channels} channels, and the "
        f"kernel of shape {tuple(kernel.shape)} takes {taken}."
    )


def _of_complex(row: Callable) -> Callable:
    """A convolution of two tensors, of which the real and imaginary parts are convolved each with each."""

    @functools.wraps(row)
    def convolved(inputs: Any, kernel: Any, *args: Any, **kwargs: Any) -> Any:
        x, kernel = promote(inputs, kernel)
        if not x.dtype.is_complex:
            return row(x, kernel, *args, **kwargs)
        parts = [
            [row(a, b, *args, **kwargs) for b in (tf.math.real(kernel), tf.math.imag(kernel))]
            for a in (tf.math.real(x), tf.math.imag(x))
        ]
        return tf.complex(parts[0][0] - parts[1][1], parts[0][1] + parts[1][0])

    return convolved


@_of_complex
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    x, kernel = promote(inputs, kernel)
    n = x.shape.rank - 2
    strides, rates = _spatial(strides, n, "strides"), _spatial(dilation_rate, n, "dilation_rate")
    padding, data_format = _padding(padding), config.standardize_data_format(data_format)
    groups = _check_channels(x, kernel, data_format, groups_allowed=True)
    if (
        data_format == "channels_first"
        and n == 2
        and groups == 1
        and max(rates) == 1
        and not _on_cpu()
    ):
        return tf.nn.conv2d(x, kernel, [1, 1, *strides], padding, data_format="NCHW")
    if max(rates) > 1 and max(strides) > 1:
        kernel, rates = _with_holes(kernel, rates), (1,) * n

    def one_group(x: Any, kernel: Any) -> Any:
        if max(rates) > 1:
            return tf.nn.convolution(
                x, kernel, strides, padding, data_format=_LAST[x.shape.rank], dilations=rates
            )
        if n == 2:
            return tf.nn.conv2d(x, kernel, strides, padding)
        return tf.nn.convolution(x, kernel, strides, padding, data_format=_LAST[x.shape.rank])

    def compute(x: Any) -> Any:
        if groups == 1:
            return one_group(x, kernel)
        parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
        return tf.concat([one_group(a, k) for a, k in parts], -1)

    return _in_channels_last(compute, x, data_format)


@_of_complex
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    x, kernel = promote(inputs, kernel)
    n = x.shape.rank - 2
    if n not in (1, 2):
        raise ValueError(
            f"depthwise_conv takes inputs of 3 or 4 dims, and received shape {tuple(x.shape)}."
        )
    strides, rates = _spatial(strides, n, "strides"), _spatial(dilation_rate, n, "dilation_rate")
    padding, data_format = _padding(padding), config.standardize_data_format(data_format)
    _check_channels(x, kernel, data_format, groups_allowed=False)
    if n == 1:
        kernel, strides, rates = kernel[None], (1, *strides), (1, *rates)
    if max(strides) > 1:  # the kernel takes either strides or dilation
        kernel, rates = _with_holes(kernel, rates), (1, 1)

    def compute(x: Any) -> Any:
        x = x[:, None] if n == 1 else x
        if strides[0] == strides[1]:
            out = tf.nn.depthwise_conv2d(x, kernel, [1, *strides, 1], padding, dilations=rates)
        else:  # the kernel knows equal strides alone
            if padding == "SAME":
                x = _pad_same(x, kernel.shape[:2], strides)
            out = tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "VALID")[
                :, :: strides[0], :: strides[1]
            ]
        return out[:, 0] if n == 1 else out

    return _in_channels_last(compute, x, data_format)


def _pad_same(x: Any, kernel: Any, strides: tuple[int, ...]) -> Any:
    """Zeros around `x` as "same" padding puts them: the smaller half first."""
    pads = [[0, 0]]
    for size, k, s in zip(static_or_dynamic_shape(x)[1:-1], kernel, strides, strict=True):
        total = (-(-size // s) - 1) * s + k - size
        total = max(total, 0) if isinstance(total, int) else tf.maximum(total, 0)
        pads.append([total // 2, total - total // 2])
    return tf.pad(x, [*pads, [0, 0]])


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    out = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(out, pointwise_kernel, 1, "valid", data_format)


@_of_complex
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """The gradient of a convolution; kernel (*spatial, out, in)."""
    x, kernel = promote(inputs, kernel)
    n = x.shape.rank - 2
    strides, rates = _spatial(strides, n, "strides"), _spatial(dilation_rate, n, "dilation_rate")
    padding, data_format = _padding(padding), config.standardize_data_format(data_format)
    channels = x.shape[-1 if data_format == "channels_last" else 1]
    if channels is not None and channels != kernel.shape[-1]:
        raise _misfit(x, kernel, data_format, channels, kernel.shape[-1])
    extra = (
        (None,) * n if output_padding is None else _spatial(output_padding, n, "output_padding", 0)
    )
    if any(e is not None and e >= s for e, s in zip(extra, strides, strict=True)):
        raise ValueError(f"output_padding={output_padding} must be smaller than strides={strides}.")
    kernel = _with_holes(kernel, rates)
    if 0 in kernel.shape:
        raise ValueError(f"The kernel is empty: its shape is {tuple(kernel.shape)}.")

    def compute(x: Any) -> Any:
        batch, *sizes, _ = static_or_dynamic_shape(x)
        spatial = [
            _transposed_size(*p, padding)
            for p in zip(sizes, kernel.shape[:-2], strides, extra, strict=True)
        ]
        return tf.nn.conv_transpose(
            x, kernel, [batch, *spatial, kernel.shape[-2]], strides, padding
        )

    return _in_channels_last(compute, x, data_format)


def _transposed_size(size: Any, kernel: int, stride: int, extra: int | None, padding: str) -> Any:
    """Keras's output sizes of a transposed convolution.

    Without `extra` "same" gives size * stride, and "valid" what a convolution that covers every
    pixel needs.
    """
    if padding == "VALID":
        return (size - 1) * stride + (max(kernel, stride) if extra is None else kernel + extra)
    return size * stride if extra is None else (size - 1) * stride + kernel % 2 + extra


def _pool(kernel: Callable, *, keeps_dtype: bool) -> Callable:
    """A row; integers are pooled as floats, and those of the result are integers again if `keeps_dtype`."""

    def row(
        inputs: Any,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
    ) -> Any:
        x = given = as_tensor(inputs)
        if not x.dtype.is_floating:
            x = tf.cast(x, tf.float64) if keeps_dtype else to_float(x)
        n = x.shape.rank - 2
        size = _spatial(pool_size, n, "pool_size")
        step = size if strides is None else _spatial(strides, n, "strides")
        out = _in_channels_last(lambda x: kernel(x, size, step, _padding(padding)), x, data_format)
        return tf.cast(out, given.dtype) if keeps_dtype and out.dtype != given.dtype else out

    return row


def _max_pool(x: Any, size: tuple, step: tuple, padding: str) -> Any:
    return tf.nn.max_pool(x, size, step, padding, _LAST[x.shape.rank])


def _average_pool(x: Any, size: tuple, step: tuple, padding: str) -> Any:
    if padding == "VALID" and list(size) == x.shape.as_list()[1:-1] and math.prod(size) > 1:
        return tf.reduce_mean(x, axis=list(range(1, x.shape.rank - 1)), keepdims=True)
    return tf.nn.avg_pool(x, size, step, padding, _LAST[x.shape.rank])


OPS: dict[str, Callable] = {
    **{f.__name__: f for f in (conv, depthwise_conv, separable_conv, conv_transpose)},
    "max_pool": _pool(_max_pool, keeps_dtype=True),
    "average_pool": _pool(_average_pool, keeps_dtype=False),
}
