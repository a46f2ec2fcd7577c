"""Gradient accumulation: an update by the mean gradient of every few steps.

What replicas send for it depends on the backend:

- torch, and tensorflow under `DataParallel`: each replica adds up its own gradients, and the sums
  are averaged in the step that updates: one round of messages for each update.
- jax, and tensorflow under strategies that shard: arrays are global, and a gradient is reduced over
  the devices where it is computed, in each step.

A `LossScaleOptimizer` averages in each step everywhere, since one gradient that is not finite on
one replica makes all of them skip the step; and so do models some of whose variables take their
gradient as value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdist import ops
from kdist.backend.variable import Variable
from kdist.core import scopes
from kdist.optimizers import rows


def adds_local_gradients(optimizer: Any) -> bool:
    """Whether accumulators sum what this replica alone has, to be averaged once for each update."""
    return (
        bool(optimizer.gradient_accumulation_steps)
        and not optimizer._overwritten
        and rows.named("accumulate") is not None
    )


def make_accumulators(optimizer: Any, variables: list[Variable]) -> list[Variable]:
    """A variable for each of `variables`, for the sum of its gradients since the last update."""
    name = "gradient_accumulator"
    if rows.named("accumulate") is None:
        return [optimizer.add_variable_from_reference(v, name) for v in variables]
    # Gradients lie where their variables do, and so do their local sums; the mean over the
    # replicas is what one replica would hold.
    return [
        optimizer.add_variable(
            v.shape,
            dtype=v.dtype,
            aggregation="mean",
            layout=v.layout,
            name=f"{v.path.replace('/', '_')}_{name}",
        )
        for v in variables
    ]


def is_update(optimizer: Any) -> Any:
    """Scalar bool tensor: whether this step updates the variables."""
    done = ops.add(optimizer._iterations.value, 1)
    return ops.equal(ops.mod(done, optimizer.gradient_accumulation_steps), 0)


def update_or_accumulate(
    optimizer: Any, grads: list, variables: list[Variable], average: Callable
) -> None:
    """Add `grads` to the accumulators, or, in a step that updates, update by their mean.

    The mean is that since the last update; the accumulators are cleared. `average` takes that mean
    over the replicas.

    Both branches are functions from values to values, since jax traces both of them.
    """
    steps = optimizer.gradient_accumulation_steps
    sums = optimizer.aligned(optimizer._accumulated_gradients, variables)
    row = rows.named("accumulate")
    if row is not None:
        complete = lambda means: optimizer._update(average(means, variables), variables)
        row(optimizer, grads, sums, complete)
        return
    state = [*variables, *optimizer._variables]
    before = [v.value for v in state]

    def update() -> list:
        with scopes.StatelessScope(list(zip(state, before, strict=True))) as scope:
            means = [
                ops.divide(ops.add(g, s.value), steps) for g, s in zip(grads, sums, strict=True)
            ]
            optimizer._update(average(means, variables), variables)
            for s in sums:
                s.assign(ops.zeros_like(s.value))
        return [scope.get_current_value(v) for v in state]

    def accumulate() -> list:
        with scopes.StatelessScope(list(zip(state, before, strict=True))) as scope:
            for g, s in zip(grads, sums, strict=True):
                s.assign_add(g)
        return [scope.get_current_value(v) for v in state]

    after = ops.cond(is_update(optimizer), update, accumulate)
    for variable, new, old in zip(state, after, before, strict=True):
        if new is not old:
            variable.assign(new)


def overwrite_with_gradients(
    optimizer: Any, grads: list, variables: list[Variable]
) -> tuple[list, list[Variable]]:
    """Give variables such as float8 scales their "gradient" as value, and return the other pairs.

    Accumulated, it is the largest seen.
    """
    kept = []
    for g, v in zip(grads, variables, strict=True):
        if not v.overwrite_with_gradient:
            kept.append((g, v))
        elif not optimizer.gradient_accumulation_steps:
            v.assign(g)
        else:
            accumulator = optimizer.aligned(optimizer._accumulated_gradients, [v])[0]
            largest = ops.maximum(g, accumulator.value)
            update = is_update(optimizer)
            v.assign(ops.where(update, largest, v.value))
            accumulator.assign(ops.where(update, ops.zeros_like(largest), largest))
    return [g for g, _ in kept], [v for _, v in kept]
