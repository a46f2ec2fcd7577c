"""What tensor parallelism communicates of activations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import Any

from kdist.core import dtypes
from kdist.core.spec import Spec
from kdist.distribution.communication import Communication
from kdist.distribution.costs import ALL_GATHER, ALL_REDUCE, REDUCE_SCATTER, Tally
from kdist.distribution.links import group_size
from kdist.distribution.positions import Positions
from kdist.distribution.trace import Activation, LayerCall


def count_activations(
    tally: Tally,
    strategy: Any,
    roles: Any,
    calls: Sequence,
    how: Communication,
    repeated: Collection[int] = (),
) -> tuple[set[int], set[int]]:
    """Add up what the layers that are split communicate in one step.

    Arguments:
        roles: the `Roles` of the model.
        calls: `LayerCall`s of a step on one device's rows.
        repeated: ids of the variables that are rematerialized layers'.

    Returns: ids of the layers that could compute parts of sequences, and compute whole ones; ids of those that make
        one position of parts.
    """
    between = _Between(tally, strategy, how)
    last = _last_needs(roles, calls)
    differentiable = False  # nothing that is trained came before
    for i, call in enumerate(calls):
        role = roles.of.get(call.layer)
        reads_again = bool(call.region) and i <= last.get(call.region, -1)
        if role is not None and role.axes:
            between.give(call.inputs, call.region, reads_again)
            if role.whole_input and differentiable and (how.adds_first or not role.is_compound):
                between.sum_input_gradients(role.axes, call)
            # What follows needs it.
            makes_again = bool(call.region) and i < last.get(call.region, -1)
            if role.output == "sum":
                makes_again = (makes_again or role.activates) and role.sums_with in repeated
                between.sum_outputs(role.axes, call.outputs, makes_again)
            elif role.output == "gather" and (how.gives_whole or call.layer not in roles.results):
                between.gather_outputs(role.axes, call.outputs, makes_again)
            else:
                between.leave_whole(call.outputs)
        elif call.layer in roles.between:
            between.leave_whole(call.outputs)
        elif role is not None and _cuts_sequences(strategy):
            between.pass_positions(call, roles, role, reads_again)
        axes = roles.products.get(call.layer)
        if axes and differentiable and not how.adds_first:
            between.sum_input_gradients(axes, call)
        differentiable = differentiable or (role is not None and role.trains)
    if how.gives_whole and calls:
        between.give(calls[0].outputs, region=0, again=False)  # the model's own call
    between.finish()
    return between.whole, between.pooled


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

    Attributes:
        whole: ids of layers that compute each position for itself, and all of them on every device.
        pooled: ids of layers that make one position of the parts that each device has.
    """

    def __init__(self, tally: Tally, strategy: Any, how: Communication):
        axes = strategy.tensor_axes
        parts = group_size(strategy.device_mesh, axes) if _cuts_sequences(strategy) else 1
        self._add: Callable = tally.add
        self._axes = axes
        self._scatter = REDUCE_SCATTER if how.scatters else ALL_REDUCE
        self._adds_first, self._keeps_data = how.adds_first, how.keeps_data
        self._positions = Positions(parts, how)
        self.whole: set[int] = set()
        self.pooled: set[int] = set()
        self._gathers_once, self._finds_equal = how.gathers_once, how.finds_equal
        self._given: set[tuple[Hashable, int]] = set()
        # Tensors whose gradients are added up first, and then summed; of what is cut, in each part computed again.
        self._sums: dict[tuple[Activation, int], tuple[str, ...]] = {}
        # Whole tensors whose gradients come in parts of time, and what tells these from others' gradients.
        self._gathered: dict[Activation, list[tuple[int, Hashable]]] = {}

    def give(self, tensors: Sequence[Activation], region: int, again: bool) -> None:
        """Sequences are wanted whole.

        Arguments:
            region: in what is computed again, if it is.
            again: whether they are wanted a second time, to be computed again.
        """
        for x in filter(self._positions.is_cut, tensors):
            if self._gathers_once and (x.key, region) in self._given:
                continue
            self._given.add((x.key, region))
            self._add(ALL_GATHER, self._axes, "activations, forward", x.nbytes)
            if again:
                self._add(ALL_GATHER, self._axes, "activations, again", x.nbytes)

    def sum_input_gradients(self, axes: tuple[str, ...], call: LayerCall) -> None:
        for x in call.inputs:
            if not x.flows or not dtypes.is_float(x.dtype):
                continue
            is_cut = self._positions.is_cut(x)
            if self._adds_first and (self._gathers_once or not is_cut):
                self._sums[x, call.region if is_cut else 0] = axes
            else:
                kind = self._scatter if is_cut else ALL_REDUCE
                self._add(kind, axes, "activations, backward", x.nbytes)

    def finish(self) -> None:
        """Count what depends on everything before. What meets parts of time is summed to such parts, too."""
        for (x, _), axes in self._sums.items():
            in_parts = x in self._gathered or self._positions.is_cut(x)
            kind = self._scatter if in_parts else ALL_REDUCE
            self._add(kind, axes, "activations, backward", x.nbytes)
        for x in {tuple(parts): x for x, parts in self._gathered.items()}.values():
            self._gather_gradient(x)

    def sum_outputs(
        self, axes: tuple[str, ...], outputs: Sequence[Activation], again: bool
    ) -> None:
        """Sums of parts.

        Arguments:
            again: whether they are computed a second time.
        """
        for x in outputs:
            cuts = self._positions.can_cut(x)
            kind = self._scatter if cuts else ALL_REDUCE
            self._add(kind, axes, "activations, forward", x.nbytes)
            if again:
                self._add(kind, axes, "activations, again", x.nbytes)
            if cuts:
                self._add(ALL_GATHER, axes, "activations, backward", x.nbytes)
            self._positions.note(x, cuts)

    def gather_outputs(
        self, axes: tuple[str, ...], outputs: Sequence[Activation], again: bool
    ) -> None:
        for purpose in ("forward", "again") if again else ("forward",):
            self._add(ALL_GATHER, axes, f"activations, {purpose}", _nbytes(outputs))
        self.leave_whole(outputs)

    def leave_whole(self, outputs: Sequence[Activation]) -> None:
        """None of them are cut in time."""
        for x in outputs:
            self._positions.note(x, False)

    def pass_positions(self, call: LayerCall, roles: Any, role: Any, again: bool) -> None:
        """What a layer sends that is not split, and may compute on parts of sequences."""
        if not role.has_variables and all(map(self._positions.is_data, call.inputs)):
            for x in call.outputs:
                self._positions.note_data(x)
        elif call.layer in roles.positionwise:
            own = roles.positionwise[call.layer]
            self._compute_positions(call, own, role.trains, call.layer in roles.adding)
        elif call.layer in roles.pools:
            if any(map(self._positions.is_cut, call.inputs)):
                self.pooled.add(call.layer)
                self._add(ALL_REDUCE, self._axes, "activations, forward", _nbytes(call.outputs))
            self.leave_whole(call.outputs)
        else:
            self.give(call.inputs, call.region, again)
            self.leave_whole(call.outputs)

    def _compute_positions(
        self, call: LayerCall, own: Sequence[int], trains: bool, adds: bool
    ) -> None:
        """Each position for itself.

        Arguments:
            own: bytes of the gradients of the layer's own variables.
            adds: whether the gradients of its inputs are one tensor.
        """
        if self._comes_cut(call):
            for nbytes in own:
                self._add(ALL_REDUCE, self._axes, "gradients", nbytes)
            for x in call.inputs:
                if x.flows and not self._positions.is_cut(x):
                    source = None if adds and self._finds_equal else x.key
                    self._gathered.setdefault(x, []).append((id(call), source))
        elif trains or any(x.flows for x in call.inputs):
            for x in filter(self._positions.can_cut, call.outputs):
                self.whole.add(call.layer)
                self._gather_gradient(x)
        for x in call.outputs:
            self._positions.note(x, self._positions.can_cut(x))

    def _comes_cut(self, call: LayerCall) -> bool:
        """Whether a layer takes parts. What is whole is cut for nothing."""
        if any(map(self._positions.is_cut, call.inputs)):
            return True
        return not self._keeps_data and any(map(self._positions.can_cut, call.outputs))

    def _gather_gradient(self, x: Activation) -> None:
        self._add(ALL_GATHER, self._axes, "activations, backward", x.nbytes)


def _cuts_sequences(strategy: Any) -> bool:
    return strategy.sequence_layout() is not None


def _nbytes(specs: Iterable[Spec]) -> int:
    return sum(s.nbytes for s in specs)
