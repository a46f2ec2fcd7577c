"""What tensor parallelism communicates of activations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from itertools import pairwise
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
    sequence = strategy.sequence_layout() is not None
    between = _Between(tally, sequence, how, strategy.tensor_axes)
    last = _last_needs(roles, calls)
    pooled = _pooled(roles, calls) if how.knows_copies else set()
    differentiable = False  # nothing that is trained came before
    for i, call in enumerate(calls):
        role = roles.of.get(call.layer)
        reads_again = bool(call.region) and i <= last.get(call.region, -1)
        if role is not None and role.axes:
            between.give(call.inputs, reads_again)
            if role.whole_input and differentiable and (how.adds_first or not role.is_compound):
                between.sum_input_gradients(role.axes, call)
            # What follows needs it.
            makes_again = bool(call.region) and i < last.get(call.region, -1)
            if role.output == "sum":
                makes_again = (makes_again or role.activates) and role.sums_with in repeated
                gathers = role.activates or i not in pooled
                between.sum_outputs(role.axes, call.outputs, makes_again, gathers)
            elif role.output == "gather" and (how.gives_whole or call.layer not in roles.results):
                between.gather_outputs(role.axes, call.outputs, makes_again)
        elif sequence and role is not None and call.layer not in roles.between:
            between.pass_positions(call, roles, differentiable, reads_again)
        axes = roles.products.get(call.layer)
        if axes and differentiable and not how.adds_first:
            between.sum_input_gradients(axes, call)
        differentiable = differentiable or (role is not None and role.trains)
    if how.gives_whole and calls:
        between.give(calls[0].outputs, again=False)  # the model's own call


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


def _pooled(roles: Any, calls: Sequence[LayerCall]) -> set[int]:
    """Indices of the calls whose outputs a pooling layer reads next."""
    known = [i for i, call in enumerate(calls) if call.layer in roles.of]
    return {
        i
        for i, j in pairwise(known)
        if calls[j].layer in roles.pools and set(calls[i].outputs) & set(calls[j].inputs)
    }


class _Between:
    """What is sent between the layers that are split.

    Activations there are whole on every device. Sequences (batch, time, ...) may be cut in time: then each sum is a
    scatter, and a gather on the other side and way. Sequences of one shape and dtype are taken to lie alike.
    """

    def __init__(self, tally: Tally, sequence: bool, how: Communication, axes: tuple[str, ...]):
        self._add: Callable = tally.add
        self._sequence, self._axes = sequence, axes
        self._scatter = REDUCE_SCATTER if how.scatters else ALL_REDUCE
        self._adds_first = how.adds_first
        self._cut: set[Spec] = set()
        self._summed: set[Hashable] = set()  # sources of gradients

    def _cuts(self, x: Spec) -> bool:
        return self._sequence and len(x.shape) >= SEQUENCE_DIMS

    def give(self, tensors: Sequence[Spec], again: bool) -> None:
        """Sequences are wanted whole.

        Arguments:
            again: whether they are wanted a second time, to be computed again.
        """
        for x in self._cut.intersection(tensors):
            self._add(ALL_GATHER, self._axes, "activations, forward", x.nbytes)
            if again:
                self._add(ALL_GATHER, self._axes, "activations, again", x.nbytes)

    def sum_input_gradients(self, axes: tuple[str, ...], call: LayerCall) -> None:
        for x, source in call.flowing:
            if not dtypes.is_float(x.dtype):
                continue
            if x in self._cut:
                self._add(self._scatter, axes, "activations, backward", x.nbytes)
            elif not (self._adds_first and source in self._summed):
                self._add(ALL_REDUCE, axes, "activations, backward", x.nbytes)
                self._summed.add(source)

    def sum_outputs(
        self, axes: tuple[str, ...], outputs: Sequence[Spec], again: bool, gathers: bool
    ) -> None:
        """Sums of parts.

        Arguments:
            again: whether they are computed a second time.
            gathers: whether gradients of parts of sequences are gathered.
        """
        for x in outputs:
            kind = self._scatter if self._cuts(x) else ALL_REDUCE
            self._add(kind, axes, "activations, forward", x.nbytes)
            if again:
                self._add(kind, axes, "activations, again", x.nbytes)
            if self._cuts(x):
                self._cut.add(x)
                if gathers:
                    self._add(ALL_GATHER, axes, "activations, backward", x.nbytes)

    def gather_outputs(self, axes: tuple[str, ...], outputs: Sequence[Spec], again: bool) -> None:
        for purpose in ("forward", "again") if again else ("forward",):
            self._add(ALL_GATHER, axes, f"activations, {purpose}", _nbytes(outputs))
        self._cut.difference_update(outputs)

    def pass_positions(
        self, call: LayerCall, roles: Any, differentiable: bool, again: bool
    ) -> None:
        """What a layer sends that is not split, and may compute on parts of sequences."""
        is_cut = bool(self._cut.intersection(call.inputs))
        if call.layer in roles.positionwise:
            for nbytes in roles.positionwise[call.layer] if is_cut else ():
                self._add(ALL_REDUCE, self._axes, "gradients", nbytes)
            for x in filter(self._cuts, call.outputs):
                if differentiable and call.flowing and not is_cut:
                    self._add(ALL_GATHER, self._axes, "activations, backward", x.nbytes)
                self._cut.add(x)
        elif call.layer in roles.pools:
            for x in call.outputs if is_cut else ():
                self._add(ALL_REDUCE, self._axes, "activations, forward", x.nbytes)
        else:
            self.give(call.inputs, again)
            self._cut.difference_update(call.outputs)


def _nbytes(specs: Iterable[Spec]) -> int:
    return sum(s.nbytes for s in specs)
