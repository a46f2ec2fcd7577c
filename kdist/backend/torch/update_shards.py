"""What optimizers compute over variables of which each process keeps a part."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from kdist.backend.torch.parts import local


def whole(grads: list, variables: list) -> list:
    """The whole gradients, which all processes gather together."""
    return [v._storage.whole(g) for g, v in zip(grads, variables, strict=True)]


# It changes no tensor, so stateless scopes may use it.
whole.stateless = True  # type: ignore[attr-defined]


@torch.no_grad()
def square_sums(grads: list, variables: list) -> list:
    """Sum of squares of each whole gradient: by one message for all that are cut over the same processes."""
    grads = [local(g) for g in grads]
    sums = [torch.sum(torch.square(g)) for g in grads]
    groups: dict[Any, list[int]] = {}
    for i, (g, v) in enumerate(zip(grads, variables, strict=True)):
        cut = v._storage.cut or v._storage.updates
        if cut is not None and cut.axes and tuple(g.shape) == cut.part_shape:
            groups.setdefault((cut.grid, cut.axes, sums[i].dtype), []).append(i)
    for (grid, axes, _), members in groups.items():
        together = torch.stack([sums[i] for i in members])
        dist.all_reduce(together, group=grid.group(axes))
        for i, total in zip(members, together.unbind(), strict=True):
            sums[i] = total
    return sums


@torch.no_grad()
def average(variables: list, averages: list, momentum: Tensor) -> None:
    """average = momentum * average + (1 - momentum) * variable, on the parts that averages have."""
    moved = [a._storage.held() for a in averages]
    values = [v._storage.updated() for v in variables]
    for dtype in {m.dtype for m in moved}:
        factor = momentum.to(dtype)
        mine = [i for i, m in enumerate(moved) if m.dtype == dtype]
        torch._foreach_mul_([moved[i] for i in mine], factor)
        added = torch._foreach_mul([values[i] for i in mine], 1 - factor)
        torch._foreach_add_([moved[i] for i in mine], added)
