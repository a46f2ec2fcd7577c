"""Which tensors a device holds whole beside the part that it computed, or beside its part of their sum, under tensor
parallelism.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kdist.distribution.allocations import Allocation

Sizes = Collection[int]


@dataclass(frozen=True)
class Copies:
    """Layers, by their ids, between which tensors change how they lie: the one that reads has a copy of its own.

    Arguments:
        gathered: their outputs are parts, and whatever reads them has them whole.
        sums: their products are parts of sums, which lie beside the parts until these are added up.
        input_sums: so are the gradients of their inputs, until these are read.
        cut: their outputs are cut in time.
        whole: layers that want whole sequences.
        scattered, scattered_inputs: as `sums` and `input_sums`, of sequences that are cut in time: to scatter the sum,
            the parts are put into another order, and copied to be sent.
    """

    gathered: frozenset[int] = frozenset()
    sums: frozenset[int] = frozenset()
    input_sums: frozenset[int] = frozenset()
    cut: frozenset[int] = frozenset()
    whole: frozenset[int] = frozenset()
    scattered: frozenset[int] = frozenset()
    scattered_inputs: frozenset[int] = frozenset()

    def begins(self, allocations: Sequence[Allocation]) -> dict[int, int]:
        """Index of an allocation -> the event from which on a whole copy of it is held, until it ends."""
        found: dict[int, int] = {}
        for i, a in enumerate(allocations):
            readers = [] if a.backward else [r for r in a.reads if r.layer != a.layer]
            if a.layer in self.cut:
                readers = [r for r in readers if r.layer in self.whole]
            elif a.layer not in self.gathered:
                continue
            if readers:
                found[i] = min(r.event for r in readers)
        return found

    def parts_of_sums(
        self, allocations: Sequence[Allocation], sizes: Mapping[int, tuple[Sizes, Sizes]]
    ) -> Iterator[tuple[int, int]]:
        """(event, bytes) where a sum that is added up lies beside its parts.

        Arguments:
            sizes: layer -> sizes of its inputs, sizes of its outputs.
        """
        products: dict[int, Allocation] = {}  # what follows in the layer has the sum
        scattered: dict[int, Allocation] = {}
        for a in allocations:
            inputs, outputs = sizes.get(a.layer, ((), ()))
            if a.backward:
                read = a.end if a.last_read is None else a.last_read
                if a.layer in self.input_sums and a.nbytes in inputs:
                    yield read, a.nbytes
                elif a.layer in self.scattered_inputs and a.nbytes in inputs:
                    yield read, 2 * a.nbytes
            elif a.layer in self.sums and a.nbytes in outputs:
                known = products.setdefault(a.layer, a)
                products[a.layer] = min(known, a, key=lambda a: a.begin)
            elif a.layer in self.scattered and a.nbytes in outputs:
                known = scattered.setdefault(a.layer, a)
                scattered[a.layer] = min(known, a, key=lambda a: a.begin)
        yield from ((a.begin, a.nbytes) for a in products.values())
        yield from ((a.begin, 3 * a.nbytes) for a in scattered.values())
