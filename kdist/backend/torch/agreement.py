"""Making sure that processes hold the same values: by one number for all of them; what differs is sent."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from kdist.backend.torch.buckets import together
from kdist.backend.torch.replicas import broadcast

Group = Any  # a torch.distributed.ProcessGroup; None: all processes

_INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
_WIDTH = 1024


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

    torch's hash of a row does not see the order in it, so each place and each row has a factor of its own.
    """
    words = []
    for members in together(tensors):
        flat = torch.cat([tensors[i].reshape(-1) for i in members])
        bits = flat.view(torch.uint8).view(_INTEGERS[min(flat.element_size(), 8)])
        cut = bits.numel() // _WIDTH * _WIDTH
        if cut:
            places = _odd(_WIDTH, bits).to(bits.dtype)
            table = bits[:cut].view(-1, _WIDTH) * places
            words.append(torch.hash_tensor(table, dim=1).view(torch.int64))
        words.append(bits[cut:].to(torch.int64))
    found = torch.cat(words)
    return (found * _odd(found.numel(), found)).sum()


def _odd(n: int, like: Tensor) -> Tensor:
    """The first odd numbers: what is multiplied by one, modulo a power of two, can be told from it again."""
    return torch.arange(1, 2 * n, 2, device=like.device)
