"""Rows of convolution and pooling, in either data format, by XLA's own kernels: no transposes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kdist.backend.jax.kernels import kernel
from kdist.backend.jax.tensors import as_tensor, promote_two
from kdist.core import config


def _sizes(value: Any, dims: int) -> tuple[int, ...]:
    """One int for every spatial dim."""
    return (value,) * dims if isinstance(value, int | np.integer) else tuple(int(v) for v in value)


def _padding(padding: str) -> str:
    if str(padding).lower() not in ("same", "valid"):
        raise ValueError(f"padding={padding!r} is not known. Use 'same' or 'valid'.")
    return padding.upper()


def _channel_dim(data_format: str | None) -> int:
    return -1 if config.standardize_data_format(data_format) == "channels_last" else 1


def _dimension_numbers(dims: int, channel_dim: int) -> lax.ConvDimensionNumbers:
    """For inputs with channels last, or in dim 1, and kernels (*spatial, in, out)."""
    if channel_dim == -1:
        inputs = (0, dims + 1, *range(1, dims + 1))
    else:
        inputs = (0, 1, *range(2, dims + 2))
    return lax.ConvDimensionNumbers(inputs, (dims + 1, dims, *range(dims)), inputs)


def _convolve(
    inputs: jax.Array,
    kernel: jax.Array,
    strides: Any,
    padding: str,
    channel_dim: int,
    dilation_rate: Any,
    groups: int,
) -> jax.Array:
    dims = inputs.ndim - 2
    out = lax.conv_general_dilated(
        inputs,
        kernel,
        _sizes(strides, dims),
        _padding(padding),
        rhs_dilation=_sizes(dilation_rate, dims),
        dimension_numbers=_dimension_numbers(dims, channel_dim),
        feature_group_count=groups,
    )
    if out.size == 0 and inputs.size:
        raise ValueError(
            f"The convolution of inputs {inputs.shape} by a kernel {kernel.shape} is empty: "
            f"strides={strides}, dilation_rate={dilation_rate}, padding={padding!r}. "
            "Make the inputs larger, or pad by 'same'."
        )
    return out


def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> jax.Array:
    inputs, kernel = promote_two(inputs, kernel)
    channel_dim = _channel_dim(data_format)
    channels, per_group = inputs.shape[channel_dim], kernel.shape[-2]
    if channels % per_group:
        raise ValueError(
            f"The inputs have {channels} channels, and the kernel {kernel.shape} takes "
            f"{per_group}: the first must be a multiple of the second."
        )
    return _convolve(
        inputs, kernel, strides, padding, channel_dim, dilation_rate, channels // per_group
    )


def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> jax.Array:
    inputs, kernel = promote_two(inputs, kernel)
    channel_dim = _channel_dim(data_format)
    channels = inputs.shape[channel_dim]
    if kernel.shape[-2] != channels:
        raise ValueError(
            f"The inputs {inputs.shape} have {channels} channels, and the depthwise kernel "
            f"{kernel.shape} takes {kernel.shape[-2]}."
        )
    kernel = jnp.reshape(kernel, (*kernel.shape[:-2], 1, channels * kernel.shape[-1]))
    return _convolve(inputs, kernel, strides, padding, channel_dim, dilation_rate, channels)


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> jax.Array:
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format)


def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> jax.Array:
    """kernel (*spatial, out, in)."""
    inputs, kernel = promote_two(inputs, kernel)
    channel_dim, dims = _channel_dim(data_format), inputs.ndim - 2
    if inputs.shape[channel_dim] != kernel.shape[-1]:
        raise ValueError(
            f"The inputs {inputs.shape} have {inputs.shape[channel_dim]} channels, and the kernel "
            f"{kernel.shape} takes {kernel.shape[-1]}."
        )
    strides, dilation = _sizes(strides, dims), _sizes(dilation_rate, dims)
    extra = (None,) * dims if output_padding is None else _sizes(output_padding, dims)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilation, strict=False)]
    pads = [
        _transpose_pads(k, s, _padding(padding), e)
        for k, s, e in zip(reach, strides, extra, strict=True)
    ]
    return lax.conv_transpose(
        inputs,
        kernel,
        strides,
        pads,
        rhs_dilation=dilation,
        dimension_numbers=_dimension_numbers(dims, channel_dim),
        transpose_kernel=True,
    )


def _transpose_pads(kernel: int, stride: int, padding: str, extra: int | None) -> tuple[int, int]:
    """Zeros on both sides of the input that is spread by `stride`; `kernel` counts the dilation in.

    The output has (input - 1) * stride + 2 - kernel + left + right places. Keras's sizes are
    "valid": (input - 1) * stride + max(kernel, stride), "same": input * stride; and with `extra`
    (input - 1) * stride + kernel + extra and (input - 1) * stride + kernel % 2 + extra.
    """
    if padding == "VALID":
        return kernel - 1, kernel - 1 + (max(kernel, stride) - kernel if extra is None else extra)
    total = stride + kernel - 2 if extra is None else kernel + kernel % 2 - 2 + extra
    left = min(-(-total // 2), kernel - 1)
    return left, total - left


# ---- pooling ---------------------------------------------------------------------------------
def _windows(inputs: jax.Array, pool_size: Any, strides: Any, data_format: str | None) -> tuple:
    dims, channel_dim = inputs.ndim - 2, _channel_dim(data_format)
    if dims not in (1, 2, 3):
        raise ValueError(f"inputs have {dims} spatial dims, and must have 1, 2 or 3.")
    whole = lambda v: (1, *v, 1) if channel_dim == -1 else (1, 1, *v)
    size = _sizes(pool_size, dims)
    return whole(size), whole(size if strides is None else _sizes(strides, dims))


def max_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:
    inputs = as_tensor(inputs)
    return _max_pool(inputs, *_windows(inputs, pool_size, strides, data_format), _padding(padding))


@kernel("size", "strides", "padding")
def _max_pool(inputs: jax.Array, size: tuple, strides: tuple, padding: str) -> jax.Array:
    floats = jnp.issubdtype(inputs.dtype, jnp.inexact)
    low = -np.inf if floats else jnp.iinfo(inputs.dtype).min
    return lax.reduce_window(inputs, np.asarray(low, inputs.dtype), lax.max, size, strides, padding)


def average_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:
    inputs = as_tensor(inputs)
    return _average_pool(
        inputs, *_windows(inputs, pool_size, strides, data_format), _padding(padding)
    )


@kernel("size", "strides", "padding")
def _average_pool(inputs: jax.Array, size: tuple, strides: tuple, padding: str) -> jax.Array:
    zero = np.zeros((), inputs.dtype)
    sums = lax.reduce_window(inputs, zero, lax.add, size, strides, padding)
    if padding == "VALID":
        return sums / math.prod(size)
    # Padding counts nowhere: divide by the number of real places in each window.
    ones = jnp.ones(
        [n if k > 1 else 1 for n, k in zip(inputs.shape, size, strict=True)], inputs.dtype
    )
    return sums / lax.reduce_window(ones, zero, lax.add, size, strides, padding)


ROWS: dict[str, Callable] = {
    f.__name__: f
    for f in (conv, depthwise_conv, separable_conv, conv_transpose, max_pool, average_pool)
}
