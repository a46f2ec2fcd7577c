"""What parameters and their gradients communicate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from kdist.core import dtypes
from kdist.distribution.communication import Buckets, Communication
from kdist.distribution.costs import ALL_GATHER, ALL_REDUCE, REDUCE_SCATTER, Tally, layout_bytes
from kdist.distribution.trace import StepTrace
from kdist.distribution.units import Unit, units_of

Axes = tuple[str, ...]


@dataclass(frozen=True)
class _Parameter:
    """A variable, as messages see it.

    Arguments:
        trains: whether it is updated.
        read, reached: whether a step reads it, and computes its gradient from values.
        stored, updated: the batch axes over which it is cut where it lies, and where it is updated.
        others: the remaining batch axes.
        whole: bytes of what a device computes with.
        part: bytes of what it updates.
    """

    id: int
    dtype: str
    trains: bool
    read: bool
    reached: bool
    stored: Axes
    updated: Axes
    others: Axes
    whole: int
    part: int


@dataclass(frozen=True)
class _Message:
    """Parameters that are gathered together.

    Arguments:
        read: whether they are.
        again: how many times more for the gradients.
    """

    members: list[_Parameter]
    read: bool
    again: int


def count_parameters(
    tally: Tally,
    strategy: Any,
    model: Any,
    planned: Sequence,
    how: Communication,
    trace: StepTrace | None = None,
    uses: Mapping[int, int] | None = None,
    has_slots: bool = True,
) -> None:
    """What the parameters communicate in one step.

    Arguments:
        planned: the `VariablePlan`s of `model.variables`.
        trace: of the step; None: it reads each once, and computes all gradients.
        uses: id of a variable -> how many calls of layers use it, as far as they are known.
        has_slots: whether the optimizer keeps state that is cut, from which it changes variables without gradients.
    """
    uses = {} if how.adds_first else uses or {}
    found = {
        id(v): _parameter(tally, strategy, id(v), p, trace)
        for v, p in zip(model.variables, planned, strict=True)
    }
    gathered = [p for p in found.values() if p.stored]
    for message in _gathered_together(model, found, how, trace):
        _gather(tally, message)
        _reduce(tally, [p for p in message.members if p.reached], how, uses)
    whole = [p for p in found.values() if p.trains and not p.stored]
    if how.buckets is None:
        for p in whole:
            _reduce(tally, [p] if p.reached else [], how, uses)
    else:
        for axes, nbytes, pieces in _in_buckets(whole, how.buckets, overlapped=not gathered):
            _reduce_parts(tally, axes, (strategy.batch_axes, nbytes, nbytes // pieces), how)
    together = how.buckets is not None
    changed = whole if has_slots and not how.skips else [p for p in whole if p.reached]
    _publish(tally, changed, together)


def _parameter(
    tally: Tally, strategy: Any, key: int, planned: Any, trace: StepTrace | None
) -> _Parameter:
    read, reached = (None, None) if trace is None else (trace.read, trace.reached)
    batch, layout = strategy.batch_axes, planned.layout
    cut = lambda layout: tuple(a for a in layout.mesh_axes if a in batch and tally.counts(a))
    slots = strategy.slot_layout(layout, planned.shape) if planned.trainable else layout
    updated = cut(slots)
    return _Parameter(
        id=key,
        dtype=planned.dtype,
        trains=planned.trainable,
        read=read is None or key in read,
        reached=planned.trainable and (reached is None or key in reached),
        stored=cut(layout),
        updated=updated,
        others=tuple(a for a in batch if a not in updated),
        whole=layout_bytes(strategy.compute_layout(layout), planned.shape, planned.dtype),
        part=layout_bytes(slots, planned.shape, planned.dtype),
    )


def _gathered_together(
    model: Any, found: dict[int, _Parameter], how: Communication, trace: StepTrace | None
) -> Iterator[_Message]:
    """The messages that gather parameters."""
    is_gathered = lambda v: bool(found[id(v)].stored)
    again = trace.again if trace is not None else {}
    if how.units is None:
        for p in found.values():
            if p.stored:
                times = 1 if how.regathers and p.reached else again.get(p.id, 0)
                yield _Message([p], p.read, times)
        return
    units, rest = units_of(model, is_gathered, how.units.small, how.units.together)
    late = _gathered_late(units, rest, found, trace)
    for unit in (*units, rest):
        members = [found[id(v)] for v in unit.variables]
        for dtype in {p.dtype: None for p in members}:
            of_dtype = [p for p in members if p.dtype == dtype]
            # What belongs to no layer is there for as long as the model runs.
            read = unit is rest or any(p.read for p in of_dtype)
            trains = any(p.trains if unit is rest else p.reached for p in of_dtype)
            regathers = how.regathers and (trains or unit.layer in late)
            times = 1 if regathers else max(again.get(p.id, 0) for p in of_dtype)
            yield _Message(of_dtype, read, times)


def _gathered_late(
    units: Sequence[Unit], rest: Unit, found: dict[int, _Parameter], trace: StepTrace | None
) -> list[Any]:
    """The layers whose parameters the backward pass gathers ahead: while one unit's gradients are computed, those of
    the unit that was called before it.
    """
    if trace is None:
        return []
    last = {call.layer: i for i, call in enumerate(trace.calls)}
    called = sorted((u for u in units if id(u.layer) in last), key=lambda u: last[id(u.layer)])
    return [
        before.layer
        for before, after in pairwise((*called, rest))
        if any(found[id(v)].reached for v in after.variables)
    ]


def _gather(tally: Tally, message: _Message) -> None:
    axes, nbytes = message.members[0].stored, sum(p.whole for p in message.members)
    if message.read:
        tally.add(ALL_GATHER, axes, "parameters, forward", nbytes)
    for _ in range(message.again if message.read else 0):
        tally.add(ALL_GATHER, axes, "parameters, backward", nbytes)


def _reduce(
    tally: Tally, message: list[_Parameter], how: Communication, uses: Mapping[int, int]
) -> None:
    """The sum over the batch axes of gradients that travel together."""
    for _ in range(max((uses.get(p.id, 1) for p in message), default=0)):
        first = message[0]
        whole, part = sum(p.whole for p in message), sum(p.part for p in message)
        batch = (*first.updated, *first.others)
        _reduce_parts(tally, first.updated, (batch, whole, part), how)


def _reduce_parts(
    tally: Tally, updated: Axes, sizes: tuple[Axes, int, int], how: Communication
) -> None:
    batch, whole, part = sizes
    if not updated or not how.scatters:
        tally.add(ALL_REDUCE, tally.ordered(batch), "gradients", whole)
        return
    tally.add(REDUCE_SCATTER, updated, "gradients", whole)
    tally.add(ALL_REDUCE, [a for a in batch if a not in updated], "gradients", part)


def _in_buckets(
    parameters: list[_Parameter], buckets: Buckets, overlapped: bool
) -> Iterator[tuple[Axes, int, int]]:
    """The flat buffers: (over which axes they are cut, bytes, into how many pieces)."""
    open_: dict[tuple, list[int]] = {}  # [bytes of gradients, bytes sent]
    limit = buckets.first_nbytes if overlapped else buckets.nbytes
    for p in reversed(parameters) if overlapped else parameters:
        pieces = p.whole // p.part
        kind = (p.dtype, p.updated, pieces)
        sizes = open_.setdefault(kind, [0, 0])
        sizes[0] += p.whole
        sizes[1] += p.whole + buckets.marks * pieces * dtypes.size_in_bytes(p.dtype)
        if sizes[0] >= limit:
            yield p.updated, open_.pop(kind)[1], pieces
            limit = buckets.nbytes
    for (_, axes, pieces), (_, nbytes) in open_.items():
        yield axes, nbytes, pieces


def _publish(tally: Tally, parameters: list[_Parameter], together: bool) -> None:
    """What was updated in parts is given to all."""
    kinds: dict[Any, list[_Parameter]] = {}
    for p in parameters:
        if p.updated:
            kinds.setdefault((p.updated, p.dtype) if together else p.id, []).append(p)
    for members in kinds.values():
        nbytes = sum(p.whole for p in members)
        tally.add(ALL_GATHER, members[0].updated, "updated parameters", nbytes)
