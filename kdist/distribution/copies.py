"""Which tensors a device holds whole beside the part that it computed, or beside its part of their sum, under tensor
parallelism.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kdist.distribution.allocations import HALF, Allocation, Held, turn

Sizes = Collection[int]
SizesOf = Mapping[int, tuple[Sizes, Sizes]]  # layer -> sizes of its inputs, sizes of its outputs


@dataclass(frozen=True)
class Copies:
    """Layers, by their ids, between which tensors change how they lie: the one that reads has a copy of its own.

    Arguments:
        gathered: their outputs are parts, and whatever reads them has them whole.
        sums: their products are parts of sums, which lie beside the parts until these are added up.
        input_sums: so are the gradients of their inputs, until just before these are read.
        cut: their outputs are cut in time.
        whole: layers that want whole sequences.
        scattered, scattered_inputs: as `sums` and `input_sums`, of sequences that are cut in time: to scatter the sum,
            the parts are put into another order, and copied to be sent.
        late: whether an activation adds its layer's sum up, and the parts are let go after it.
        computed_whole: they compute whole sequences, which are then cut in time.
        pooled: they make one position of those that each device has; the gradients are made whole, and then cut.
    """

    gathered: frozenset[int] = frozenset()
    sums: frozenset[int] = frozenset()
    input_sums: frozenset[int] = frozenset()
    cut: frozenset[int] = frozenset()
    whole: frozenset[int] = frozenset()
    scattered: frozenset[int] = frozenset()
    scattered_inputs: frozenset[int] = frozenset()
    late: bool = False
    computed_whole: frozenset[int] = frozenset()
    pooled: frozenset[int] = frozenset()

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

    def gathering(
        self, allocations: Sequence[Allocation], begins: Mapping[int, int]
    ) -> Iterator[Held]:
        """What arrives from all devices, beside what it is then put into in order, or beside the buffer of a transport.

        Arguments:
            begins: as this class's `begins` gives it.
        """
        for i, begin in begins.items():
            yield begin - HALF, begin - HALF, 2 * allocations[i].nbytes

    def whole_gradients(self, allocations: Sequence[Allocation], sizes: SizesOf) -> Iterator[Held]:
        """Gradients of whole sequences, which lie in parts before or after."""
        for a in (a for a in allocations if a.backward):
            if a.layer in self.pooled and a.nbytes in sizes[a.layer][0]:
                yield a.begin, a.begin, a.nbytes
            whole = (r for r in a.reads if r.layer in self.computed_whole and r.layer != a.layer)
            events = [r.event for r in whole if a.nbytes in sizes[r.layer][1]]
            if events:
                begin = min(events)
                yield begin - HALF, begin - HALF, 2 * a.nbytes
                yield begin, a.end, a.nbytes

    def wholes(
        self,
        allocations: Sequence[Allocation],
        sizes: SizesOf,
        shares: Mapping[tuple[int, bool], float],
    ) -> Iterator[Held]:
        """What layers keep for their gradients that compute whole sequences, beyond the parts that are counted of it.

        Arguments:
            shares: (layer, False) -> which part of its output one device holds.
        """
        for a in allocations:
            if a.layer in self.computed_whole and a.own_read and a.nbytes in sizes[a.layer][1]:
                gives = any(r.layer != a.layer for r in a.reads)  # others have a part of it
                beyond = 1.0 if gives else 1.0 - shares.get((a.layer, False), 1.0)
                yield a.begin, a.own_read, a.nbytes * beyond

    def parts_of_sums(
        self,
        allocations: Sequence[Allocation],
        sizes: SizesOf,
        latest: Mapping[tuple[int, int], int],
    ) -> Iterator[Held]:
        """Where a sum that is added up lies beside its parts.

        Arguments:
            latest: (layer, bytes) -> when its backward pass made the last allocation of so many bytes: the gradient of
                its input, if it is of inputs and outputs of one size.
        """
        backward = turn(allocations)
        products: dict[tuple[int, bool], list[Allocation]] = {}  # with what is made of them
        gradients: dict[tuple[int, int], list[Allocation]] = {}  # (event that reads it, bytes)
        scattered: Counter[tuple[int, int]] = Counter()  # (event that reads them last, bytes)
        for a in allocations:
            inputs, outputs = sizes.get(a.layer, ((), ()))
            if not a.backward:
                if a.layer in self.sums | self.scattered and a.nbytes in outputs:
                    products.setdefault((a.layer, a.begin > backward), []).append(a)
            elif a.nbytes in inputs:
                last = a.last_read
                read = min((r.event for r in a.reads if r.layer != a.layer), default=last)
                is_last = a.nbytes not in outputs or a.begin == latest[a.layer, a.nbytes]
                if a.layer in self.scattered_inputs:
                    scattered[last, a.nbytes] += 1
                elif a.layer in self.input_sums and is_last:
                    gradients.setdefault((read, a.nbytes), []).append(a)
        yield from map(self._product, products.values())
        for (last, nbytes), count in scattered.items():
            # Those of several layers are added to each other first, and let go.
            moment = last if count == 1 else last + HALF
            yield moment, moment, 2 * nbytes
        again = [
            a.begin for a in allocations if a.begin > backward and a.layer > 0 and not a.backward
        ]
        for (read, nbytes), parts in gradients.items():
            # Those of several layers are added to each other first. What reads the sum computes again before it does.
            if len(parts) == 1:
                begin = parts[0].begin
                moment = min((e for e in again if begin < e < read), default=read) - HALF
                yield moment, moment, nbytes

    def _product(self, made: Sequence[Allocation]) -> Held:
        """Arguments:
        made: by one call of a layer, of its output's size: a product, and what an activation makes of its sum.
        """
        product, *after = sorted(made, key=lambda a: a.begin)
        if product.layer in self.scattered:
            return product.begin, product.begin, 3 * product.nbytes
        last = after[0] if self.late and after else product
        return product.begin, last.begin, product.nbytes
