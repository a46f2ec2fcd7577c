"""Rows that read and write parts of tensors."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from kdist.backend.torch.ops_create import size_of
from kdist.backend.torch.rows import INDEX, axes, refuses_bad_indices, whole
from kdist.backend.torch.tensors import as_tensor


def _from_start(indices: Tensor, n: int) -> Tensor:
    """Indices into a dim of length n, the negative ones counted from its end."""
    return torch.add(indices, indices < 0, alpha=n)


def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    x, indices = as_tensor(x), as_tensor(indices)
    if axis is None:
        x, axis = x.reshape(-1), 0
    if indices.dtype not in INDEX:
        indices = whole(indices)
    if axis != 0 or not x.ndim:
        (axis,) = axes(axis, x.ndim)
    if refuses_bad_indices(x, indices):  # without any, a pass to find them is one too many
        try:
            return _select(x, indices, axis)
        except (IndexError, RuntimeError):
            pass  # one is negative; what else is wrong is raised below
    return _select(x, _from_start(indices, x.shape[axis]), axis)


def _select(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    if axis == 0 and x.ndim == 2:
        return torch.embedding(x, indices)
    if indices.ndim == 1:
        return torch.index_select(x, axis, indices)
    out = torch.index_select(x, axis, indices.reshape(-1))
    return out.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def embedding_lookup(table: Any, ids: Any) -> Tensor:
    return torch.embedding(as_tensor(table), whole(ids))


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    x, indices = as_tensor(x), whole(indices).long()
    if axis is None:
        x, axis = x.reshape(-1), 0
        indices = indices.reshape(-1)
    return torch.take_along_dim(x, _from_start(indices, x.shape[axis]), dim=axis)


def nonzero(x: Any) -> tuple[Tensor, ...]:
    x = as_tensor(x)
    if not x.ndim:
        raise ValueError("x has no axes to find positions along.")
    return tuple(i.to(torch.int32) for i in torch.nonzero(x, as_tuple=True))


def slice_(inputs: Any, start_indices: Any, shape: Any) -> Tensor:
    inputs = as_tensor(inputs)
    starts = start_indices if isinstance(start_indices, list | tuple) else as_tensor(start_indices)
    sizes = size_of(shape)
    if not len(starts) == len(sizes) == inputs.ndim:  # `narrow` would take fewer
        raise ValueError("slice: one start and one size for each axis")
    for dim, length in enumerate(sizes):
        start = starts[dim]
        length = inputs.shape[dim] - int(start) if length == -1 else length
        if isinstance(start, Tensor):
            index = start.long() + torch.arange(length, device=inputs.device)
            inputs = torch.index_select(inputs, dim, index)
        else:
            inputs = torch.narrow(inputs, dim, int(start), length)
    return inputs


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Tensor:
    inputs = as_tensor(inputs)
    updates = as_tensor(updates).to(inputs.dtype)
    starts = start_indices if isinstance(start_indices, list | tuple) else as_tensor(start_indices)
    if not len(starts) == updates.ndim == inputs.ndim:
        raise ValueError("slice_update: one start for each axis, and updates of as many")
    grids = []
    for dim, length in enumerate(updates.shape):
        # Clamped, so that the block fits.
        room = inputs.shape[dim] - length
        start = starts[dim]
        start = start.clamp(0, room) if isinstance(start, Tensor) else max(0, min(start, room))
        index = start + torch.arange(length, device=inputs.device)
        grids.append(index.reshape([-1 if d == dim else 1 for d in range(updates.ndim)]))
    return torch.index_put(inputs, tuple(grids), updates)


def scatter(indices: Any, values: Any, shape: Any) -> Tensor:
    indices, values = whole(indices).long(), as_tensor(values)
    size = size_of(shape)
    depth = indices.shape[-1]
    rows_, slots = math.prod(size[:depth]), size[depth:]
    flat = _flat_index(indices, size)
    out = torch.zeros((rows_, *slots), dtype=values.dtype, device=values.device)
    return out.index_add(0, flat, values.reshape(-1, *slots)).reshape(size)


def _flat_index(indices: Tensor, size: tuple[int, ...]) -> Tensor:
    """(..., depth) indices into the leading dims of `size` as one index each into those dims flattened."""
    flat = torch.zeros_like(indices[..., 0])
    for d in range(indices.shape[-1]):
        flat = flat * size[d] + torch.where(
            indices[..., d] < 0, indices[..., d] + size[d], indices[..., d]
        )
    return flat.reshape(-1)


_REDUCTIONS = {"max": "amax", "min": "amin", "mul": "prod"}


def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Tensor:
    inputs, indices = as_tensor(inputs), whole(indices).long()
    updates = as_tensor(updates).to(inputs.dtype)
    rank = indices.ndim - 1 + inputs.ndim - indices.shape[-1]
    if updates.ndim < rank and updates.numel() != math.prod(
        (*indices.shape[:-1], *inputs.shape[indices.shape[-1] :])
    ):
        raise ValueError(f"updates must have {rank} dims.")
    if updates.ndim > rank:
        updates = updates.reshape(updates.shape[updates.ndim - rank :])
    if reduction in (None, "add"):
        return torch.index_put(
            inputs, tuple(indices.unbind(-1)), updates, accumulate=reduction == "add"
        )
    if reduction not in _REDUCTIONS:
        raise ValueError(
            f"reduction={reduction!r} is not known. Use None, 'add', 'max', 'min' or 'mul'."
        )
    depth = indices.shape[-1]
    slots = inputs.shape[depth:]
    flat = inputs.reshape(-1, *slots)
    index = _flat_index(indices, tuple(inputs.shape))
    updates = torch.broadcast_to(updates, (*indices.shape[:-1], *slots)).reshape(-1, *slots)
    index = index.reshape([-1] + [1] * len(slots)).expand_as(updates)
    return flat.scatter_reduce(0, index, updates, _REDUCTIONS[reduction]).reshape(inputs.shape)


OPS = {
    "embedding_lookup": embedding_lookup,
    "nonzero": nonzero,
    "scatter": scatter,
    "scatter_update": scatter_update,
    "slice": slice_,
    "slice_update": slice_update,
    "take": take,
    "take_along_axis": take_along_axis,
}
