"""Rows of convolution and pooling.

kdist keeps images channels-last and kernels as (*spatial, in, out); torch's kernels want (batch, channels, *spatial)
and (out, in, *spatial).
Both are views of the same memory (`permute`), which torch recognises as its own channels-last format: nothing is
copied.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kdist.backend.torch.rows import is_int
from kdist.backend.torch.tensors import as_tensor, promoted
from kdist.core import config

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_ADAPTIVE_AVERAGE_POOL = {
    1: F.adaptive_avg_pool1d,
    2: F.adaptive_avg_pool2d,
    3: F.adaptive_avg_pool3d,
}
_ADAPTIVE_MAX_POOL = {
    1: F.adaptive_max_pool1d,
    2: F.adaptive_max_pool2d,
    3: F.adaptive_max_pool3d,
}
_AVERAGE_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def _sizes(value: Any, n: int, name: str) -> tuple[int, ...]:
    if type(value) is int and value > 0:
        return (value,) * n
    sizes = (int(value),) * n if is_int(value) else tuple(int(v) for v in value)
    if len(sizes) != n or any(s < 1 for s in sizes):
        raise ValueError(
            f"{name}={value} must be a positive int, or {n} of them, one for each spatial dim."
        )
    return sizes


def _spatial_dims(x: Tensor) -> int:
    if x.ndim not in (3, 4, 5):
        raise ValueError(
            "inputs must have a batch dim, a channels dim and 1, 2 or 3 spatial dims. Received: "
            f"inputs.shape={tuple(x.shape)}."
        )
    return x.ndim - 2


# By number of dims.
_TO_FIRST = {n: (0, n - 1, *range(1, n - 1)) for n in (3, 4, 5)}
_TO_LAST = {n: (0, *range(2, n), 1) for n in (3, 4, 5)}
_TO_TORCH_KERNEL = {n: (n - 1, n - 2, *range(n - 2)) for n in (3, 4, 5)}


def _channels_first(x: Tensor) -> Tensor:
    return x.permute(_TO_FIRST[x.ndim])


def _channels_last(x: Tensor) -> Tensor:
    return x.permute(_TO_LAST[x.ndim])


def _torch_kernel(kernel: Tensor) -> Tensor:
    return kernel.permute(_TO_TORCH_KERNEL[kernel.ndim])


def _same_padding(length: int, window: int, stride: int) -> tuple[int, int]:
    """Elements to add before and after a dim so that the output has ceil(length / stride).

    This is how TensorFlow defines "same".
    """
    total = max((-(-length // stride) - 1) * stride + window - length, 0)
    return total // 2, total - total // 2


def _check_padding(padding: str) -> str:
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(f"padding={padding!r} is not known. Use 'valid' or 'same'.")
    return str(padding).lower()


class _Padding(NamedTuple):
    """What is added around an image.

    Arguments:
        pairs: elements before and after each spatial dim.
        kernel: what the kernel adds, on both sides alike.
        by_hand: what is added before it where the sides differ, as `F.pad` takes it; else empty.
    """

    pairs: tuple[tuple[int, int], ...]
    kernel: tuple[int, ...]
    by_hand: tuple[int, ...]


@functools.lru_cache(maxsize=1024)  # a small layer's kernel takes less time than this
def _padding(
    lengths: tuple[int, ...], windows: tuple[int, ...], strides: tuple[int, ...], padding: str
) -> _Padding:
    if _check_padding(padding) == "valid":
        pairs = ((0, 0),) * len(windows)
    else:
        pairs = tuple(map(_same_padding, lengths, windows, strides))
    if all(before == after for before, after in pairs):
        return _Padding(pairs, tuple(before for before, _ in pairs), ())
    return _Padding(pairs, (0,) * len(pairs), tuple(v for pair in reversed(pairs) for v in pair))


def _padded(x: Tensor, padding: _Padding, value: float) -> Tensor:
    return F.pad(x, padding.by_hand, value=value) if padding.by_hand else x


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
    bias = None if bias is None else as_tensor(bias).to(x.dtype)
    n = _spatial_dims(x)
    last = config.standardize_data_format(data_format) == "channels_last"
    if last:
        x = _channels_first(x)
    weight = _torch_kernel(kernel)
    strides = _sizes(strides, n, "strides")
    dilation = _sizes(dilation_rate, n, "dilation_rate")
    channels, per_group = x.shape[1], weight.shape[1]
    if channels % per_group:
        raise ValueError(
            f"inputs have {channels} channels, which the kernel's {per_group} input channels do not divide. "
            f"Received: kernel.shape={tuple(kernel.shape)}."
        )
    windows = tuple([(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)])
    pads = _padding(x.shape[2:], windows, strides, padding)
    x = _padded(x, pads, 0.0)
    out = _CONV[n](x, weight, bias, strides, pads.kernel, dilation, channels // per_group)
    return _channels_last(out) if last else out


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
    n = _spatial_dims(x)
    last = config.standardize_data_format(data_format) == "channels_last"
    if last:
        x = _channels_first(x)
    weight = _torch_kernel(kernel)  # (*spatial, out, in) -> (in, out, *spatial)
    strides = _sizes(strides, n, "strides")
    dilation = _sizes(dilation_rate, n, "dilation_rate")
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
        for pair in _transpose_crop((k - 1) * d + 1, s, _check_padding(padding), e)
    ]
    out = F.pad(out, pads) if any(pads) else out
    return _channels_last(out) if last else out


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


def max_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    x = as_tensor(inputs)
    n = _spatial_dims(x)
    windows = _sizes(pool_size, n, "pool_size")
    strides = windows if strides is None else _sizes(strides, n, "strides")
    last = config.standardize_data_format(data_format) == "channels_last"
    x = _channels_first(x) if last else x
    lowest = float("-inf") if x.is_floating_point() else torch.iinfo(x.dtype).min
    pads = _padding(x.shape[2:], windows, strides, padding)
    out = _MAX_POOL[n](_padded(x, pads, lowest), windows, strides, pads.kernel)
    return _channels_last(out) if last else out


def average_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    x = as_tensor(inputs)
    n, given = _spatial_dims(x), x.dtype
    if n == 3 and given.itemsize == 2 and x.device.type == "cpu":
        x = x.float()  # torch 2.13 has no such kernel for 16 bits
    windows = _sizes(pool_size, n, "pool_size")
    strides = windows if strides is None else _sizes(strides, n, "strides")
    last = config.standardize_data_format(data_format) == "channels_last"
    x = _channels_first(x) if last else x
    pads = _padding(x.shape[2:], windows, strides, padding)
    counts = bool(pads.by_hand) or not any(pads.kernel)
    out = _AVERAGE_POOL[n](
        _padded(x, pads, 0.0), windows, strides, pads.kernel, count_include_pad=counts
    )
    if pads.by_hand:
        # What was padded by hand does not count in the average: scale by window size / real elements in the window.
        out = out * _window_share(x, pads.pairs, windows, strides)
    return (_channels_last(out) if last else out).to(given)


def _window_share(
    x: Tensor, pads: tuple[tuple[int, int], ...], windows: tuple[int, ...], strides: tuple[int, ...]
) -> Tensor:
    share = torch.ones((), dtype=x.dtype, device=x.device)
    for dim, (n, (before, after), window, stride) in enumerate(
        zip(x.shape[2:], pads, windows, strides, strict=True)
    ):
        starts = torch.arange(0, n + before + after - window + 1, stride, device=x.device) - before
        real = torch.clamp(starts + window, max=n) - torch.clamp(starts, min=0)
        share = share * (window / real.to(x.dtype)).reshape(
            [-1 if d == dim else 1 for d in range(len(windows))]
        )
    return share


def _adaptive(kernels: dict) -> Any:
    def row(inputs: Any, output_size: Any, data_format: str | None = None) -> Tensor:
        x = as_tensor(inputs)
        n = _spatial_dims(x)
        last = config.standardize_data_format(data_format) == "channels_last"
        x = _channels_first(x) if last else x
        out = kernels[n](x, _sizes(output_size, n, "output_size"))
        return _channels_last(out) if last else out

    return row


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
    "adaptive_average_pool": _adaptive(_ADAPTIVE_AVERAGE_POOL),
    "adaptive_max_pool": _adaptive(_ADAPTIVE_MAX_POOL),
    "fold": fold,
    "unfold": unfold,
    "average_pool": average_pool,
    "conv": conv,
    "conv_with_bias": conv_with_bias,
    "conv_transpose": conv_transpose,
    "depthwise_conv": depthwise_conv,
    "max_pool": max_pool,
    "separable_conv": separable_conv,
}
