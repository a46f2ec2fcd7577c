"""Which tensors a device holds whole beside the part that it computed, under tensor parallelism."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kdist.distribution.trace import Allocation


@dataclass(frozen=True)
class Copies:
    """Layers, by their ids, between which tensors change how they lie: the one that reads has a copy of its own.

    Arguments:
        gathered: their outputs are parts, and whatever reads them has them whole.
        sums: their outputs are parts of sums. They stay so through `adders`, since sums of sums are sums, and are
            added up for each other layer that reads them.
        adders: layers that add up what they are given.
        cut: their outputs are cut in time.
        whole: layers that want whole sequences.
    """

    gathered: frozenset[int] = frozenset()
    sums: frozenset[int] = frozenset()
    adders: frozenset[int] = frozenset()
    cut: frozenset[int] = frozenset()
    whole: frozenset[int] = frozenset()

    def begins(self, allocations: Sequence[Allocation]) -> dict[int, int]:
        """Index of an allocation -> the event from which on a whole copy of it is held, until it ends."""
        found: dict[int, int] = {}
        given_sums: set[int] = set()
        read = [i for i, a in enumerate(allocations) if a.reads and not a.backward]
        for i in sorted(read, key=lambda i: allocations[i].begin):
            a = allocations[i]
            readers = [r for r in a.reads if r.layer != a.layer]
            if a.layer in self.sums or a.layer in given_sums:
                given_sums.update(r.layer for r in readers if r.layer in self.adders)
                # What is computed again starts from the parts once more.
                readers = [r for r in readers if r.layer not in self.adders and not r.again]
            elif a.layer in self.cut:
                readers = [r for r in readers if r.layer in self.whole]
            elif a.layer not in self.gathered:
                continue
            if readers:
                found[i] = min(r.event for r in readers)
        return found
