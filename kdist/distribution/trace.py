"""What a step does on one device, as plain data: which layers it calls, and which memory it takes for how long.

A backend traces it from an abstract model; costs and memory are computed from it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from kdist.core.spec import Spec
from kdist.distribution.allocations import GRADIENT, HALF, Allocation, Held, turn
from kdist.distribution.copies import Copies

SEQUENCE_DIMS = 3  # (batch, time, ...)

# A layer's id(), and whether its backward pass is meant.
Part = tuple[int, bool]


@dataclass(frozen=True)
class Activation(Spec):
    """A tensor that a layer takes or gives, the batch dim being one device's rows.

    Arguments:
        key: the same for the same tensor, and for no other one.
        flows: whether it may have a gradient.
    """

    key: Hashable = None
    flows: bool = True


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer, in the order in which calls began.

    Arguments:
        layer: the layer's id().
        inputs, outputs: its tensors, each once.
        region: number of the part of the step that is computed again for the gradients, and the call with it; 0: none.
    """

    layer: int
    inputs: tuple[Activation, ...]
    outputs: tuple[Activation, ...]
    region: int


@dataclass(frozen=True)
class Traced:
    """What a backend finds out of the gradients of a loss.

    Arguments:
        allocations: on one device that computes the whole model, gradients among them, which live to the end.
        gradient_bytes: of the gradients.
        compiled_bytes: the peak of all of that, if a compiler was asked.
        placed_bytes: the peak on one device of those that share the model, if a compiler was asked for it.
        again: id of a variable -> in how many of the parts of the step that are computed again for the gradients its
            value is needed; None: not known, and then each that is read there counts once.
        read: ids of the variables that the step reads; None: not known.
        reached: ids of the variables whose gradients are computed from the step's values; None: not known.
    """

    allocations: tuple[Allocation, ...]
    gradient_bytes: int
    compiled_bytes: int | None = None
    placed_bytes: int | None = None
    again: Mapping[int, int] | None = None
    read: frozenset[int] | None = None
    reached: frozenset[int] | None = None


@dataclass(frozen=True)
class StepTrace:
    """One training step on `rows` rows.

    Arguments:
        batch_bytes: of the inputs and targets.
        gradient_bytes: of the gradients that are among the allocations.
        placed_bytes: the peak on one of the devices that share the model, if a compiler was asked for it.
        repeated: ids of the variables that are read in what is computed again for the gradients.
        compiled_bytes: the peak of the whole step, if a compiler was asked; it then stands for the allocations', whose
            rules are approximate.
        again: id of a variable -> in how many of these parts its value is needed.
        read, reached: ids of the variables that are read, and of those that gradients reach; None: not known.
    """

    rows: int
    calls: tuple[LayerCall, ...]
    allocations: tuple[Allocation, ...]
    batch_bytes: int = 0
    gradient_bytes: int = 0
    compiled_bytes: int | None = None
    placed_bytes: int | None = None
    repeated: frozenset[int] = frozenset()
    again: Mapping[int, int] = field(default_factory=dict)
    read: frozenset[int] | None = None
    reached: frozenset[int] | None = None

    def peak(
        self,
        shares: Mapping[Part, float] | None = None,
        copies: Copies | None = None,
        beside: Sequence[Held] = (),
    ) -> int:
        """The most bytes that are held at once, gradients among them.

        Arguments:
            shares: for layers that are cut over devices, which part of their memory one device holds.
            copies: and what it holds whole beside.
            beside: what else is held.
        """
        peak = self._peak(shares or {}, copies or Copies(), beside)
        if self.compiled_bytes is None or not peak:
            return peak
        return int(self.compiled_bytes * peak / self._peak({}, Copies()))

    def _peak(
        self, shares: Mapping[Part, float], copies: Copies, beside: Sequence[Held] = ()
    ) -> int:
        changes: dict[float, float] = {}

        def hold(begin: float, end: float, nbytes: float) -> None:
            changes[begin] = changes.get(begin, 0.0) + nbytes
            changes[end + HALF] = changes.get(end + HALF, 0.0) - nbytes

        sizes = self._sizes()
        begins = copies.begins(self.allocations)
        called = self._end_of_calls() if begins else 0
        latest = self._latest_backward()
        for i, a in enumerate(self.allocations):
            # A backward pass begins with what lies as the outputs, and ends with what lies as the inputs.
            inputs, outputs = sizes.get(a.layer, (set(), set()))
            before = a.nbytes not in inputs or a.begin < latest.get((a.layer, a.nbytes), 0)
            backward = a.backward and not (a.nbytes in outputs and before)
            part = a.nbytes * shares.get((a.layer, backward), 1.0)
            if i not in begins:
                hold(a.begin, math.inf if a.layer == GRADIENT else a.end, part)
                continue
            # The gradients of others are computed from the copy; the part lives as long as the model holds its outputs.
            own = 0 if a.layer in copies.computed_whole else a.own_read or 0
            hold(a.begin, max(min(a.end, called), own, a.begin), part)
            until = self._end_for_others(a, called)
            hold(begins[i], max(begins[i], until), a.nbytes)
        for held_memory in (
            *copies.gathering(self.allocations, begins),
            *copies.whole_gradients(self.allocations, sizes),
            *copies.wholes(self.allocations, sizes, shares),
            *copies.parts_of_sums(self.allocations, sizes, latest),
            *beside,
        ):
            hold(*held_memory)
        held = most = 0.0
        for moment in sorted(changes):
            held += changes[moment]
            most = max(most, held)
        return int(most)

    def _sizes(self) -> dict[int, tuple[set[int], set[int]]]:
        """Layer -> bytes of its inputs, and of its outputs, one by one."""
        sizes: dict[int, tuple[set[int], set[int]]] = {}
        for call in self.calls:
            inputs, outputs = sizes.setdefault(call.layer, (set(), set()))
            inputs.update(x.nbytes for x in call.inputs)
            outputs.update(x.nbytes for x in call.outputs)
        return sizes

    def _latest_backward(self) -> dict[tuple[int, int], int]:
        """(layer, bytes) -> when its backward pass made the last allocation of so many bytes."""
        latest: dict[tuple[int, int], int] = {}
        for a in self.allocations:
            if a.backward:
                key = a.layer, a.nbytes
                latest[key] = max(latest.get(key, 0), a.begin)
        return latest

    def _end_for_others(self, a: Allocation, called: float) -> float:
        """When an output ends, but for the gradient of the layer that made it; what the step keeps ends with the step.

        Arguments:
            called: the last event at which the model holds it.
        """
        if a.own_read is None or a.own_read < a.last_read or a.end == self._last_event:
            return a.end
        return max(a.other_read or 0, min(a.end, called))

    @functools.cached_property
    def _last_event(self) -> int:
        return max(a.end for a in self.allocations)

    def _end_of_calls(self) -> float:
        """The last event at which the model holds the outputs of all its layers."""
        backward = turn(self.allocations)
        forward = [a for a in self.allocations if a.layer > 0 and a.begin < backward]
        # With the last layer's, or when those end that are not kept for the gradients.
        return max((a.end if a.end < backward else a.begin for a in forward), default=backward)
