"""Rows that rearrange, join and cut tensors."""

from __future__ import annotations

import functools
from itertools import pairwise
from typing import Any

import optree
import torch
from torch import Tensor

from kdist.backend.torch.ops_create import size_of
from kdist.backend.torch.rows import axes, is_int, whole, wide_int
from kdist.backend.torch.tensors import as_tensor, promoted


def reshape(x: Any, newshape: Any) -> Tensor:
    x = x if isinstance(x, Tensor) else as_tensor(x)
    if type(newshape) is not tuple:
        newshape = (newshape,) if is_int(newshape) else tuple(newshape)
    return torch.reshape(x, newshape)


def transpose(x: Any, axes: Any = None) -> Tensor:
    x = as_tensor(x)
    return torch.permute(x, tuple(range(x.ndim - 1, -1, -1)) if axes is None else tuple(axes))


def expand_dims(x: Any, axis: Any) -> Tensor:
    x = as_tensor(x)
    if is_int(axis):
        return torch.unsqueeze(x, axis)
    for a in sorted(axes(axis, x.ndim + len(axis))):
        x = torch.unsqueeze(x, a)
    return x


def squeeze(x: Any, axis: Any = None) -> Tensor:
    x = as_tensor(x)
    if axis is None:
        return torch.squeeze(x)
    dims = axes(axis, x.ndim)
    wrong = [d for d in dims if x.shape[d] != 1]
    if wrong:
        raise ValueError(
            f"squeeze: axis={axis} names dims that are not of size 1; x has shape {tuple(x.shape)}."
        )
    return torch.squeeze(x, dims)


def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    x = as_tensor(x)
    if not x.ndim:  # to torch it has an axis
        axes(source, 0), axes(destination, 0)
    return torch.moveaxis(x, source, destination)


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    x = as_tensor(x)
    if not x.ndim:  # to torch it has an axis
        axes((axis1, axis2), 0)
    return torch.swapaxes(x, axis1, axis2)


def flip(x: Any, axis: Any = None) -> Tensor:
    x = as_tensor(x)
    return torch.flip(x, axes(axis, x.ndim))


def roll(x: Any, shift: Any, axis: Any = None) -> Tensor:
    if is_int(shift) and axis is not None and not is_int(axis):
        shift = (shift,) * len(axis)  # one shift for all axes, as in NumPy
    return torch.roll(as_tensor(x), shift, dims=axis)


def ravel(x: Any) -> Tensor:
    return torch.ravel(as_tensor(x))


def broadcast_to(x: Any, shape: Any) -> Tensor:
    return torch.broadcast_to(as_tensor(x), size_of(shape))


