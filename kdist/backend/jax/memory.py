"""What XLA says a training step takes in memory, found by compiling it without any values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core as jex

from kdist.backend.jax.placement import batch_sharding, sharding_of
from kdist.backend.jax.repeats import find_repeats, shortened
from kdist.backend.jax.tensors import native_dtype
from kdist.core.spec import Spec

# Operations of a loss up to which it is compiled as a whole, in some ten seconds; and if nothing in it repeats, in a
# minute.
COMPILED_LIMIT, UNREPEATED_LIMIT = 600, 3000
# Of a long one that repeats a part, computations with so many repetitions are compiled. With fewer than two the rest
# of the model might weigh more than any repetition.
SHORT, LONG = 2, 4


def struct(x: Any, sharding: Any = None) -> jax.ShapeDtypeStruct:
    """A variable, or a `Spec`, for compiling."""
    return jax.ShapeDtypeStruct(x.shape, native_dtype(x.dtype), sharding=sharding)


def on_devices(
    model: Any, plan: Any, variables: Sequence, others: Sequence, batch: Sequence[Spec]
) -> tuple[list, list, list]:
    """`variables`, `others` and the global batch, for compiling, as they lie under the plan.

    Arguments:
        batch: one device's rows.
    """
    layouts = {id(v): p.layout for v, p in zip(model.variables, plan.variables, strict=True)}
    stored = lambda v: struct(v, sharding_of(layouts[id(v)]))

    def of_batch(x: Spec) -> jax.ShapeDtypeStruct:
        sharding = batch_sharding(plan.strategy, x.ndim)
        shards = math.prod(sharding.mesh.shape[a] for a in plan.strategy.batch_axes)
        return struct(Spec((x.shape[0] * shards, *x.shape[1:]), x.dtype), sharding)

    return [stored(v) for v in variables], [stored(v) for v in others], [of_batch(x) for x in batch]


def compiled_bytes(loss: Callable, given: tuple[list, list, list]) -> int | None:
    """What XLA takes on one device, beyond the arguments, to compute `loss(*given)` and update the first of them.

    Returns: None if it would take too long to compile.
    """
    closed = jax.make_jaxpr(loss)(*given)
    jaxpr, flat = closed.jaxpr, [x for group in given for x in group]
    structs = dict(zip(jaxpr.invars, flat, strict=True))
    updated = set(jaxpr.invars[: len(given[0])])
    ask = lambda jaxpr: _ask(jaxpr, closed.consts, structs, updated)
    if len(jaxpr.eqns) <= COMPILED_LIMIT:
        return ask(jaxpr)
    repeats = find_repeats(jaxpr)
    if repeats is None or repeats.count <= LONG:
        return ask(jaxpr) if len(jaxpr.eqns) <= UNREPEATED_LIMIT else None
    if len(jaxpr.eqns) - (repeats.count - LONG) * repeats.period > UNREPEATED_LIMIT:
        return None
    short, long = (ask(shortened(jaxpr, repeats, n)) for n in (SHORT, LONG))
    return long + (repeats.count - LONG) * (long - short) // (LONG - SHORT)


def _ask(jaxpr: Any, consts: Sequence, structs: dict, updated: set) -> int:
    run = jex.jaxpr_as_fun(jex.ClosedJaxpr(jaxpr, consts))
    values = [structs[x] for x in jaxpr.invars if x in updated]
    held = [structs[x] for x in jaxpr.invars if x not in updated]

    def step(values: list, held: list) -> tuple[jax.Array, list]:
        value, gradients = jax.value_and_grad(lambda v: run(*v, *held)[0])(values)
        return value, [v - g for v, g in zip(values, gradients, strict=True)]

    outputs = (None, [x.sharding for x in values])
    jitted = jax.jit(step, donate_argnums=0, out_shardings=outputs)
    memory = jitted.lower(values, held).compile().memory_analysis()
    return memory.temp_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
