"""Memory that a step takes on one device, and which layers read it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

# In place of a layer's id(): the allocation is the gradient of a variable.
GRADIENT = -1
# Memory beside the allocations: the first and the last event that it is held at, and its bytes. Half an event after
# one, what ends with that is gone, and the next has not begun.
Held = tuple[float, float, float]
HALF = 0.5


@dataclass(frozen=True)
class Read:
    """A layer reads an allocation, at `event` for the first time: its forward pass what another forward pass made, its
    backward pass what a backward pass did.

    Arguments:
        layer: its id(); 0: none, the loss.
    """

    layer: int
    event: int


@dataclass(frozen=True)
class Allocation:
    """Memory that a step holds from event `begin` until event `end`, inclusive.

    Arguments:
        layer: id() of the layer that made it; 0 if none did, GRADIENT for gradients of variables.
        backward: whether the layer's backward pass made it.
        reads: which layers read it, where each of them is to bring it to the layout that it wants.
        own_read: of what a forward pass made, the last event at which the same layer's backward pass reads it: its
            gradient is computed from it. None: it is not, or that is not known.
        other_read: the last event at which anything else reads it, if that is known.
    """

    begin: int
    end: int
    nbytes: int
    layer: int = 0
    backward: bool = False
    reads: tuple[Read, ...] = ()
    own_read: int | None = None
    other_read: int | None = None

    @property
    def last_read(self) -> int:
        """The last event that reads it, its end if that is not known."""
        return max((e for e in (self.own_read, self.other_read) if e is not None), default=self.end)


def turn(allocations: Iterable[Allocation]) -> float:
    """The first event of the backward pass."""
    return min((a.begin for a in allocations if a.backward), default=math.inf)