def tile(x: Any, repeats: Any) -> Tensor:
    return torch.tile(as_tensor(x), size_of(repeats))


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    x = as_tensor(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    if is_int(repeats):
        return torch.repeat_interleave(x, int(repeats), dim=axis)
    if isinstance(repeats, list | tuple) and all(isinstance(r, int) for r in repeats):
        counts = repeats * x.shape[axis] if len(repeats) == 1 else repeats
        # Sizes that are known beforehand keep the row traceable.
        return torch.repeat_interleave(
            x, torch.tensor(counts, device=x.device), dim=axis, output_size=sum(counts)
        )
    return torch.repeat_interleave(x, whole(repeats).long(), dim=axis)


def diag(x: Any, k: int = 0) -> Tensor:
    return torch.diag(as_tensor(x), diagonal=k)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    x = as_tensor(x)
    return torch.sum(torch.diagonal(x, offset, axis1, axis2), dim=-1, dtype=wide_int(x.dtype))


def triangle(native: Any) -> Any:
    """`tril` or `triu`."""

    def row(x: Any, k: int = 0) -> Tensor:
        return native(as_tensor(x), diagonal=k)

    return row


def diff(a: Any, n: int = 1, axis: int = -1) -> Tensor:
    return torch.diff(as_tensor(a), n=n, dim=axis)


def joining(native: Any) -> Any:
    """`hstack` or `vstack`: operands of their common dtype."""

    def row(xs: Any) -> Tensor:
        return native(promoted(*xs))

    return row


def concatenate(xs: Any, axis: int | None = 0) -> Tensor:
    xs = promoted(*xs)
    if axis is None:
        xs, axis = [x.reshape(-1) for x in xs], 0
    return torch.cat(xs, axis)


def stack(x: Any, axis: int = 0) -> Tensor:
    return torch.stack(promoted(*x), axis)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    x = as_tensor(x)
    (axis,) = axes(axis, x.ndim)
    if num is not None and num != x.shape[axis]:
        raise ValueError(f"num={num}: x has {x.shape[axis]} parts along axis {axis}.")
    return list(torch.unbind(x, axis))


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    x = as_tensor(x)
    n = x.shape[axis]
    if is_int(indices_or_sections):
        sections = int(indices_or_sections)
        if n % sections:
            raise ValueError(
                f"indices_or_sections={sections} does not divide the {n} elements along axis={axis} of a tensor "
                f"of shape {tuple(x.shape)}."
            )
        return [torch.narrow(x, axis, i * (n // sections), n // sections) for i in range(sections)]
    parts = (slice(a, b).indices(n) for a, b in pairwise([0, *map(int, indices_or_sections), n]))
    return [torch.narrow(x, axis, a, max(b - a, 0)) for a, b, _ in parts]


def _pad_pairs(pad_width: Any, ndim: int) -> tuple[list[tuple[int, int]], tuple[int, ...]]:
    """(before, after) of each axis, and the same as torch wants it: the last axis first."""
    if is_int(pad_width):
        pad_width = (pad_width, pad_width)
    if is_int(pad_width[0]):
        pad_width = (pad_width,)  # one for every axis
    if len(pad_width) == 1:
        pad_width = (*pad_width,) * ndim
    pairs = [(int(before), int(after)) for before, after in pad_width]
    if len(pairs) != ndim:
        raise ValueError(f"pad_width={pad_width} is not for {ndim} dims.")
    return pairs, tuple(v for pair in reversed(pairs) for v in pair)


@functools.lru_cache(maxsize=1024)  # a small tensor is padded in less time than they are found
def _known_pad_pairs(pad_width: Any, ndim: int) -> tuple[list[tuple[int, int]], tuple[int, ...]]:
    if not all(is_int(v) for v in optree.tree_leaves(pad_width)):
        raise TypeError("A tensor's value may change, so that it must not be remembered.")
    return _pad_pairs(pad_width, ndim)


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Tensor:
    x = as_tensor(x)
    if constant_values is not None and mode != "constant":
        raise ValueError(
            f"constant_values={constant_values} goes with mode='constant' only; received mode={mode!r}."
        )
    try:
        pairs, flat = _known_pad_pairs(pad_width, x.ndim)
    except TypeError:
        pairs, flat = _pad_pairs(pad_width, x.ndim)
    if mode == "constant":
        # Past `F.pad`, which would look at the mode again.
        return torch.constant_pad_nd(x, flat, 0 if constant_values is None else constant_values)
    if mode not in ("reflect", "symmetric"):
        raise ValueError(f"mode={mode!r} is not known. Use 'constant', 'reflect' or 'symmetric'.")
    for dim, (before, after) in enumerate(pairs):
        if before or after:
            # torch has no symmetric padding, and reflects at most three dims; an index does both for any dim.
            x = torch.index_select(
                x, dim, _mirrored(x.shape[dim], before, after, int(mode == "reflect"), x.device)
            )
    return x


def _mirrored(n: int, before: int, after: int, skip: int, device: Any) -> Tensor:
    """Indices -before ..

    n + after - 1 folded back into 0 .. n - 1; `skip` 1 leaves the edge out of the mirror image.
    """
    index = torch.arange(-before, n + after, device=device)
    if n == 1:
        return torch.zeros_like(index)
    period = 2 * (n - skip)
    index = torch.remainder(index, period)
    return torch.where(index < n, index, period - 1 + skip - index)


OPS = {
    "broadcast_to": broadcast_to,
    "concatenate": concatenate,
    "diag": diag,
    "diff": diff,
    "expand_dims": expand_dims,
    "flip": flip,
    "hstack": joining(torch.hstack),
    "moveaxis": moveaxis,
    "pad": pad,
    "ravel": ravel,
    "repeat": repeat,
    "reshape": reshape,
    "roll": roll,
    "split": split,
    "squeeze": squeeze,
    "stack": stack,
    "swapaxes": swapaxes,
    "tile": tile,
    "trace": trace,
    "transpose": transpose,
    "tril": triangle(torch.tril),
    "triu": triangle(torch.triu),
    "unstack": unstack,
    "vstack": joining(torch.vstack),
}
