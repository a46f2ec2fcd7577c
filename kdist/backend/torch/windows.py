"""What convolution and pooling share: how windows lie over images, and in which order torch wants the dims.

kdist keeps images channels-last and kernels as (*spatial, in, out); torch's kernels want (batch, channels, *spatial)
and (out, in, *spatial).
Both are views of the same memory (`permute`), which torch recognises as its own channels-last format: nothing is
copied.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kdist.backend.torch.rows import is_int
from kdist.core import config

# Orders of dims, by their number.
_TO_FIRST = {n: (0, n - 1, *range(1, n - 1)) for n in (3, 4, 5)}
_TO_LAST = {n: (0, *range(2, n), 1) for n in (3, 4, 5)}


def sizes_of(value: Any, n: int, name: str) -> tuple[int, ...]:
    """The argument `name`, given as one int or as n."""
    if type(value) is int and value > 0:
        return (value,) * n
    sizes = (int(value),) * n if is_int(value) else tuple(int(v) for v in value)
    if len(sizes) != n or any(s < 1 for s in sizes):
        raise ValueError(
            f"{name}={value} must be a positive int, or {n} of them, one for each spatial dim."
        )
    return sizes


def spatial_dims(shape: torch.Size) -> int:
    if len(shape) not in (3, 4, 5):
        raise ValueError(
            "inputs must have a batch dim, a channels dim and 1, 2 or 3 spatial dims. Received: "
            f"inputs.shape={tuple(shape)}."
        )
    return len(shape) - 2


def orders(data_format: str, n: int) -> tuple[Any, Any]:
    """The orders of dims to torch's and back, for n spatial dims; None where they stand in torch's."""
    if config.standardize_data_format(data_format) == "channels_first":
        return None, None
    return _TO_FIRST[n + 2], _TO_LAST[n + 2]


def channels_first(x: Tensor) -> Tensor:
    return torch.permute(x, _TO_FIRST[x.ndim])


def channels_last(x: Tensor) -> Tensor:
    return torch.permute(x, _TO_LAST[x.ndim])


def _same_padding(length: int, window: int, stride: int) -> tuple[int, int]:
    """Elements to add before and after a dim so that the output has ceil(length / stride).

    This is how TensorFlow defines "same".
    """
    total = max((-(-length // stride) - 1) * stride + window - length, 0)
    return total // 2, total - total // 2


def check_padding(padding: str) -> str:
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(f"padding={padding!r} is not known. Use 'valid' or 'same'.")
    return str(padding).lower()


class Padding(NamedTuple):
    """What is added around an image.

    Arguments:
        pairs: elements before and after each spatial dim.
        kernel: what the kernel adds, on both sides alike.
        by_hand: what is added before it where the sides differ, as `F.pad` takes it; else empty.
    """

    pairs: tuple[tuple[int, int], ...]
    kernel: tuple[int, ...]
    by_hand: tuple[int, ...]


def padding_of(
    lengths: tuple[int, ...], windows: tuple[int, ...], strides: tuple[int, ...], padding: str
) -> Padding:
    """What "valid" or "same" adds, by the sizes of spatial dims."""
    if check_padding(padding) == "valid":
        pairs = ((0, 0),) * len(windows)
    else:
        pairs = tuple(map(_same_padding, lengths, windows, strides))
    if all(before == after for before, after in pairs):
        return Padding(pairs, tuple(before for before, _ in pairs), ())
    return Padding(pairs, (0,) * len(pairs), tuple(v for pair in reversed(pairs) for v in pair))


def padded(x: Tensor, padding: Padding, value: float) -> Tensor:
    return F.pad(x, padding.by_hand, value=value) if padding.by_hand else x


def alike(sizes: tuple[int, ...]) -> Any:
    """One int for sizes that are all alike, which torch reads sooner than a tuple."""
    return sizes[0] if len(set(sizes)) == 1 else sizes


def hashable(sizes: Any) -> Any:
    """An argument as given, of which a cache can be asked."""
    return sizes if type(sizes) is int or type(sizes) is tuple else tuple(np.atleast_1d(sizes))
