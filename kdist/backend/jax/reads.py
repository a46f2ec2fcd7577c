"""Which variables a step reads where it computes again for the gradients: there they are gathered once more.

The variables' values are marked where they are read. After what no gradient needs has been left out, as jax and XLA do,
the marks that are still there tell which are gathered again: the bias of a linear product is not, nor is the shift of a
normalisation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jax.custom_derivatives import linear_call

from kdist.backend.jax.fusion import Operation, needed

_PREFIX = "variable:"

# Number of a part that is computed again, after those of the parts that it stands in; none: not computed again.
Region = tuple[int, ...]


def _mark(key: int) -> Callable[[Any], Any]:
    """A function that gives a value as it is, and leaves a mark in the jaxpr; its gradient leaves none."""

    def forward(_: tuple, value: Any) -> Any:
        return checkpoint_name(value, f"{_PREFIX}{key}")

    def backward(_: tuple, gradient: Any) -> Any:
        return gradient

    def mark(value: Any) -> Any:
        if not jnp.issubdtype(value.dtype, jnp.inexact):
            return forward((), value)  # it has no gradient
        return linear_call(forward, backward, (), value)

    return mark


@contextmanager
def marking(variables: Iterable[Any]) -> Iterator[None]:
    """Reads of `variables` within are marked."""
    before = [(v, v._to_compute) for v in variables]
    for v, _ in before:
        v._to_compute = _mark(id(v))
    try:
        yield
    finally:
        for v, computes in before:
            v._to_compute = computes


def marked(equation: Any) -> int:
    """id() of the variable of which an equation of a jaxpr is the mark; 0: it is none."""
    if equation.primitive.name != "name":
        return 0
    name = equation.params["name"]
    return int(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else 0


class Reads:
    """The marks of a list of operations."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[int, Region]] = {}  # number of a value -> (variable, region)

    def add(self, value: int, variable: int, region: Region) -> None:
        """Note a mark of `variable` in `region`, whose value has the number `value`."""
        self._found[value] = variable, region

    def variables(self, operations: list[Operation]) -> frozenset[int]:
        """ids of the variables whose values some operation takes."""
        taken = {x for o in operations for x in o.operands}
        return frozenset(variable for x, (variable, _) in self._found.items() if x in taken)

    def again(self, operations: list[Operation], kept: Iterable[int]) -> dict[int, int]:
        """id of a variable -> in how many regions its value is read again for what is `kept`."""
        live = needed(operations, list(kept))
        wanted = {
            x for o, is_live in zip(operations, live, strict=True) if is_live for x in o.operands
        }
        reads = {found for value, found in self._found.items() if value in wanted and found[1]}
        counts: dict[int, int] = {}
        for variable, region in reads:
            # Where it was gathered for what surrounds a region, XLA lets the region read that.
            if not any((variable, region[:n]) in reads for n in range(1, len(region))):
                counts[variable] = counts.get(variable, 0) + 1
        return counts

    def without(self, operations: list[Operation]) -> list[Operation]:
        """The operations as they are without marks."""
        if not self._found:
            return operations
        keeps = lambda numbers: tuple(x for x in numbers if x not in self._found)
        return [replace(o, operands=keeps(o.operands)) for o in operations]
