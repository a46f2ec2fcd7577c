"""What surrounds a computation: stateless scopes, automatic casts, names, and the replicas of a step.

All of it is per thread: TensorFlow's MirroredStrategy traces one replica per thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class _Local(threading.local):
    stateless: StatelessScope | None = None
    symbolic: SymbolicScope | None = None
    autocast: str | None = None  # the dtype that float variables are read in
    intercept: bool = False  # stateless or autocast is active: a variable's read must look at them
    names: tuple[str, ...] = ()
    namer: Any = None  # who opened the innermost name scope

    def refresh(self) -> None:
        self.intercept = self.stateless is not None or self.autocast is not None


local = _Local()


class StatelessScope:
    """Within it, reads and assignments of variables go to a mapping and leave the variables alone.

    Arguments:
        state_mapping: pairs `(variable, value)` to read instead of the variables' own values.
        collect_losses: keep what `add_loss` receives in `.losses`.
        initialize_variables: whether variables created inside get their value when the scope ends.
    """

    def __init__(
        self,
        state_mapping: Any = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ):
        pairs = (
            state_mapping.items() if isinstance(state_mapping, Mapping) else (state_mapping or ())
        )
        self.state_mapping: dict[int, Any] = {}
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list = []
        # id(variable) -> (value as it was given, value that computations use), where these differ.
        self.given: dict[int, tuple[Any, Any]] = {}
        for variable, value in pairs:
            if not hasattr(variable, "assign"):
                raise ValueError(
                    f"state_mapping: its keys must be kdist variables, and received {variable!r}."
                )
            self.state_mapping[id(variable)] = value

    def add_loss(self, loss: Any, layer: Any = None) -> None:
        self.losses.append(loss)

    def add_update(self, update: tuple[Any, Any]) -> None:
        variable, value = update
        self.state_mapping[id(variable)] = value

    def get_current_value(self, variable: Any) -> Any:
        """The value of `variable` inside this scope, or None if it is not part of it."""
        return self.state_mapping.get(id(variable))

    def brought_again(self, variable: Any) -> Any:
        """The current value; if it was brought to where computations use it, brought there anew.

        What is run again in the backward pass does that, so that the value need not be kept meanwhile.
        """
        value = self.get_current_value(variable)
        given, used = self.given.get(id(variable), (None, None))
        return value if used is None or value is not used else variable.computed(given)

    def __enter__(self) -> StatelessScope:
        self._outer = local.stateless
        local.stateless = self
        local.refresh()
        return self

    def __exit__(self, *_: Any) -> None:
        local.stateless = self._outer
        local.refresh()


def get_stateless_scope() -> StatelessScope | None:
    return local.stateless


def in_stateless_scope() -> bool:
    return local.stateless is not None


class SymbolicScope:
    """Says that what runs inside of it is run for the shapes and dtypes of its outputs alone.

    Code of layers and ops runs in one whenever kdist infers what they give.

    Example:
        with kdist.SymbolicScope():
            assert in_symbolic_scope()
    """

    def __enter__(self) -> SymbolicScope:
        self._outer = local.symbolic
        local.symbolic = self
        return self

    def __exit__(self, *_: Any) -> None:
        local.symbolic = self._outer


def in_symbolic_scope() -> bool:
    """Whether what runs now is run for shapes and dtypes alone."""
    return local.symbolic is not None


@contextmanager
def autocast_scope(dtype: str | None) -> Iterator[None]:
    """Float variables are read in `dtype` within (None: as they are)."""
    outer, local.autocast = local.autocast, dtype
    local.refresh()
    try:
        yield
    finally:
        local.autocast = outer
        local.refresh()


@contextmanager
def name_scope(name: str, caller: Any = None) -> Iterator[None]:
    """Variables created within have `name` in their path.

    `caller` is the object that opens the scope. If it is inside its own already, nothing is added.
    """
    if caller is not None and local.namer is caller:
        yield
        return
    outer = (local.names, local.namer)
    local.names, local.namer = (*local.names, name), caller
    try:
        yield
    finally:
        local.names, local.namer = outer


def current_path() -> str:
    return "/".join(local.names)
