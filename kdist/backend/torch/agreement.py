"""Making sure that processes hold the same values: by one number for all of them; what differs is sent."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from kdist.backend.torch.replicas import broadcast

Group = Any  # a torch.distributed.ProcessGroup; None: all processes

_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_WIDTH = 512


def agree(storages: list) -> None:
    """Give all processes that hold the same part of a variable the value that the first of them has."""
    groups: dict[Group, list[Tensor]] = {}
    for s in storages:
        group = None if s.cut is None else s.cut.grid.group(s.cut.copies)
        groups.setdefault(group, []).append(s.held().detach())
    for group, tensors in groups.items():
        tensors = [t for t in tensors if t.numel()]
        if tensors and dist.get_world_size(group) > 1 and not _are_alike(tensors, group):
            broadcast(tensors, group)


def _are_alike(tensors: list[Tensor], group: Group) -> bool:
    """Whether every process of the group holds these values, all of which have one number sent in their place."""
    number = _digest(tensors)
    ends = torch.stack([number, -number])
    dist.all_reduce(ends, op=dist.ReduceOp.MAX, group=group)
    return bool(ends[0] == -ends[1])


def _digest(tensors: list[Tensor]) -> Tensor:
    """A whole number that the values' bits and their places decide.

    torch's hash of a row does not see the order in it. Rows are short, and the hash of each has a factor of its own:
    what may change places unseen are neighbours.
    """
    words = []
    for t in tensors:
        bits = t.reshape(-1).view(torch.uint8).view(_INTEGERS[min(t.element_size(), 8)])
        cut = bits.numel() // _WIDTH * _WIDTH
        if cut:
            words.append(torch.hash_tensor(bits[:cut].view(-1, _WIDTH), dim=1).view(torch.int64))
        words.append(bits[cut:].to(torch.int64))
    found = torch.cat(words)
    # Odd: what is multiplied by such a number, modulo a power of two, can be told from it again.
    factors = torch.arange(1, 2 * found.numel(), 2, device=found.device)
    return (found * factors).sum()
