"""Rows of reductions, sorting and searching."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor

from kdist.backend.torch.rows import (
    axes,
    float_dtype,
    is_int,
    refuses,
    refuses_bad_indices,
    whole,
    wide_int,
)
from kdist.backend.torch.tensors import TORCH, as_float, as_tensor, promoted, torch_dtype
from kdist.core.dtypes import result_type


def _dims(axis: Any) -> Any:
    """`axis` as torch wants it; None for all."""
    return axis if axis is None or is_int(axis) else tuple(axis)


def sum_(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    x = as_tensor(x)
    if axis is None and not keepdims:
        # Naming the dtype would cost floats a second pass through torch's dispatcher.
        return torch.sum(x) if x.is_floating_point() else torch.sum(x, dtype=wide_int(x.dtype))
    dims = _dims(axis)
    if x.is_floating_point() and dims != ():
        return torch.sum(x, dims, keepdims)
    dtype = wide_int(x.dtype)
    # torch takes an empty tuple for "all dims", NumPy for "none".
    return x.to(dtype) if dims == () else torch.sum(x, dims, keepdims, dtype=dtype)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    x = as_tensor(x)
    if not x.is_floating_point():
        x = x.to(float_dtype(x))
    if axis is None and not keepdims:
        return torch.mean(x)
    dims = _dims(axis)
    return x if dims == () else torch.mean(x, dims, keepdims)


def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    x = as_tensor(x)
    x = x.to(wide_int(x.dtype) if dtype is None else torch_dtype(dtype))
    for dim in sorted(axes(axis, x.ndim), reverse=True):  # torch multiplies along one dim at a time
        x = torch.prod(x, dim=dim, keepdim=keepdims, dtype=x.dtype)
    return x


def extremum(native: Any, pairwise: Any, name: str) -> Any:
    """`max` or `min`, with an optional value that takes part in it."""

    def row(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
        x = as_tensor(x)
        dims = axes(axis, x.ndim)
        if not x.numel() and any(x.shape[d] == 0 for d in dims):
            if initial is None:
                raise ValueError(
                    f"{name} of an empty tensor has no value. Pass initial=. Received: x.shape={tuple(x.shape)}, "
                    f"axis={axis}."
                )
            shape = [
                1 if d in dims else n for d, n in enumerate(x.shape) if keepdims or d not in dims
            ]
            return torch.full(shape, initial, dtype=x.dtype, device=x.device)
        out = x if not dims else native(x, dim=dims, keepdim=keepdims)
        return out if initial is None else pairwise(out, torch.full_like(out, initial))

    return row


def plain_extremum(native: Any) -> Any:
    """`amax` or `amin`."""

    def row(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
        x = as_tensor(x)
        dims = axes(axis, x.ndim)
        return x if not dims else native(x, dim=dims, keepdim=keepdims)

    return row


def truth(native: Any) -> Any:
    """`all` or `any`."""

    def row(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
        x = as_tensor(x)
        x = x if x.dtype is torch.bool else x.to(torch.bool)
        if axis is None and not keepdims:
            return native(x)
        dims = axes(axis, x.ndim)
        return x if not dims else native(x, dim=dims, keepdim=keepdims)

    return row


def arg_extremum(native: Any) -> Any:
    """`argmax` or `argmin`, as int32."""

    def row(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
        x = as_tensor(x)
        x = x.to(torch.uint8) if x.dtype is torch.bool else x
        return native(x, dim=axis, keepdim=keepdims).int()  # sooner than `.to(torch.int32)`

    return row


def variance(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    x = as_float(x)
    dims = axes(axis, x.ndim)
    return (
        torch.zeros_like(x) if not dims else torch.var(x, dim=dims, keepdim=keepdims, correction=0)
    )


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    return torch.sqrt(variance(x, axis, keepdims))


def average(x: Any, axis: Any = None, weights: Any = None) -> Tensor:
    if weights is None:
        return mean(as_float(x), axis)
    x, weights = promoted(x, weights, also=(float,))
    if weights.shape != x.shape:
        if not is_int(axis) or weights.ndim != 1:
            raise ValueError(
                f"weights of shape {tuple(weights.shape)} must have the shape of x, {tuple(x.shape)}, or be "
                "one-dimensional along one axis. "
                f"Received: axis={axis}."
            )
        weights = weights.reshape(
            [-1 if d == axis % x.ndim else 1 for d in range(x.ndim)]
        ).expand_as(x)
    return sum_(x * weights, axis) / sum_(weights, axis)


def median(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    x = as_tensor(x)
    x = x.to(float_dtype(x))
    dims = axes(axis, x.ndim)
    if not dims:
        return x
    rest = [d for d in range(x.ndim) if d not in dims]
    if not x.numel():
        kept = [1 if d in dims else n for d, n in enumerate(x.shape) if keepdims or d in rest]
        return x.new_full(kept, torch.nan)
    flat = x.permute(*rest, *dims).reshape([x.shape[d] for d in rest] + [-1])
    ordered = torch.sort(flat, dim=-1).values
    n = ordered.shape[-1]
    middle = (ordered[..., (n - 1) // 2] + ordered[..., n // 2]) / 2
    middle = torch.where(torch.isnan(ordered[..., -1]), torch.nan, middle)  # NaN sorts last
    return (
        middle.reshape([1 if d in dims else s for d, s in enumerate(x.shape)])
        if keepdims
        else middle
    )


def count_nonzero(x: Any, axis: Any = None) -> Tensor:
    return sum_(as_tensor(x) != 0, axis)


def cumulative(native: Any) -> Any:
    """`cumsum` or `cumprod`."""

    def row(x: Any, axis: Any = None, dtype: Any = None) -> Tensor:
        x = as_tensor(x)
        if axis is None:
            x, axis = x.reshape(-1), 0
        elif not x.ndim:  # to torch it has an axis
            axes(axis, 0)
        chosen = x.dtype if dtype is None else torch_dtype(dtype)
        return native(x, dim=axis, dtype=torch.int32 if chosen is torch.bool else chosen)

    return row


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    x = as_float(x)
    return torch.logsumexp(x, axis if type(axis) is int else axes(axis, x.ndim), keepdims)


def argsort(x: Any, axis: int | None = -1) -> Tensor:
    x = as_tensor(x)
    if axis is None or (not x.ndim and axis in (0, -1)):
        x, axis = x.reshape(-1), -1
    x = x.to(torch.uint8) if x.dtype is torch.bool else x
    return torch.argsort(x, dim=axis, stable=True).to(torch.int32)


def sort(x: Any, axis: int | None = -1) -> Tensor:
    x = as_tensor(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    elif not x.ndim:  # to torch it has an axis
        axes(axis, 0)
    return torch.sort(x, dim=axis).values


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Tensor:
    sequence, values = promoted(sorted_sequence, values)
    if sequence.dtype is torch.bool:
        sequence, values = sequence.to(torch.uint8), values.to(torch.uint8)
    if sequence.ndim != 1:
        raise ValueError(
            f"sorted_sequence must have one dim, and has shape {tuple(sequence.shape)}. Use vectorized_map for "
            "several sequences."
        )
    return torch.searchsorted(
        sequence, values.contiguous(), side=side, out_int32=sequence.shape[0] < 2**31
    )


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    if sparse:
        raise ValueError("sparse=True: the torch backend has dense tensors only. Leave it out.")
    x = as_tensor(x)
    dtype = torch.int32
    if weights is not None:
        weights = as_tensor(weights)
        dtype = TORCH[result_type(str(x.dtype)[6:], str(weights.dtype)[6:])]
    if x.ndim == 2:
        # One row after the other in a single histogram: row r counts in slots r * n .. (r + 1) * n.
        n = max(minlength, int(x.max()) + 1 if x.numel() else 0)
        slots = (x + n * torch.arange(x.shape[0], device=x.device)[:, None]).reshape(-1)
        counts = torch.bincount(
            slots, None if weights is None else weights.reshape(-1), n * x.shape[0]
        )
        return counts.reshape(x.shape[0], n).to(dtype)
    x = x.int() if x.dtype is torch.bool else x
    return torch.bincount(x, weights, minlength).to(dtype)


def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    values, indices = torch.topk(as_tensor(x), k, sorted=sorted)
    return values, indices.int()


def in_top_k(targets: Any, predictions: Any, k: int) -> Tensor:
    targets, predictions = whole(targets).long(), as_tensor(predictions)
    of_target = torch.take_along_dim(predictions, targets[:, None], dim=-1)
    return (torch.sum(predictions > of_target, dim=-1) < operator.index(k)) & torch.isfinite(
        of_target[:, 0]
    )


def segments(reduce: Any, quick: Any = None) -> Any:
    """Reduce the rows of `data` that share an id. Ids outside of the range are left out.

    Arguments:
        reduce: `reduce(n, ids, data)`, as `sum_by_id` or what `by_id` gives.
        quick: the same by calls that may refuse ids for which `reduce` works.
    """
    quick = quick or reduce

    @refuses
    def row(
        data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
    ) -> Tensor:
        data = data if isinstance(data, Tensor) else as_tensor(data)
        ids = segment_ids if isinstance(segment_ids, Tensor) else as_tensor(segment_ids)
        if ids.dtype is not torch.int32:
            ids = whole(ids)
        if data.dtype is torch.bool:
            raise TypeError("Truth values are not added up.")
        n = int(ids.max()) + 1 if num_segments is None else num_segments
        if n < 0:
            raise ValueError("num_segments must not be negative.")
        if refuses_bad_indices(data, ids):  # without any, passes to find them are too many
            try:
                return quick(n, ids, data)
            except (IndexError, RuntimeError):
                pass  # one is out of range; what else is wrong is raised below
        # They fall into a last row, which is cut off.
        ids = torch.where((ids < 0) | (ids >= n), n, ids)
        return reduce(n + 1, ids, data)[:-1]

    return row


def sum_by_id(n: int, ids: Tensor, data: Tensor) -> Tensor:
    """Sums of the rows of each id below n."""
    return torch.index_add(data.new_zeros(n, *data.shape[1:]), 0, ids, data)


def sum_in_place(n: int, ids: Tensor, data: Tensor) -> Tensor:
    """As `sum_by_id` without a copy, which torch refuses where a map runs over ids and not over data."""
    _, *sizes = data.shape
    return data.new_zeros(n, *sizes).index_add_(0, ids, data)


def by_id(name: str, start: Any) -> Any:
    """As `sum_by_id` for another of torch's reductions; `start` gives a dtype's neutral element."""

    def reduce(n: int, ids: Tensor, data: Tensor) -> Tensor:
        if ids.shape[0] != data.shape[0]:  # a single one would be expanded
            raise ValueError("segment_ids must hold one id for each row of data.")
        out = data.new_full((n, *data.shape[1:]), start(data.dtype))
        ids = ids.long().reshape([-1] + [1] * (data.ndim - 1)).expand_as(data)
        return out.scatter_reduce(0, ids, data, name)

    return reduce


def _lowest(dtype: torch.dtype) -> Any:
    return float("-inf") if dtype.is_floating_point else torch.iinfo(dtype).min


OPS = {
    "all": truth(torch.all),
    "amax": plain_extremum(torch.amax),
    "amin": plain_extremum(torch.amin),
    "any": truth(torch.any),
    "argmax": arg_extremum(torch.argmax),
    "argmin": arg_extremum(torch.argmin),
    "argsort": argsort,
    "average": average,
    "bincount": bincount,
    "count_nonzero": count_nonzero,
    "cumprod": cumulative(torch.cumprod),
    "cumsum": cumulative(torch.cumsum),
    "in_top_k": in_top_k,
    "logsumexp": logsumexp,
    "max": extremum(torch.amax, torch.maximum, "max"),
    "mean": mean,
    "median": median,
    "min": extremum(torch.amin, torch.minimum, "min"),
    "prod": prod,
    "searchsorted": searchsorted,
    "segment_max": segments(by_id("amax", _lowest)),
    "segment_sum": segments(sum_by_id, sum_in_place),
    "sort": sort,
    "std": std,
    "sum": sum_,
    "top_k": top_k,
    "var": variance,
}
