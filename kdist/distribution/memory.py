"""What a step takes on one device beside variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdist.distribution.allocations import GRADIENT
from kdist.distribution.communication import Communication
from kdist.distribution.copies import Copies
from kdist.distribution.costs import layout_bytes
from kdist.distribution.trace import Part, StepTrace
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
    gathered, whole = (0, gradients) if how is None else _gathered(plan, model, how, gradients)
    part = min(whole / trace.gradient_bytes, 1.0) if trace.gradient_bytes else 1.0
    peak = trace.peak({**(shares or {}), (GRADIENT, False): part}, copies) + gathered
    return max(peak - gradients, 0) + trace.batch_bytes


def _gathered(plan: Any, model: Any, how: Communication, gradients: int) -> tuple[int, int]:
    """(bytes of parameters that are held whole, bytes of gradients, some of which are held whole)."""
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

    trained = [v for v in model.variables if v.trainable]
    if not how.regathers or how.units is None:
        held = [v for v in model.variables if is_gathered(v)]
        late = trained if not how.scatters else []
    else:
        units, rest = units_of(model, is_gathered, how.units.small, how.units.together)
        # While one unit computes, the next is on its way.
        largest = sorted(units, key=lambda u: sum(map(whole, u.variables)))[-2:]
        held = [v for unit in (*largest, rest) for v in unit.variables]
        late = [v for v in rest.variables if v.trainable]
    return sum(map(whole, held)), gradients + sum(whole(v) - updated(v) for v in late)
