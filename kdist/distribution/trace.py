"""What a step does on one device, as plain data: which layers it calls, and which memory it takes for how long.

A backend traces it from an abstract model; costs and memory are computed from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kdist.core.spec import Spec

# In place of a layer's id(): the allocation is the gradient of a variable.
GRADIENT = -1

# A layer's id(), and whether its backward pass is meant.
Part = tuple[int, bool]


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer, in the order in which calls began.

    Arguments:
        layer: the layer's id().
        inputs, outputs: its tensors, the batch dim being one device's rows.
    """

    layer: int
    inputs: tuple[Spec, ...]
    outputs: tuple[Spec, ...]


@dataclass(frozen=True)
class Allocation:
    """Memory that a step holds from event `begin` until event `end`, inclusive.

    Arguments:
        layer: id() of the layer that made it; 0 if none did, GRADIENT for gradients of variables.
        backward: whether the layer's backward pass made it.
    """

    begin: int
    end: int
    nbytes: int
    layer: int = 0
    backward: bool = False


@dataclass(frozen=True)
class Traced:
    """What a backend finds out of the gradients of a loss.

    Arguments:
        allocations: on one device that computes the whole model, gradients among them, which live to the end.
        gradient_bytes: of the gradients.
        compiled_bytes: the peak of all of that, if a compiler was asked.
        placed_bytes: the peak on one device of those that share the model, if a compiler was asked for it.
    """

    allocations: tuple[Allocation, ...]
    gradient_bytes: int
    compiled_bytes: int | None = None
    placed_bytes: int | None = None


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
    """

    rows: int
    calls: tuple[LayerCall, ...]
    allocations: tuple[Allocation, ...]
    batch_bytes: int = 0
    gradient_bytes: int = 0
    compiled_bytes: int | None = None
    placed_bytes: int | None = None
    repeated: frozenset[int] = frozenset()

    def peak(self, shares: Mapping[Part, float] | None = None) -> int:
        """The most bytes that are held at once, gradients among them.

        Arguments:
            shares: for layers that are cut over devices, which part of their memory one device holds.
        """
        peak = self._peak(shares or {})
        if self.compiled_bytes is None or not peak:
            return peak
        return int(self.compiled_bytes * peak / self._peak({}))

    def _peak(self, shares: Mapping[Part, float]) -> int:
        changes: dict[int, float] = {}
        for a in self.allocations:
            nbytes = a.nbytes * shares.get((a.layer, a.backward), 1.0)
            changes[a.begin] = changes.get(a.begin, 0.0) + nbytes
            changes[a.end + 1] = changes.get(a.end + 1, 0.0) - nbytes
        held = most = 0.0
        for event in sorted(changes):
            held += changes[event]
            most = max(most, held)
        return int(most)
