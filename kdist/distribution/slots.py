"""Where an optimizer's variables lie under a strategy, also before there are any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kdist.core.abstract import abstract_scope
from kdist.distribution.layout import TensorLayout, replicated
from kdist.distribution.runtime import distribution_scope


def slot_variables(optimizer: Any, trainable: Sequence[Any]) -> list[Any]:
    """The variables that `optimizer` has, or would have once it is built for `trainable`."""
    if optimizer.built:
        return optimizer.variables
    with abstract_scope(), distribution_scope(None):
        if not any(v.is_abstract for v in optimizer.variables):
            optimizer = type(optimizer).from_config(optimizer.get_config())
        optimizer.build(trainable)
    return optimizer.variables


def slot_layouts(
    strategy: Any,
    slots: Sequence[Any],
    variables: Iterable[Any],
    layouts: Mapping[int, TensorLayout],
) -> list[TensorLayout]:
    """The layout of each slot.

    Arguments:
        strategy: None for a single device, where everything is whole.
        variables: the model's.
        layouts: theirs under `strategy`, by id().
    """
    whole = lambda slot: replicated(len(slot.shape), strategy.device_mesh if strategy else None)
    owners = _owners(slots, variables) if strategy is not None else {}
    return [
        strategy.slot_layout(layouts[id(owners[id(s)])], s.shape) if id(s) in owners else whole(s)
        for s in slots
    ]


def _owners(slots: Iterable[Any], variables: Iterable[Any]) -> dict[int, Any]:
    """Which variable each slot goes with, by the slot's id(): its name begins with the variable's path."""
    by_name = {v.path.replace("/", "_"): v for v in variables}
    found: dict[int, Any] = {}
    for slot in slots:
        parts = slot.name.split("_")
        for n in range(len(parts) - 1, 0, -1):
            variable = by_name.get("_".join(parts[:n]))
            if variable is not None and tuple(variable.shape) == tuple(slot.shape):
                found[id(slot)] = variable
                break
    return found
