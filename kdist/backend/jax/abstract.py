"""Shapes and dtypes of what a function would return, without computing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kdist.backend.jax.tensors import native_dtype
from kdist.core import tree
from kdist.core.abstract import stand_ins
from kdist.core.scopes import StatelessScope
from kdist.core.spec import Spec


def abstract_eval(fn: Callable, args: tuple, kwargs: dict) -> Any:
    """`fn(*args, **kwargs)` traced with an array for every `Spec`; its output's arrays as specs.

    What `fn` assigns to variables is dropped. What it returns beside arrays (sizes, None) is
    returned as it is.
    """
    leaves = tree.flatten((args, kwargs))
    slots = [i for i, x in enumerate(leaves) if isinstance(x, Spec)]
    outputs: list = []

    def traced(*arrays: jax.Array) -> list:
        filled = list(leaves)
        for i, x in zip(slots, arrays, strict=True):
            filled[i] = x
        a, k = tree.pack_sequence_as((args, kwargs), filled)
        with StatelessScope(), stand_ins(zeros):
            out = fn(*a, **k)
        outputs.append(out)
        return [x for x in tree.flatten(out) if isinstance(x, jax.Array)]

    structs = [jax.ShapeDtypeStruct(leaves[i].shape, native_dtype(leaves[i].dtype)) for i in slots]
    arrays = iter(jax.eval_shape(traced, *structs))
    out = outputs[-1]
    specs = [_spec(next(arrays)) if isinstance(x, jax.Array) else x for x in tree.flatten(out)]
    return tree.pack_sequence_as(out, specs)


def zeros(shape: tuple, dtype: str) -> jax.Array:
    """What an abstract variable is read as: inside of a trace, an operation and no memory."""
    return jnp.zeros(shape, native_dtype(dtype))


def _spec(x: jax.ShapeDtypeStruct) -> Spec:
    return Spec(tuple(x.shape), x.dtype.name)


def is_tracing() -> bool:
    """Whether this is inside a function that jax traces: there even a constant is a tracer."""
    return isinstance(jnp.zeros(()), jax.core.Tracer)
