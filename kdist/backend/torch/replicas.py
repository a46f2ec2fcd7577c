"""Processes that compute one step together: sums, averages, and making their state the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from kdist.backend.torch.buckets import Bucket, Group, Route, together
from kdist.backend.torch.grid import Grid
from kdist.backend.torch.parts import Cut, is_dtensor, local, plain


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

    def __init__(
        self, group: Group = None, axes: Collection[str] = (), grid: Grid | None = None
    ) -> None:
        self.group, self._axes, self._grid = group, frozenset(axes), grid
        self.count, self.index = dist.get_world_size(group), dist.get_rank(group)

    def all_sum(self, x: Any) -> Any:
        """The sum of a tensor or number over the processes, differentiable."""
        if not isinstance(x, Tensor):
            raise TypeError(
                f"all_sum sums tensors over processes, and received {x!r}. Pass kdist.ops.convert_to_tensor(x)."
            )
        return _AllSum.apply(x, self.group)

    def mean_gradients(self, gradients: list, variables: Sequence = ()) -> list:
        """The gradients' means over the processes, by a few messages of flat buffers.

        What is cut gives its part. If it is cut over these processes it is a mean already: it was reduced into parts.
        Of a variable that is whole, and of which each process updates a part, that part of the mean comes.
        """
        if any(is_dtensor(g) for g in gradients):
            return self._of_parts(gradients, variables)
        cuts = update_cuts(variables) if variables else [None] * len(gradients)
        routes = [self.route(cut) for cut in cuts]
        out: list = list(gradients)
        waiting = []
        for members in together(gradients, routes):
            bucket = Bucket(
                [gradients[i] for i in members], [cuts[i] for i in members], routes[members[0]]
            )
            for k, i in enumerate(members):
                bucket.put(k, gradients[i])
            bucket.send()
            waiting.append((members, bucket))
        for members, bucket in waiting:
            bucket.wait()
            for i, mean in zip(members, bucket.means, strict=True):
                out[i] = mean
        return out

    def route(self, cut: Cut | None, aside: bool = False) -> Route:
        """How the gradient of a variable travels that is updated by the parts of `cut`.

        `aside`: by groups of their own, whose messages need no order among the others.
        """
        if cut is None:
            group = self._grid.group(self._axes, aside) if aside else self.group
            return Route(group, 1, None, self.count)
        grid, rest = cut.grid, [a for a in self._axes if a not in cut.axes]
        return Route(
            grid.group(cut.axes, aside),
            grid.count(cut.axes),
            grid.group(rest, aside) if grid.count(rest) > 1 else None,
            self.count,
        )

    def _of_parts(self, gradients: list, variables: Sequence) -> list:
        out = list(gradients)
        open_ = [
            i
            for i, g in enumerate(gradients)
            if not (is_dtensor(g) and self._axes.intersection(g.device_mesh.mesh_dim_names))
        ]
        means = self.mean_gradients(
            [local(gradients[i]) for i in open_], [variables[i] for i in open_] if variables else ()
        )
        for i, mean in zip(open_, means, strict=True):
            out[i] = mean
        return [local(g) for g in out]


class OneReplica:
    """All processes compute on the same rows, each a part of some layers."""

    count = 1
    index = 0

    def all_sum(self, x: Any) -> Any:
        return x

    def mean_gradients(self, gradients: list, variables: Sequence = ()) -> list:
        return [local(g) for g in gradients]


def update_cuts(variables: Sequence) -> list[Cut | None]:
    """How each variable that is whole is cut for its update; None where each process updates all of it."""
    return [None if v.overwrite_with_gradient else v._storage.updates for v in variables]


def _in_buckets(tensors: list[Tensor], collective: Callable[[Tensor], Any]) -> None:
    """Run an in-place `collective` on flat copies of `tensors`, and copy the results back."""
    for members in together(tensors):
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
