"""Rows that create tensors, and those that tell their shapes."""

from __future__ import annotations

import math
import operator
from typing import Any

import torch
from torch import Tensor

from kdist.backend.torch.device import place
from kdist.backend.torch.rows import is_int
from kdist.backend.torch.tensors import as_tensor, convert_to_tensor, torch_dtype
from kdist.core.dtypes import result_type


def size_of(shape: Any) -> tuple[int, ...]:
    return (int(shape),) if is_int(shape) else tuple(int(n) for n in shape)


def creation(native: Any) -> Any:
    """`zeros`, `ones` or `empty`."""

    def row(shape: Any, dtype: Any = None) -> Tensor:
        return native(size_of(shape), dtype=torch_dtype(dtype), device=place.device)

    return row


def creation_like(native: Any) -> Any:
    """`zeros_like` or `ones_like`."""

    def row(x: Any, dtype: Any = None) -> Tensor:
        return native(as_tensor(x), dtype=None if dtype is None else torch_dtype(dtype))

    return row


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    dtype = torch_dtype(dtype)
    if isinstance(fill_value, int | float | bool | complex):
        return torch.full(size_of(shape), fill_value, dtype=dtype, device=place.device)
    return as_tensor(fill_value, dtype).expand(size_of(shape)).clone()


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    x = as_tensor(x)
    dtype = x.dtype if dtype is None else torch_dtype(dtype)
    if isinstance(fill_value, int | float | bool | complex):
        return torch.full_like(x, fill_value, dtype=dtype)
    return as_tensor(fill_value, dtype).expand(x.shape).clone()


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    if dtype is None:
        dtype = result_type(
            *(getattr(x, "dtype", type(x)) for x in (start, stop, step) if x is not None)
        )
    if stop is None:
        start, stop = 0, start
    return torch.arange(
        start, stop, 1 if step is None else step, dtype=torch_dtype(dtype), device=place.device
    )


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    N, columns, k = (operator.index(n) for n in (N, N if M is None else M, k))
    if k == 0:
        return torch.eye(
            N,
            columns,
            dtype=torch_dtype(dtype),
            device=place.device,
        )
    rows_, columns_ = (torch.arange(n, device=place.device) for n in (N, columns))
    return (columns_[None, :] - rows_[:, None] == k).to(torch_dtype(dtype))


def identity(n: int, dtype: Any = None) -> Tensor:
    return eye(n, dtype=dtype)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    if dtype is None:
        dtype = result_type(*(getattr(x, "dtype", type(x)) for x in (start, stop)), float)
    # In float64 while computing, so that the last value is `stop` itself in every narrower dtype.
    first, last = as_tensor(start, "float64"), as_tensor(stop, "float64")
    first, last = torch.broadcast_tensors(first, last)
    intervals = num - 1 if endpoint else num
    step = (last - first) / intervals if intervals > 0 else torch.full_like(first, torch.nan)
    index = torch.arange(operator.index(num), dtype=torch.float64, device=first.device).reshape(
        [-1] + [1] * first.ndim
    )
    out = first + index * step if intervals > 0 else first.expand(num, *first.shape)
    if endpoint and num > 1:
        out = torch.cat([out[:-1], last[None]])
    target = torch_dtype(dtype)
    out = torch.movedim(
        out if target.is_floating_point or target.is_complex else torch.floor(out), 0, axis
    ).to(target)
    return (out, step.to(torch_dtype(result_type(dtype, float)))) if retstep else out


def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    flat = [as_tensor(v).reshape(-1) for v in x]
    if any(v.dtype is not flat[0].dtype for v in flat):  # torch wants one dtype; each keeps its own
        indices = [torch.arange(len(v), device=v.device) for v in flat]
        grids = torch.meshgrid(indices, indexing=indexing)
        return [v[grid] for v, grid in zip(flat, grids, strict=True)]
    return list(torch.meshgrid(flat, indexing=indexing)) if flat else []


def array(x: Any, dtype: Any = None) -> Tensor:
    return convert_to_tensor(x, dtype)


def copy(x: Any) -> Tensor:
    return torch.clone(as_tensor(x))


def shape(x: Any) -> tuple[int, ...]:
    return tuple(x.shape) if hasattr(x, "shape") else tuple(as_tensor(x).shape)


def ndim(x: Any) -> int:
    return len(shape(x))


def size(x: Any) -> Tensor:
    return torch.tensor(math.prod(shape(x)), dtype=torch.int32, device=place.device)


OPS = {
    "arange": arange,
    "array": array,
    "copy": copy,
    "empty": creation(torch.empty),
    "eye": eye,
    "full": full,
    "full_like": full_like,
    "identity": identity,
    "linspace": linspace,
    "meshgrid": meshgrid,
    "ndim": ndim,
    "ones": creation(torch.ones),
    "ones_like": creation_like(torch.ones_like),
    "shape": shape,
    "size": size,
    "zeros": creation(torch.zeros),
    "zeros_like": creation_like(torch.zeros_like),
}
