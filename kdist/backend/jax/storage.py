"""Where a variable's value lives: in a cell of its own, or, while a program runs, in its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from kdist.backend.jax import placement
from kdist.backend.jax.tensors import as_tensor


class Cell:
    """The values of several variables.

    A step replaces the whole list at once, and every variable sees it.
    """

    __slots__ = ("values",)

    def __init__(self, values: list):
        self.values = values


class Storage:
    """The contract's `Storage`."""

    __slots__ = ("cell", "index", "sharding")

    def __init__(self, value: jax.Array, sharding: Any):
        self.cell = Cell([value])
        self.index = 0
        self.sharding = sharding

    def read(self) -> jax.Array:
        return self.cell.values[self.index]

    def write(self, value: jax.Array) -> None:
        if isinstance(value, jax.core.Tracer):
            raise RuntimeError(
                "A variable was assigned inside a function that jax traces (jit, grad, vmap), "
                "where the value would be lost. Use the stateless forms there: stateless_call, "
                "stateless_apply, stateless_update_state, or a StatelessScope."
            )
        self.cell.values[self.index] = (
            value if self.sharding is None else placement.place(value, self.sharding)
        )

    def move(self, sharding: Any) -> None:
        """Lie on `sharding` from now on."""
        if sharding != self.sharding:
            self.sharding = sharding
            self.write(self.read())

    def add(self, value: Any) -> jax.Array:
        held = self.read()
        total = jax.numpy.add(held, as_tensor(value)).astype(held.dtype)
        self.write(total)
        return total

    def handle(self) -> jax.Array:
        return self.read()

    def set_trainable(self, trainable: bool) -> None:
        """Nothing to do: what is differentiated is decided where a step is traced."""

    def bind(self, cell: Cell, index: int) -> tuple[Cell, int]:
        """Move to another cell, without the value. Returns where the storage was."""
        before = (self.cell, self.index)
        self.cell, self.index = cell, index
        return before


def make_storage(variable: Any, make_value: Callable[[], Any], layout: Any) -> Storage:
    """A storage born in `layout`.

    Also inside of a traced function the value is concrete: a layer may be built there.
    """
    if layout is None:
        with jax.ensure_compile_time_eval():
            return Storage(make_value(), None)
    sharding = placement.sharding_of(layout)
    itemsize = placement.itemsize_of(variable.dtype)
    return Storage(placement.born(make_value, variable.shape, itemsize, sharding), sharding)
