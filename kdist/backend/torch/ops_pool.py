"""Rows of pooling; see `windows`."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from kdist.backend.torch.tensors import as_float, as_tensor, in_dtype
from kdist.backend.torch.windows import (
    Padding,
    alike,
    channels_first,
    channels_last,
    hashable,
    orders,
    padded,
    padding_of,
    sizes_of,
    spatial_dims,
)
from kdist.core import config

_MAX_POOL = {1: torch.max_pool1d, 2: torch.max_pool2d, 3: torch.max_pool3d}
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


class _Pool(NamedTuple):
    """Windows over inputs of one shape: as for `_Conv`.

    What is padded by hand counts in the kernel's average, which is put right afterwards; what the kernel adds does not.
    """

    first: tuple[int, ...] | None
    last: tuple[int, ...] | None
    windows: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Padding
    arguments: tuple
    average_arguments: tuple


@functools.lru_cache(maxsize=1024)
def _pool(shape: torch.Size, sizes: Any, strides: Any, padding: str, data_format: str) -> _Pool:
    n = spatial_dims(shape)
    to_first, to_last = orders(data_format, n)
    windows = sizes_of(sizes, n, "pool_size")
    strides = windows if strides is None else sizes_of(strides, n, "strides")
    lengths = shape[2:] if to_first is None else shape[1:-1]
    pads = padding_of(tuple(lengths), windows, strides, padding)
    arguments = (alike(windows), alike(strides), alike(pads.kernel))
    # Without padding torch's own way, to round down and to count all.
    average = (False, bool(pads.by_hand)) if any(pads.kernel) or pads.by_hand else ()
    return _Pool(to_first, to_last, windows, strides, pads, arguments, (*arguments, *average))


def _pool_of(x: Tensor, sizes: Any, strides: Any, padding: str, data_format: str | None) -> _Pool:
    strides = None if strides is None else hashable(strides)
    data_format = data_format or config.image_data_format()
    return _pool(x.shape, hashable(sizes), strides, padding, data_format)


def max_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    x = as_tensor(inputs)
    call = _pool_of(x, pool_size, strides, padding, data_format)
    x = x if call.first is None else torch.permute(x, call.first)
    if call.padding.by_hand:
        x = padded(
            x, call.padding, -math.inf if x.is_floating_point() else torch.iinfo(x.dtype).min
        )
    out = _MAX_POOL[len(call.windows)](x, *call.arguments)
    return out if call.last is None else torch.permute(out, call.last)


def average_pool(
    inputs: Any,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    x = as_tensor(inputs)
    if not x.is_floating_point() and x.dtype is not torch.bool:
        x = as_float(x)
    call = _pool_of(x, pool_size, strides, padding, data_format)
    n, pads = len(call.windows), call.padding
    if n < 3 and not pads.by_hand:
        x = x if call.first is None else torch.permute(x, call.first)
        out = _AVERAGE_POOL[n](x, *call.average_arguments)
        return out if call.last is None else torch.permute(out, call.last)
    given = x.dtype
    if n == 3 and given.itemsize == 2 and x.is_cpu:
        x = x.float()  # torch 2.13 has no such kernel for 16 bits
    x = x if call.first is None else torch.permute(x, call.first)
    if pads.by_hand:
        out = _AVERAGE_POOL[n](padded(x, pads, 0.0), *call.average_arguments)
        # Window size / real elements in the window.
        out = out * _window_share(x, pads.pairs, call.windows, call.strides)
    else:
        out = _AVERAGE_POOL[n](x, *call.average_arguments)
    out = out if out.dtype is given else out.to(given)
    return out if call.last is None else torch.permute(out, call.last)


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


def _adaptive(kernels: dict, *, keeps_dtype: bool) -> Any:
    def row(inputs: Any, output_size: Any, data_format: str | None = None) -> Tensor:
        given = as_tensor(inputs)
        x = given if given.dtype is torch.bool else as_float(given)
        n = spatial_dims(x.shape)
        last = config.standardize_data_format(data_format) == "channels_last"
        x = channels_first(x) if last else x
        out = kernels[n](x, sizes_of(output_size, n, "output_size"))
        out = in_dtype(out, given.dtype) if keeps_dtype else out
        return channels_last(out) if last else out

    return row


OPS = {
    "adaptive_average_pool": _adaptive(_ADAPTIVE_AVERAGE_POOL, keeps_dtype=False),
    "adaptive_max_pool": _adaptive(_ADAPTIVE_MAX_POOL, keeps_dtype=True),
    "average_pool": average_pool,
    "max_pool": max_pool,
}
