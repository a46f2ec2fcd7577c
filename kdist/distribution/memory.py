"""What a step takes on one device beside variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kdist.distribution.allocations import GRADIENT, Held
from kdist.distribution.communication import Communication
from kdist.distribution.copies import Copies
from kdist.distribution.costs import layout_bytes
from kdist.distribution.layout import axes_of
from kdist.distribution.trace import Part, StepTrace
from kdist.distribution.unit_memory import Sizes, held_by_units
from kdist.distribution.units import units_of


def activation_bytes(
    plan: Any,
    trace: StepTrace,
    model: Any = None,
    how: Communication | None = None,
    shares: Mapping[Part, float] | None = None,
    copies: Copies | None = None,
) -> int:
    """What one device holds at the fullest moment beyond variables and its parts of gradients; the batch is in it.

    Arguments:
        model, how: None on a single device.
        shares: layer -> the part of its memory on one device.
        copies: what is held whole beside.
    """
    gradients = plan.bytes_per_device["gradients"]
    if trace.placed_bytes is not None:
        return max(trace.placed_bytes - gradients, 0) + trace.batch_bytes
    gathered, whole = 0, gradients
    by_units: Sequence[Held] = ()
    if how is not None:
        gathered, whole, by_units = _gathered(plan, model, how, gradients, trace)
    part = min(whole / trace.gradient_bytes, 1.0) if trace.gradient_bytes else 1.0
    peak = trace.peak({**(shares or {}), (GRADIENT, False): part}, copies, by_units) + gathered
    return max(peak - gradients, 0) + trace.batch_bytes


def _gathered(
    plan: Any, model: Any, how: Communication, gradients: int, trace: StepTrace
) -> tuple[int, int, Sequence[Held]]:
    """(bytes of parameters that are held whole, bytes of gradients, some of which are held whole, what units hold)."""
    strategy = plan.strategy
    planned = {id(v): p for v, p in zip(model.variables, plan.variables, strict=True)}

    def whole(v: Any) -> int:
        p = planned[id(v)]
        return layout_bytes(strategy.compute_layout(p.layout), p.shape, p.dtype)

    def updated(v: Any) -> int:
        p = planned[id(v)]
        return layout_bytes(strategy.slot_layout(p.layout, p.shape), p.shape, p.dtype)

    def is_gathered(v: Any) -> bool:
        layout = planned[id(v)].layout
        return any(a in strategy.batch_axes for a in layout.mesh_axes)

    def is_turned(v: Any) -> bool:
        layout = planned[id(v)].layout
        return any(a in strategy.batch_axes for entry in layout.axes[1:] for a in axes_of(entry))

    trained = [v for v in model.variables if v.trainable]
    if not how.regathers or how.units is None:
        held = [v for v in model.variables if is_gathered(v)]
        late = trained if not how.scatters else []
        for_a_while: list[Held] = []
    else:
        units, rest = units_of(model, is_gathered, how.units.small, how.units.together)
        held = list(rest.variables)
        late = [v for v in rest.variables if v.trainable]
        sizes = Sizes(whole, updated, is_turned, how.units.sent_copies)
        for_a_while = list(held_by_units(units, rest, trace, sizes))
    return sum(map(whole, held)), gradients + sum(whole(v) - updated(v) for v in late), for_a_while
