"""Processes that compute one step together: sums, averages, and making their state the same."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from kdist.backend.torch.parts import is_dtensor, local, plain

# Gradients go out in pieces of this size: the first are on their way while the next are still being copied together.
_BUCKET_BYTES = 25 * 2**20

Group = Any  # a torch.distributed.ProcessGroup; None: all processes


class _AllSum(torch.autograd.Function):
    """Sum over the processes.

    The gradient of the sum of all processes' losses with respect to one's x is the sum of their gradients.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        ctx.group = group
        out = plain(x).clone(memory_format=torch.contiguous_format)
        dist.all_reduce(out, group=group)
        return out

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple:
        upstream = plain(upstream).clone(memory_format=torch.contiguous_format)
        dist.all_reduce(upstream, group=ctx.group)
        return upstream, None


class ProcessReplicas:
    """One replica per process of `group`, default: of all processes.

    Processes that compute on the same rows, each a part of a layer, are one replica: `group` has one of them.
    """

    def __init__(self, group: Group = None, axes: Collection[str] = ()) -> None:
        self.group, self._axes = group, frozenset(axes)
        self.count, self.index = dist.get_world_size(group), dist.get_rank(group)

    def all_sum(self, x: Any) -> Any:
        """The sum of a tensor or number over the processes, differentiable."""
        if not isinstance(x, Tensor):
            raise TypeError(
                f"all_sum sums tensors over processes, and received {x!r}. Pass kdist.ops.convert_to_tensor(x)."
            )
        return _AllSum.apply(x, self.group)

    def mean_gradients(self, gradients: list) -> list:
        """The gradients' means over the processes, by a few all-reduces of flat buffers.

        What is cut gives its part. If it is cut over these processes it is a mean already: it was reduced into parts.
        """
        if any(is_dtensor(g) for g in gradients):
            return self._of_parts(gradients)
        out: list = list(gradients)
        waiting = []
        for members in _buckets(gradients):
            flat = torch.cat([gradients[i].detach().reshape(-1) for i in members])
            waiting.append((members, flat, dist.all_reduce(flat, group=self.group, async_op=True)))
        for members, flat, work in waiting:
            work.wait()
            flat.div_(self.count)  # gloo cannot average
            parts = torch.split(flat, [gradients[i].numel() for i in members])
            for i, part in zip(members, parts, strict=True):
                out[i] = part.view(gradients[i].shape)
        return out

    def _of_parts(self, gradients: list) -> list:
        out = list(gradients)
        open_ = [
            i
            for i, g in enumerate(gradients)
            if not (is_dtensor(g) and self._axes.intersection(g.device_mesh.mesh_dim_names))
        ]
        means = self.mean_gradients([local(gradients[i]) for i in open_])
        for i, mean in zip(open_, means, strict=True):
            out[i] = mean
        return [local(g) for g in out]


class OneReplica:
    """All processes compute on the same rows, each a part of some layers."""

    count = 1
    index = 0

    def all_sum(self, x: Any) -> Any:
        return x

    def mean_gradients(self, gradients: list) -> list:
        return [local(g) for g in gradients]


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


def broadcast(tensors: list[Tensor], group: Group = None) -> None:
    """Give every process of the group the values that its first one has, in place."""

    def from_first(flat: Tensor) -> None:
        # As bytes: gloo does not know every dtype.
        dist.broadcast(flat.view(torch.uint8), group=group, group_src=0)

    _in_buckets([t for t in tensors if t.numel()], from_first)


def average(tensors: list[Tensor], group: Group = None) -> None:
    """Replace each tensor by its mean over the processes, in place."""

    def mean(flat: Tensor) -> None:
        dist.all_reduce(flat, group=group)
        flat.div_(dist.get_world_size(group))

    _in_buckets([t for t in tensors if t.numel()], mean)


def combined(values: list[Tensor], aggregations: list[str], group: Group = None) -> list[Tensor]:
    """Values of variables that each process kept for itself, as one value: by "sum", "mean", or process 0's."""
    out = [v.detach().clone() for v in values]
    those = lambda wanted: [t for t, a in zip(out, aggregations, strict=True) if wanted(a)]
    _in_buckets(those(lambda a: a == "sum"), lambda flat: dist.all_reduce(flat, group=group))
    average(those(lambda a: a == "mean"), group)
    broadcast(those(lambda a: a not in ("sum", "mean")), group)
    return out


def gather_rows(x: Tensor, group: Group = None) -> Tensor:
    """The slices of all processes, joined along the first dim in the processes' order.

    Every process has equally many rows.
    """
    x = x.detach().contiguous()
    count = dist.get_world_size(group)
    out = x.new_empty((x.shape[0] * count, *x.shape[1:]))
    if out.numel():
        slices = list(out.view(-1).view(torch.uint8).chunk(count))
        dist.all_gather(slices, x.view(-1).view(torch.uint8), group=group)
    return out
