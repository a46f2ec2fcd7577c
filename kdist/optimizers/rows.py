"""Fused updates, which backends offer in `backend.UPDATES`.

Under the lower-case name of an optimizer's class ("sgd", "adam", "adamw", "rmsprop", ...) the table
may hold

    row(optimizer, grads, variables, learning_rate)

which updates all variables and slots at once, in place of `update_step` for each. `grads` are
averaged over replicas, unscaled and clipped, and weight decay is already applied.
`optimizer.iterations` (Variable or tensor) counts the updates before this one, and is increased
afterwards. `learning_rate` is a float or a scalar tensor. Slots are lists of Variables, to be read
by `optimizer.aligned(optimizer._momentums, variables)`:

    SGD       momentums (empty if momentum == 0)
    Adam(W)   _momentums, _velocities, _velocity_hats (empty unless amsgrad)
    RMSprop   _velocities, _momentums (empty if momentum == 0),
              _average_gradients (empty unless centered)
    Adagrad   _accumulators
    Adadelta  _accumulated_grads, _accumulated_delta_vars
    Adamax    _m, _u
    Nadam     _momentums, _velocities, _u_product (one Variable)
    Lion      _momentums

`variables` is the same list object at each step that updates all of them. The table may hold two
more:

    "weight_decay"  row(optimizer, variables, learning_rate)
    "accumulate"    row(optimizer, grads, sums, update), for `gradient_accumulation_steps`: adds
                    `grads` to the Variables `sums`; in each step that completes them it calls
                    `update` with the list of means, and clears them. With this row, `grads` and
                    `sums` are this replica's own, and `update` averages over replicas

Where a process keeps a part of each variable, gradients that were averaged are parts too. What
needs more than a part has rows of its own, for a backend whose arrays are not global:

    "whole"         row(grads, variables): the whole gradients
    "square_sums"   row(grads, variables): the sum of squares of each whole gradient
    "average"       row(variables, averages, momentum): moves each average towards its variable

A row that changes tensors in place is not used in a stateless scope. One that only reads `.value`
and writes `.assign` says so by an attribute, `row.stateless = True`. A user's subclass of a
built-in runs its own `update_step`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

from kdist.backend import bound as backend
from kdist.core import scopes


def of(cls: type) -> Callable | None:
    """The row of an optimizer's class, or None."""
    own = cls.__module__.startswith("kdist.")
    return backend.UPDATES.get(cls.__name__.lower()) if own else None


def named(name: str) -> Callable | None:
    """The row called `name`, or None if there is none or it cannot be used now."""
    row = backend.UPDATES.get(name)
    return row if usable(row) else None


def whole(grads: list, variables: list) -> list:
    """The gradients whole, for an `update_step` that looks at all of a variable."""
    row = named("whole")
    return grads if row is None else row(grads, variables)


def usable(row: Any) -> TypeGuard[Callable]:
    """Whether there is such a row and it can be used now."""
    return row is not None and (scopes.local.stateless is None or getattr(row, "stateless", False))
