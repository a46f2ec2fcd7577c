"""Units: the layers whose sharded parameters are gathered together, when the layer runs.

A model is a container: its layers are called one after another. Any other layer is one unit with all that it holds,
since nobody outside knows in which order it uses its parts. A variable that several units use, or that a container
holds itself, is gathered for as long as the model runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kdist.core import dtypes


@dataclass(frozen=True)
class Unit:
    """A layer, and the variables that are gathered while it runs."""

    layer: Any
    variables: tuple[Any, ...]


def is_container(layer: Any) -> bool:
    """Whether the layer is a model, which only calls its layers."""
    return hasattr(layer, "train_step")


def containers(model: Any) -> list[Any]:
    """`model`, and the models inside of it that no layer hides."""
    return [layer for layer in _walk(model) if is_container(layer)]


def units_of(
    model: Any, gathered: Callable[[Any], bool], small: int = 0, together: int = 0
) -> tuple[list[Unit], Unit]:
    """The units of a built model, and as one more unit of its own what the model gathers for the whole of its run.

    Arguments:
        model: a model or layer.
        gathered: tells of a variable whether it is gathered at all. Layers without such a variable are no units.
        small: a layer whose gathered variables have fewer bytes is no unit: for them a communication of its own
            costs more than it brings. They are gathered for the whole run,
        together: as long as they have no more bytes than this in all.
    """
    blocks: list[Any] = []
    users: Counter[int] = Counter()
    for layer in _walk(model):
        if is_container(layer):
            users.update(id(v) for v in (*layer._own_trainable, *layer._own_non_trainable))
        else:
            blocks.append(layer)
            users.update(id(v) for v in layer.variables)
    units = []
    for block in blocks:
        own = tuple(v for v in block.variables if gathered(v) and users[id(v)] == 1)
        nbytes = sum(v.size * dtypes.size_in_bytes(v.dtype) for v in own)
        if nbytes < small and nbytes <= together:
            together -= nbytes
        elif own:
            units.append(Unit(block, own))
    taken = {id(v) for unit in units for v in unit.variables}
    rest = tuple(v for v in model.variables if gathered(v) and id(v) not in taken)
    return units, Unit(model, rest)


def _walk(model: Any) -> Iterator[Any]:
    """The containers and the layers directly in them, each once, in the order in which models hold them."""
    seen: set[int] = set()

    def visit(layer: Any) -> Iterator[Any]:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        yield layer
        if is_container(layer):
            for part in layer._layers:
                yield from visit(part)

    yield from visit(model)
