"""What tensor parallelism communicates of activations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from kdist.core import dtypes
from kdist.core.spec import Spec
from kdist.distribution.communication import Communication
from kdist.distribution.costs import ALL_GATHER, ALL_REDUCE, REDUCE_SCATTER, Tally
from kdist.distribution.trace import SEQUENCE_DIMS, LayerCall


def count_activations(
    tally: Tally,
    strategy: Any,
    roles: Any,
    calls: Sequence,
    how: Communication,
    repeated: Collection[int] = (),
) -> None:
    """What the layers that are split communicate in one step.

    Arguments:
        roles: the `Roles` of the model.
        calls: `LayerCall`s of a step on one device's rows.
        repeated: ids of the variables that are rematerialized layers'.
    """
    layout = strategy.sequence_layout()
    between = _Between(tally, layout is not None, how.scatters)
    parts = _Parts(tally, strategy.tensor_axes) if layout is not None else None
    last = _last_needs(roles, calls)
    differentiable = False  # nothing that is trained came before
    for i, call in enumerate(calls):
        role = roles.of.get(call.layer)
        if parts is not None:
            parts.look_at(call, role, roles.positionwise.get(call.layer))
        if role is not None and role.axes:
            if role.output == "sum":
                between.sum_outputs(role.axes, call.outputs)
                is_read = role.activates or (call.region and i < last.get(call.region, 0))
                if is_read and role.sums_with in repeated:
                    between.sum_again(role.axes, call.outputs)
            elif role.output == "gather":
                tally.add(ALL_GATHER, role.axes, "activations, forward", _nbytes(call.outputs))
            if role.whole_input and differentiable:
                for x in _floats(call.inputs):
                    between.give_input(role.axes, x)
                    if how.adds_first or not role.is_compound:
                        between.sum_input_gradient(role.axes, x)
        axes = roles.products.get(call.layer)
        if axes and differentiable and not how.adds_first:
            for x in _floats(call.inputs):
                between.sum_input_gradient(axes, x)
        differentiable = differentiable or (role is not None and role.trains)


def _last_needs(roles: Any, calls: Sequence[LayerCall]) -> dict[int, int]:
    """Part that is computed again -> index of its last call whose gradients want its inputs.

    What follows that is not needed a second time.
    """
    found = {}
    for i, call in enumerate(calls):
        role = roles.of.get(call.layer)
        if call.region and role is not None and role.needs_input:
            found[call.region] = i
    return found


class _Between:
    """What is sent between the layers that are split.

    Activations there are whole on every device. Sequences (batch, time, ...) may be cut in time: then each sum is a
    scatter, and a gather on the other side and way.
    """

    def __init__(self, tally: Tally, sequence: bool, scatters: bool):
        self._add: Callable = tally.add
        self._sequence = sequence
        self._scatter = REDUCE_SCATTER if scatters else ALL_REDUCE

    def _cuts(self, x: Spec) -> bool:
        return self._sequence and len(x.shape) >= SEQUENCE_DIMS

    def _sum(self, x: Spec) -> str:
        return self._scatter if self._cuts(x) else ALL_REDUCE

    def sum_outputs(self, axes: tuple[str, ...], outputs: Sequence[Spec]) -> None:
        for x in outputs:
            self._add(self._sum(x), axes, "activations, forward", x.nbytes)
            if self._cuts(x):
                self._add(ALL_GATHER, axes, "activations, backward", x.nbytes)

    def sum_again(self, axes: tuple[str, ...], outputs: Sequence[Spec]) -> None:
        for x in outputs:
            self._add(self._sum(x), axes, "activations, again", x.nbytes)

    def give_input(self, axes: tuple[str, ...], x: Spec) -> None:
        if self._cuts(x):
            self._add(ALL_GATHER, axes, "activations, forward", x.nbytes)

    def sum_input_gradient(self, axes: tuple[str, ...], x: Spec) -> None:
        self._add(self._sum(x), axes, "activations, backward", x.nbytes)


class _Parts:
    """What layers send that compute on parts of sequences.

    Sequences of one shape and dtype are taken to lie alike.
    """

    def __init__(self, tally: Tally, axes: tuple[str, ...]):
        self._tally, self._axes = tally, axes
        self._cut: set[Spec] = set()

    def look_at(self, call: LayerCall, role: Any, gradients: tuple[int, ...] | None) -> None:
        """Arguments:
        gradients: bytes of the layer's own gradients if it computes each position for itself, else None.
        """
        sequences = [x for x in call.outputs if len(x.shape) >= SEQUENCE_DIMS]
        if role is not None and role.output == "sum":
            self._cut.update(sequences)
        elif gradients is not None and sequences:
            self._cut.update(sequences)
            for nbytes in gradients:  # of each device's positions
                self._tally.add(ALL_REDUCE, self._axes, "gradients", nbytes)
        elif role is not None and not role.axes and self._cut.intersection(call.inputs):
            for x in call.outputs:  # of all positions together
                if len(x.shape) < SEQUENCE_DIMS:
                    self._tally.add(ALL_REDUCE, self._axes, "activations, forward", x.nbytes)


def _nbytes(specs: Iterable[Spec]) -> int:
    return sum(s.nbytes for s in specs)


def _floats(specs: Sequence[Spec]) -> list[Spec]:
    """The inputs that have gradients."""
    return [x for x in specs if dtypes.is_float(x.dtype)]
