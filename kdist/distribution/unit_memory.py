"""What the units of a model whose parameters are gathered and let go hold at each moment of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kdist.distribution.allocations import GRADIENT, HALF, Held, turn
from kdist.distribution.trace import StepTrace
from kdist.distribution.units import Unit


@dataclass(frozen=True)
class Sizes:
    """What variables of units weigh on one device, in bytes.

    Arguments:
        whole, updated: of a variable that is gathered, and of the part that one device updates.
        turned: whether its parts do not lie one behind the other in the whole value, because it is cut along another
            dim than the first: it is then copied once more where it is gathered, and its gradient where it is sent.
        sent_copies: whether a group's processes copy what they send.
    """

    whole: Callable[[Any], int]
    updated: Callable[[Any], int]
    turned: Callable[[Any], bool]
    sent_copies: bool = False

    def of(self, variables: Iterable[Any]) -> int:
        return sum(map(self.whole, variables))

    def gathering(self, unit: Unit) -> int:
        """While a unit's parameters are taken out of the buffer that they arrived in."""
        return 2 * self.of(unit.variables) + self.of(filter(self.turned, unit.variables))

    def sending(self, trained: Sequence[Any]) -> int:
        """While a unit's gradients are sent, beyond these: the buffer they are put in, and the last one that was turned
        for it, which is let go at the end. What arrives lies beside the copy of the buffer, when the gradients are gone
        already.
        """
        turned = [self.whole(v) for v in trained if self.turned(v)]
        arrives = sum(map(self.updated, trained)) if self.sent_copies else 0
        return self.of(trained) + sum(turned[-1:]) + arrives


def held_by_units(
    units: Sequence[Unit], rest: Unit, trace: StepTrace, sizes: Sizes
) -> Iterator[Held]:
    """Parameters that are whole, and gradients beyond the parts that are left of them.

    Those of `rest` are whole all the time, which is not counted here: only what it takes to gather and send them.

    While a unit computes, the next one's parameters are on their way. Gradients are whole until their unit's backward
    pass ends. Then they are copied to be sent, and the copy is held until that of the next unit is made; so FSDP2 does.
    Of what gloo copies again to send it only that is among it which it lets go before it returns, not what its threads
    let go of at a time of their own.
    """
    last = max((a.begin for a in trace.allocations), default=0)
    backward = _backward_passes(units, trace)
    starts = [begin for begin, _ in backward] or [last + 1]
    bytes_of = lambda unit: sizes.of(unit.variables)
    yield from _in_forward_pass(units, rest, trace, sizes)
    yield from _in_backward_pass(rest, trace, last, sizes)
    ends = [begin - 1 for begin in starts[1:]] + [last]
    following = [unit for _, unit in backward[1:]] + [None]
    sent = 0
    for begin, unit in backward[:1]:
        if rest.variables:  # then the first unit's come with theirs
            yield turn(trace.allocations), begin - 1, bytes_of(unit)
        yield begin - HALF, begin - HALF, sizes.gathering(unit)
    for (begin, unit), end, after in zip(backward, ends, following, strict=False):
        comes, gathering = (0, 0) if after is None else (bytes_of(after), sizes.gathering(after))
        yield begin, end, sent + bytes_of(unit) + comes
        trained = [v for v in unit.variables if v.trainable]
        sent = sizes.of(trained)
        beyond = sent - sum(map(sizes.updated, trained))
        made = [a for a in trace.allocations if a.layer == GRADIENT and begin <= a.begin <= end]
        total = sum(a.nbytes for a in made)
        for a in made:
            yield a.begin, end, beyond * a.nbytes / total
        sending = beyond + sizes.sending(trained) if made else 0
        yield end + HALF, end + HALF, max(sending + comes, sent + gathering)


def _in_forward_pass(
    units: Sequence[Unit], rest: Unit, trace: StepTrace, sizes: Sizes
) -> Iterator[Held]:
    """The buffer that a unit's parameters arrived in is held until the next unit's are taken out of theirs."""
    backward = turn(trace.allocations)
    made: dict[int, list[int]] = {}  # layer -> events of its forward passes
    for a in trace.allocations:
        if not a.backward and a.layer > 0 and a.begin < backward:
            made.setdefault(a.layer, []).append(a.begin)
    calls = []
    for unit in units:
        events = [e for x in unit.layer._flatten_layers() for e in made.get(id(x), ())]
        if events:
            calls.append((min(events), max(events), unit))
    calls.sort(key=lambda call: call[0])
    arrived = sizes.of(rest.variables)
    if arrived:
        first = min((a.begin for a in trace.allocations), default=0)
        yield first - HALF, first - HALF, sizes.gathering(rest) - arrived
        yield first, calls[0][0] - 1 if calls else backward - 1, arrived
    for i, (begin, end, unit) in enumerate(calls):
        nbytes = sizes.of(unit.variables)
        yield begin - HALF, begin - HALF, arrived + sizes.gathering(unit)
        yield begin, end, 2 * nbytes
        if i + 1 < len(calls):
            yield end + 1, calls[i + 1][0] - 1, nbytes
        arrived = nbytes


def _in_backward_pass(rest: Unit, trace: StepTrace, last: int, sizes: Sizes) -> Iterator[Held]:
    """What `rest` takes beyond its parameters, which are let go before their gradients are sent."""
    nbytes = sizes.of(rest.variables)
    if nbytes:
        begin = turn(trace.allocations) - HALF
        yield begin, begin, sizes.gathering(rest) - nbytes
        trained = [v for v in rest.variables if v.trainable]
        yield last + HALF, last + HALF, sizes.sending(trained) - nbytes


def _backward_passes(units: Sequence[Unit], trace: StepTrace) -> list[tuple[int, Unit]]:
    """(first event, unit) of backward passes, in their order, each with what it computes again just before."""
    begins: dict[int, int] = {}  # of layers
    for a in trace.allocations:
        if a.backward:
            begins[a.layer] = min(a.begin, begins.get(a.layer, a.begin))
    found = []
    for unit in units:
        layers = {id(x) for x in unit.layer._flatten_layers()}
        of_unit = [begins[key] for key in layers if key in begins]
        if of_unit:
            found.append((min(of_unit), layers, unit))
    found.sort(key=lambda each: each[0])
    passes, before = [], min(begins.values(), default=0)
    for begin, layers, unit in found:
        again = [
            a.begin for a in trace.allocations if a.layer in layers and before < a.begin < begin
        ]
        passes.append((min(again, default=begin), unit))
        before = max(a.begin for a in trace.allocations if a.layer in layers and a.backward)
    return passes
