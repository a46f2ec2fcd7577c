"""Rows of convolution; see `windows` for what they share with pooling."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kdist.backend.torch.rows import is_int
from kdist.backend.torch.tensors import as_tensor, promoted
from kdist.backend.torch.windows import (
    Padding,
    alike,
    channels_first,
    channels_last,
    check_padding,
    hashable,
    orders,
    padded,
    padding_of,
    sizes_of,
    spatial_dims,
)
from kdist.core import config

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_TO_TORCH_KERNEL = {n: (n - 1, n - 2, *range(n - 2)) for n in (3, 4, 5)}


def _torch_kernel(kernel: Tensor) -> Tensor:
    return torch.permute(kernel, _TO_TORCH_KERNEL[kernel.ndim])


class _Conv(NamedTuple):
    """A convolution of inputs of one shape: torch's kernel, the orders of dims it wants, its further arguments."""

    native: Callable
    first: tuple[int, ...] | None
    kernel: tuple[int, ...]
    last: tuple[int, ...] | None
    padding: Padding
    arguments: tuple


@functools.lru_cache(maxsize=1024)  # a small layer's kernel takes less time than this
def _conv(
    shape: torch.Size, kernel: torch.Size, strides: Any, padding: str, data_format: str, rate: Any
) -> _Conv:
    n = spatial_dims(shape)
    to_first, to_last = orders(data_format, n)
    lengths, channels = (shape[2:], shape[1]) if to_first is None else (shape[1:-1], shape[-1])
    strides, dilation = sizes_of(strides, n, "strides"), sizes_of(rate, n, "dilation_rate")
    per_group = kernel[-2]
    if channels % per_group:
        raise ValueError(
            f"inputs have {channels} channels, which the kernel's {per_group} input channels do not divide. "
            f"Received: kernel.shape={tuple(kernel)}."
        )
    windows = tuple([(k - 1) * d + 1 for k, d in zip(kernel[:-2], dilation, strict=True)])
    pads = padding_of(tuple(lengths), windows, strides, padding)
    arguments = (alike(strides), alike(pads.kernel), alike(dilation), channels // per_group)
    return _Conv(_CONV[n], to_first, _TO_TORCH_KERNEL[n + 2], to_last, pads, arguments)


def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    return conv_with_bias(inputs, kernel, None, strides, padding, data_format, dilation_rate)


def conv_with_bias(
    inputs: Any,
    kernel: Any,
    bias: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """The kernel adds the bias in its own pass."""
    x, kernel = promoted(inputs, kernel)
    call = _conv(
        x.shape,
        kernel.shape,
        hashable(strides),
        padding,
        data_format or config.image_data_format(),
        hashable(dilation_rate),
    )
    bias = None if bias is None else as_tensor(bias, x.dtype)
    x = x if call.first is None else torch.permute(x, call.first)
    x = padded(x, call.padding, 0.0)
    out = call.native(x, torch.permute(kernel, call.kernel), bias, *call.arguments)
    return out if call.last is None else torch.permute(out, call.last)


def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    kernel = as_tensor(kernel)
    # (*spatial, in, multiplier) -> one group per input channel.
    kernel = kernel.reshape(*kernel.shape[:-2], 1, kernel.shape[-2] * kernel.shape[-1])
    return conv(inputs, kernel, strides, padding, data_format, dilation_rate)


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format, 1)


def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    x, kernel = promoted(inputs, kernel)
    n = spatial_dims(x.shape)
    last = config.standardize_data_format(data_format) == "channels_last"
    if last:
        x = channels_first(x)
    weight = _torch_kernel(kernel)  # (*spatial, out, in) -> (in, out, *spatial)
    strides = sizes_of(strides, n, "strides")
    dilation = sizes_of(dilation_rate, n, "dilation_rate")
    extra = (
        [None] * n
        if output_padding is None
        else [int(output_padding)] * n
        if is_int(output_padding)
        else list(output_padding)
    )
    if x.shape[1] != weight.shape[0]:
        raise ValueError(
            f"inputs have {x.shape[1]} channels, and the kernel's last dim is {weight.shape[0]}. Received: "
            f"kernel.shape={tuple(kernel.shape)}."
        )
    out = _CONV_TRANSPOSE[n](x, weight, None, strides, 0, 0, 1, dilation)
    # The native call gives the full result, (length - 1) * stride + window; "valid" and "same" are windows into it.
    pads = [
        pair
        for k, s, d, e in zip(
            reversed(weight.shape[2:]),
            reversed(strides),
            reversed(dilation),
            reversed(extra),
            strict=True,
        )
        for pair in _transpose_crop((k - 1) * d + 1, s, check_padding(padding), e)
    ]
    out = F.pad(out, pads) if any(pads) else out
    return channels_last(out) if last else out


def _transpose_crop(window: int, stride: int, padding: str, extra: int | None) -> tuple[int, int]:
    """Zeros to add (negative: elements to cut) before and after a dim of the full transposed convolution.

    Output lengths: valid (length - 1) * stride + window + extra, at least length * stride by default; same length *
        stride by default, else
    (length - 1) * stride + window % 2 + extra.
    """
    if padding == "valid":
        return 0, max(stride - window, 0) if extra is None else extra
    total = stride + window - 2 if extra is None else window + window % 2 - 2 + extra
    before = min(total // 2 + total % 2, window - 1)
    return before - (window - 1), total - before - (window - 1)


def _floats(x: Tensor) -> Tensor:
    """`x`, if integers as float64: the kernels of windows are for floats (exact up to 2**53)."""
    return x if x.is_floating_point() or x.is_complex() else x.double()


def unfold(
    x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    x = as_tensor(x)
    return F.unfold(_floats(x), kernel_size, dilation, padding, stride).to(x.dtype)


def fold(
    x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    x = as_tensor(x)
    return F.fold(_floats(x), output_size, kernel_size, dilation, padding, stride).to(x.dtype)


OPS = {
    "fold": fold,
    "unfold": unfold,
    "conv": conv,
    "conv_with_bias": conv_with_bias,
    "conv_transpose": conv_transpose,
    "depthwise_conv": depthwise_conv,
    "separable_conv": separable_conv,
}
