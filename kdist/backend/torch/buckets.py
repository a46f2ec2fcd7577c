"""Gradients that are averaged over processes together: one flat buffer, one message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from kdist.backend.torch.parts import Cut

# The first bucket is small, so that it is on its way early in the backward pass; as DistributedDataParallel has it.
FIRST_BYTES, BYTES = 2**20, 25 * 2**20

Group = Any  # a torch.distributed.ProcessGroup; None: all processes


@dataclass(frozen=True)
class Route:
    """By which processes gradients are averaged.

    Arguments:
        group: over these, each of which receives the whole mean, or its own one of `pieces`.
        pieces: how many pieces the mean is cut into; 1: it stays whole.
        rest: over these pieces are averaged then; None: there are no others.
        count: how many processes there are in all.
    """

    group: Group
    pieces: int
    rest: Group
    count: int


class Bucket:
    """Some gradients' way from `put` by `send` and `wait` to their means.

    Arguments:
        likes: tensors of the gradients' shapes, of one dtype and device.
        cuts: how each is cut where the mean is; None where it stays whole. All have the route's number of pieces.
        route: by which processes.
    """

    def __init__(self, likes: Sequence[Tensor], cuts: Sequence[Cut | None], route: Route):
        self._route, self._cuts = route, cuts
        self._scale = 1.0 / route.count
        pieces, n = route.pieces, len(likes)
        ends = [0]
        for t in likes:
            ends.append(ends[-1] + t.numel() // pieces)
        # After the gradients a mark for each: how many processes have one.
        self._sent = likes[0].new_empty((pieces, ends[-1] + n), requires_grad=False)
        self._received = self._sent[0] if pieces == 1 else self._sent.new_empty(ends[-1] + n)
        self._marks, self._counts = self._sent[:, ends[-1] :], self._received[ends[-1] :]
        self._places, self.means = [], []
        for t, cut, start, end in zip(likes, cuts, ends, ends[1:], strict=False):
            place, mean = self._sent[:, start:end], self._received[start:end]
            if cut is None:
                self._places.append(place.view(t.shape))
                self.means.append(mean.view(t.shape))
            else:
                [(dim, _)] = cut.dims
                self._places.append(place.view(pieces, *cut.part_shape).movedim(0, dim))
                self.means.append(mean.view(cut.part_shape))
        self._works: list = []

    def put(self, k: int, gradient: Tensor) -> None:
        """The gradient number `k`, already divided: sums of many might overflow a narrow dtype."""
        cut = self._cuts[k]
        if cut is not None:
            [(dim, _)] = cut.dims
            gradient = gradient.unflatten(dim, (self._route.pieces, -1))
        if gradient.requires_grad:
            gradient = gradient.detach()
        torch.mul(gradient, self._scale, out=self._places[k])

    def send(self, missing: Sequence[int] = ()) -> None:
        """Start the exchange. Those of `missing` were not put: this process has no gradient."""
        self._marks.fill_(1)
        for k in missing:
            self._places[k].zero_()
            self._marks[:, k] = 0
        route = self._route
        if route.pieces == 1:
            work = dist.all_reduce(self._sent, group=route.group, async_op=True)
        else:
            work = dist.reduce_scatter_single(
                self._received, self._sent.view(-1), group=route.group, async_op=True
            )
        self._works.append(work)

    def wait(self) -> None:
        """Until `means` are there."""
        while self._works:
            self._works.pop().wait()
        if self._route.rest is not None:
            dist.all_reduce(self._received, group=self._route.rest)

    def came(self, k: int) -> bool:
        """Whether any process had a gradient number `k`. Reads from the device."""
        return bool(self._counts[k] > 0)


def together(
    tensors: Sequence[Tensor], routes: Sequence[Any] = (), first_bytes: int | None = None
) -> list[list[int]]:
    """Indices of tensors of one dtype, device and route, some `BYTES` together, the first ones `first_bytes`.

    Every process finds the same ones.
    """
    open_: dict[Any, list[int]] = {}
    sizes: dict[Any, int] = {}
    limit = BYTES if first_bytes is None else first_bytes
    done = []
    for i, t in enumerate(tensors):
        kind = (t.dtype, t.device, routes[i] if routes else None)
        open_.setdefault(kind, []).append(i)
        sizes[kind] = sizes.get(kind, 0) + t.numel() * t.element_size()
        if sizes[kind] >= limit:
            done.append(open_.pop(kind))
            sizes.pop(kind)
            limit = BYTES
    return done + list(open_.values())
