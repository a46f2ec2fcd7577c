"""What the units of a model whose parameters are gathered and let go hold at each moment of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kdist.distribution.allocations import GRADIENT
from kdist.distribution.trace import Held, StepTrace
from kdist.distribution.units import Unit


def held_by_units(
    units: Sequence[Unit],
    trace: StepTrace,
    whole: Callable[[Any], int],
    updated: Callable[[Any], int],
) -> Iterator[Held]:
    """Parameters that are whole, and gradients beyond the parts that are left of them.

    While a unit computes, the next one's parameters are on their way. Gradients are whole until their unit's backward
    pass ends. Then they are copied to be sent, and the copy is held until that of the next unit is made; so FSDP2 does.
    What gloo copies again to send it is not among it: its threads let go of that at a time of their own.

    Arguments:
        whole, updated: bytes of a variable that is gathered, and of the part that one device updates.
    """
    last = max((a.begin for a in trace.allocations), default=0)
    backward = _backward_passes(units, trace)
    starts = [begin for begin, _ in backward] or [last + 1]
    bytes_of = lambda unit: sum(map(whole, unit.variables))
    yield 0, starts[0] - 1, sum(sorted(map(bytes_of, units))[-2:])
    ends = [begin - 1 for begin in starts[1:]] + [last]
    following = [unit for _, unit in backward[1:]] + [None]
    sent = 0
    for (begin, unit), end, after in zip(backward, ends, following, strict=False):
        yield begin, end, sent + bytes_of(unit) + (0 if after is None else bytes_of(after))
        trained = [v for v in unit.variables if v.trainable]
        sent = sum(map(whole, trained))
        beyond = sent - sum(map(updated, trained))
        made = [a for a in trace.allocations if a.layer == GRADIENT and begin <= a.begin <= end]
        total = sum(a.nbytes for a in made)
        for a in made:
            yield a.begin, end, beyond * a.nbytes / total


def _backward_passes(units: Sequence[Unit], trace: StepTrace) -> list[tuple[int, Unit]]:
    """(first event, unit) of backward passes, in their order."""
    begins: dict[int, int] = {}  # of layers
    for a in trace.allocations:
        if a.backward:
            begins[a.layer] = min(a.begin, begins.get(a.layer, a.begin))
    found = []
    for unit in units:
        of_unit = [begins[id(x)] for x in unit.layer._flatten_layers() if id(x) in begins]
        if of_unit:
            found.append((min(of_unit), unit))
    return sorted(found, key=lambda pair: pair[0])
