"""Rows of the core family: conversion, slices, scatters, control flow."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kdist.backend.jax.ops_math import segment_prod
from kdist.backend.jax.tensors import (
    as_indices,
    as_tensor,
    convert_to_numpy,
    convert_to_tensor,
    dtype_of,
    is_tensor,
    native_dtype,
)
from kdist.core import dtypes, tree
from kdist.core.saturation import ends


def _values(structure: Any) -> Any:
    """`structure` with arrays in place of kdist variables, NumPy arrays and numbers."""
    return tree.map_structure(lambda x: x if x is None else as_tensor(x), structure)


def cast(x: Any, dtype: Any) -> jax.Array:
    return as_tensor(x, dtype)


def saturate_cast(x: Any, dtype: Any) -> jax.Array:
    x, target = as_tensor(x), dtypes.standardize_dtype(dtype)
    if x.dtype == jnp.bool_ or x.dtype == native_dtype(target):
        return as_tensor(x, target)
    low, high, least, greatest = ends(x.dtype.name, np.dtype(native_dtype(target)).name)
    out = as_tensor(jnp.clip(x, low, high), target)
    if least is not None:
        out = jnp.where(x < low, np.asarray(least, out.dtype), out)
    if greatest is not None:
        out = jnp.where(x > high, np.asarray(greatest, out.dtype), out)
    return out


def dtype(x: Any) -> str:
    return dtype_of(as_tensor(x))


def shape(x: Any) -> tuple:
    return tuple(as_tensor(x).shape)


def stop_gradient(variable: Any) -> jax.Array:
    return jax.lax.stop_gradient(as_tensor(variable))


# ---- slices and scatters ---------------------------------------------------------------------
def scatter(indices: Any, values: Any, shape: Any) -> jax.Array:
    values, places = as_tensor(values), jnp.moveaxis(as_indices(indices), -1, 0)
    at = jnp.zeros(shape, values.dtype).at[tuple(places)]
    values = _without_leading(values, places.ndim - 1 + len(shape) - len(places))
    return at.max(values) if values.dtype == jnp.bool_ else at.add(values)


def _without_leading(values: jax.Array, rank: int) -> jax.Array:
    """`values` without axes of size 1 in front that are too many."""
    extra = values.ndim - rank
    many = extra > 0 and values.shape[:extra] == (1,) * extra
    return values.reshape(values.shape[extra:]) if many else values


def scatter_update(
    inputs: Any, indices: Any, updates: Any, reduction: str | None = None
) -> jax.Array:
    inputs, updates = as_tensor(inputs), as_tensor(updates, as_tensor(inputs).dtype)
    places = jnp.moveaxis(as_indices(indices), -1, 0)
    updates = _without_leading(updates, places.ndim - 1 + inputs.ndim - len(places))
    if reduction == "mul":
        return inputs * _products(inputs.shape, places, updates)
    at = inputs.at[tuple(places)]
    apply = {None: at.set, "add": at.add, "max": at.max, "min": at.min}.get(reduction)
    if apply is None:
        raise ValueError(
            f"reduction={reduction!r} is not known. Use None, 'add', 'max', 'min' or 'mul'."
        )
    return apply(updates)


def _products(shape: tuple, places: jax.Array, updates: jax.Array) -> jax.Array:
    """The products of the updates of each place, an array of `shape`: jax does not differentiate its `at.multiply`."""
    sizes = shape[: len(places)]
    inside, ids = True, 0
    for size, at in zip(sizes, places, strict=True):
        at = jnp.where(at < 0, at + size, at)
        inside, ids = inside & (at >= 0) & (at < size), ids * size + at
    ids = jnp.where(inside, ids, -1).ravel()
    rows = updates.reshape(ids.shape + shape[len(sizes) :])
    return segment_prod(rows, ids, math.prod(sizes), False).reshape(shape)


def slice_(inputs: Any, start_indices: Any, shape: Any) -> jax.Array:
    inputs = as_tensor(inputs)
    # -1: all that remains
    sizes = [inputs.shape[i] - start_indices[i] if s == -1 else s for i, s in enumerate(shape)]
    return jax.lax.dynamic_slice(inputs, start_indices, sizes)


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> jax.Array:
    inputs = as_tensor(inputs)
    return jax.lax.dynamic_update_slice(inputs, as_tensor(updates, inputs.dtype), start_indices)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list:
    x = as_tensor(x)
    if num is not None and num != x.shape[axis]:
        raise ValueError(f"num={num}: x has {x.shape[axis]} parts along axis {axis}.")
    return [jax.lax.index_in_dim(x, i, axis, keepdims=False) for i in range(x.shape[axis])]


# ---- control flow ----------------------------------------------------------------------------
def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    pred = as_tensor(pred)
    if isinstance(pred, jax.core.Tracer):
        return jax.lax.cond(pred, true_fn, false_fn)
    # Called eagerly, lax.cond compiles both branches anew each time (they are new closures).
    return jax.tree.map(as_tensor, true_fn() if pred else false_fn())


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    return jax.lax.switch(as_tensor(index), branches, *_values(list(operands)))


def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    return jax.lax.fori_loop(lower, upper, body_fun, _values(init_val))


def while_loop(
    cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    several = isinstance(loop_vars, list | tuple)
    start = tuple(loop_vars) if several else (loop_vars,)
    limit = np.iinfo(np.int32).max if maximum_iterations is None else maximum_iterations

    def go_on(carry: tuple) -> Any:
        values, count = carry
        return jnp.logical_and(cond(*values), count < limit)

    def once(carry: tuple) -> tuple:
        values, count = carry
        out = body(*values)
        count = count if maximum_iterations is None else count + 1
        return tuple(out) if several else (out,), count

    values, _ = jax.lax.while_loop(go_on, once, (_values(start), jnp.int32(0)))
    return values if several else values[0]


def map_(f: Callable, xs: Any) -> Any:
    return jax.lax.map(f, _values(xs))


def scan(
    f: Callable,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> tuple:
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"unroll={unroll!r} must be a bool or a positive int.")
    return jax.lax.scan(
        f, _values(init), _values(xs), length=length, reverse=reverse, unroll=unroll
    )


def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    return jax.lax.associative_scan(f, _values(elems), reverse, axis)


def vectorized_map(function: Callable, elements: Any) -> Any:
    return jax.vmap(function)(_values(elements))


def custom_gradient(f: Callable) -> Callable:
    with_gradient = jax.custom_gradient(f)
    return lambda *args, **kwargs: with_gradient(*_values(list(args)), **_values(kwargs))


ROWS: dict[str, Callable] = {
    "slice": slice_,
    "map": map_,
    **{
        f.__name__: f
        for f in (
            cast,
            saturate_cast,
            convert_to_numpy,
            convert_to_tensor,
            dtype,
            is_tensor,
            shape,
            stop_gradient,
            scatter,
            scatter_update,
            slice_update,
            unstack,
            cond,
            switch,
            fori_loop,
            while_loop,
            scan,
            associative_scan,
            vectorized_map,
            custom_gradient,
        )
    },
}
