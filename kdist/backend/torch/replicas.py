"""Processes that compute one step together: sums, averages, and making their state the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

# Gradients go out in pieces of this size: the first are on their way while the next are still being copied together.
_BUCKET_BYTES = 25 * 2**20


class _AllSum(torch.autograd.Function):
    """Sum over the processes.

    The gradient of the sum of all processes' losses with respect to one's x is the sum of their gradients.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        out = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(out)
        return out

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> Tensor:  # type: ignore[override]
        upstream = upstream.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(upstream)
        return upstream


class ProcessReplicas:
    """One replica per process of the group."""

    def __init__(self) -> None:
        self.count, self.index = dist.get_world_size(), dist.get_rank()

    def all_sum(self, x: Any) -> Any:
        """The sum of a tensor or number over the processes, differentiable."""
        if not isinstance(x, Tensor):
            raise TypeError(
                f"all_sum sums tensors over processes, and received {x!r}. Pass kdist.ops.convert_to_tensor(x)."
            )
        return _AllSum.apply(x)

    def mean_gradients(self, gradients: list) -> list:
        """The gradients' means over the processes, by a few all-reduces of flat buffers."""
        out: list = list(gradients)
        waiting = []
        for members in _buckets(gradients):
            flat = torch.cat([gradients[i].detach().reshape(-1) for i in members])
            waiting.append((members, flat, dist.all_reduce(flat, async_op=True)))
        for members, flat, work in waiting:
            work.wait()
            flat.div_(self.count)  # gloo cannot average
            parts = torch.split(flat, [gradients[i].numel() for i in members])
            for i, part in zip(members, parts, strict=True):
                out[i] = part.view(gradients[i].shape)
        return out


def _buckets(tensors: list[Tensor]) -> list[list[int]]:
    """Indices of tensors of one dtype and device, some `_BUCKET_BYTES` together. Every process finds the same ones."""
    open_: dict[Any, list[int]] = {}
    sizes: dict[Any, int] = {}
    done = []
    for i, t in enumerate(tensors):
        kind = (t.dtype, t.device)
        open_.setdefault(kind, []).append(i)
        sizes[kind] = sizes.get(kind, 0) + t.numel() * t.element_size()
        if sizes[kind] >= _BUCKET_BYTES:
            done.append(open_.pop(kind))
            sizes.pop(kind)
    return done + list(open_.values())


def _in_buckets(tensors: list[Tensor], collective: Callable[[Tensor], Any]) -> None:
    """Run an in-place `collective` on flat copies of `tensors`, and copy the results back."""
    for members in _buckets(tensors):
        flat = torch.cat([tensors[i].detach().reshape(-1) for i in members])
        collective(flat)
        parts = torch.split(flat, [tensors[i].numel() for i in members])
        for i, part in zip(members, parts, strict=True):
            tensors[i].detach().copy_(part.view(tensors[i].shape))


def broadcast(tensors: list[Tensor]) -> None:
    """Give every process the values that process 0 has, in place."""

    def from_first(flat: Tensor) -> None:
        # As bytes: gloo does not know every dtype.
        dist.broadcast(flat.view(torch.uint8), 0)

    _in_buckets([t for t in tensors if t.numel()], from_first)


def _average(flat: Tensor) -> None:
    dist.all_reduce(flat)
    flat.div_(dist.get_world_size())


def average(tensors: list[Tensor]) -> None:
    """Replace each tensor by its mean over the processes, in place."""
    _in_buckets([t for t in tensors if t.numel()], _average)


def combined(values: list[Tensor], aggregations: list[str]) -> list[Tensor]:
    """Values of variables that each process kept for itself, as one value: by "sum", "mean", or process 0's."""
    out = [v.detach().clone() for v in values]
    for how, collective in (("sum", dist.all_reduce), ("mean", _average)):
        _in_buckets([t for t, a in zip(out, aggregations, strict=True) if a == how], collective)
    broadcast([t for t, a in zip(out, aggregations, strict=True) if a not in ("sum", "mean")])
    return out


def gather_rows(x: Tensor) -> Tensor:
    """The slices of all processes, joined along the first dim in the processes' order.

    Every process has equally many rows.
    """
    x = x.detach().contiguous()
    out = x.new_empty((x.shape[0] * dist.get_world_size(), *x.shape[1:]))
    if out.numel():
        slices = list(out.view(-1).view(torch.uint8).chunk(dist.get_world_size()))
        dist.all_gather(slices, x.view(-1).view(torch.uint8))
    return out
