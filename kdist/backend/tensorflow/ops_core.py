"""Rows of conversions, control flow, scatters and slices."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.abstract import abstract_eval
from kdist.backend.tensorflow.tensors import (
    as_tensor,
    convert_to_numpy,
    convert_to_tensor,
    is_tensor,
    static_or_dynamic_shape,
    weak,
)
from kdist.core import dtypes, tree
from kdist.core.saturation import ends
from kdist.core.spec import Spec


# ---- conversions ---------------------------------------------------------------------------------
def cast(x: Any, dtype: Any) -> Any:
    return as_tensor(x, dtypes.standardize_dtype(dtype))


def saturate_cast(x: Any, dtype: Any) -> Any:
    """Cast with values outside of `dtype`'s range set to its nearest end."""
    x, name = as_tensor(x), dtypes.standardize_dtype(dtype)
    if x.dtype == tf.bool or x.dtype == name:
        return tf.cast(x, name)
    # Not tf.saturate_cast: it clips to the float below the greatest int, and overflows into int64.
    low, high, least, greatest = ends(x.dtype.name, name)
    out = tf.cast(tf.maximum(tf.minimum(x, tf.constant(high, x.dtype)), low), name)
    if least is not None:
        out = tf.where(x < low, tf.constant(least, name), out)
    if greatest is not None:
        out = tf.where(x > high, tf.constant(greatest, name), out)
    return out


def _convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Any:
    return convert_to_tensor(x, dtype)


def dtype(x: Any) -> str:
    kind = weak(x)
    return kind if isinstance(kind, str) else dtypes.standardize_dtype(kind)


def shape(x: Any) -> tuple:
    """Sizes: ints where they are known, scalar tensors inside a graph where not."""
    return tuple(static_or_dynamic_shape(as_tensor(x)))


def stop_gradient(variable: Any) -> Any:
    return tf.stop_gradient(as_tensor(variable))


def custom_gradient(f: Callable) -> Callable:
    decorated = tf.custom_gradient(f)
    return lambda *args, **kwargs: decorated(*(as_tensor(a) for a in args), **kwargs)


# ---- control flow --------------------------------------------------------------------------------
def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    if isinstance(pred, bool):
        return true_fn() if pred else false_fn()
    return tf.cond(as_tensor(pred, "bool"), true_fn, false_fn)


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    index = tf.clip_by_value(as_tensor(index, "int32"), 0, len(branches) - 1)
    return tf.switch_case(index, [lambda branch=branch: branch(*operands) for branch in branches])


def while_loop(
    cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    many = isinstance(loop_vars, list | tuple)
    start = tree.map_structure(as_tensor, tuple(loop_vars) if many else (loop_vars,))

    def step(*args: Any) -> tuple:
        out = body(*args)
        return tree.map_structure(as_tensor, tuple(out) if many else (out,))

    out = tf.while_loop(cond, step, start, maximum_iterations=maximum_iterations)
    return out if many else out[0]


def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    # Run eagerly, it counts as Python does, so that the index takes on the dtype that it meets.
    first = lower if tf.executing_eagerly() else as_tensor(lower, "int32")
    start = (first, tree.map_structure(as_tensor, init_val))
    return tf.while_loop(lambda i, _: i < upper, lambda i, v: (i + 1, body_fun(i, v)), start)[1]


def _element_spec(x: Any) -> Spec:
    return Spec(tuple(x.shape.as_list()[1:]), x.dtype.name)


def _signature(spec: Any) -> Any:
    return tree.map_structure(lambda s: tf.TensorSpec(s.shape, s.dtype), spec)


# TensorFlow would rewrite a function's `if` and `for`.
_as_written = tf.autograph.experimental.do_not_convert


def map(f: Callable, xs: Any) -> Any:
    xs = tree.map_structure(as_tensor, xs)
    tensors = _as_written(lambda x: tree.map_structure(as_tensor, f(x)))
    out = abstract_eval(tensors, (tree.map_structure(_element_spec, xs),), {})
    return tf.map_fn(tensors, xs, fn_output_signature=_signature(out))


def vectorized_map(function: Callable, elements: Any) -> Any:
    return tf.vectorized_map(_as_written(function), tree.map_structure(as_tensor, elements))


def scan(
    f: Callable,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> tuple:
    """`jax.lax.scan`: `f(carry, x) -> (carry, y)` along dim 0 of `xs`.

    Returns the last carry and the stacked ys.
    """
    if not callable(f):
        raise TypeError(f"f={f!r} must be a function (carry, x) -> (carry, y).")
    if xs is None and length is None:
        raise ValueError("scan needs xs, or length where there are no xs.")
    init = tree.map_structure(as_tensor, init)
    xs = None if xs is None else tree.map_structure(as_tensor, xs)
    leaves = [] if xs is None else tree.flatten(xs)
    n = int(length) if length is not None else static_or_dynamic_shape(leaves[0])[0]

    def at(i: Any) -> Any:
        return None if xs is None else tree.map_structure(lambda x: x[i], xs)

    def step(carry: Any, x: Any) -> tuple:
        carry, y = f(carry, x)
        return tree.map_structure(as_tensor, carry), y if y is None else tree.map_structure(
            as_tensor, y
        )

    spec = lambda x: Spec(tuple(x.shape.as_list()), x.dtype.name)
    _, y_spec = abstract_eval(
        step,
        (
            tree.map_structure(spec, init),
            None if xs is None else tree.map_structure(_element_spec, xs),
        ),
        {},
    )
    y_leaves = [] if y_spec is None else tree.flatten(y_spec)
    stores = [tf.TensorArray(s.dtype, size=n, element_shape=s.shape) for s in y_leaves]

    def body(k: Any, carry: Any, stores: list) -> tuple:
        i = n - 1 - k if reverse else k
        carry, y = step(carry, at(i))
        values = [] if y is None else tree.flatten(y)
        return k + 1, carry, [s.write(i, v) for s, v in zip(stores, values, strict=True)]

    _, carry, stores = tf.while_loop(lambda k, *_: k < n, body, (tf.constant(0), init, stores))
    ys = [s.stack() for s in stores]
    for y, s in zip(ys, y_leaves, strict=True):
        y.set_shape((n if isinstance(n, int) else None, *s.shape))
    return carry, None if y_spec is None else tree.pack_sequence_as(y_spec, ys)


def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Inclusive scan of an associative `f` in a logarithmic number of steps.

    Source: Hillis and Steele, 1986.
    """
    elems = tree.map_structure(as_tensor, elems)
    n = static_or_dynamic_shape(tree.flatten(elems)[0])[axis]
    flip = lambda x: tf.reverse(x, [axis])
    cut = lambda x, a, b: x[
        (builtins.slice(None),) * (axis % x.shape.rank) + (builtins.slice(a, b),)
    ]
    out = tree.map_structure(flip, elems) if reverse else elems

    def step(offset: Any, out: Any) -> tuple:
        front, rest, behind = (
            tree.map_structure(lambda x, a=a, b=b: cut(x, a, b), out)
            for a, b in ((0, offset), (offset, n), (0, n - offset))
        )
        combined = f(behind, rest)
        joined = tree.map_structure(lambda x, y: tf.concat([x, y], axis), front, combined)
        tree.map_structure(lambda y, x: y.set_shape(x.shape), joined, out)
        return offset * 2, joined

    offset: Any = 1
    if isinstance(n, int):
        while offset < n:
            offset, out = step(offset, out)
    else:
        _, out = tf.while_loop(lambda offset, _: offset < n, step, (tf.constant(1), out))
    return tree.map_structure(flip, out) if reverse else out


# ---- scatters and slices -------------------------------------------------------------------------
def _indices(x: Any, shape: Any) -> Any:
    """Places in a tensor of `shape`, of which negative ones count from the end."""
    x = as_tensor(x)
    x = x if x.dtype in (tf.int32, tf.int64) else tf.cast(x, tf.int32)
    return tf.where(x < 0, x + tf.cast(shape[: x.shape[-1]], x.dtype), x)


def scatter(indices: Any, values: Any, shape: Any) -> Any:
    indices = _indices(indices, shape)
    values = _at_each(indices, as_tensor(values), shape)
    return tf.scatter_nd(indices, values, as_tensor(shape, indices.dtype.name))


def _at_each(indices: Any, values: Any, shape: Any) -> Any:
    """`values` with the axes of the indices in front, of which some of size 1 may lack or be too many."""
    wanted = [*static_or_dynamic_shape(indices)[:-1], *shape[indices.shape[-1] :]]
    if values.shape.rank == len(wanted) or [n for n in values.shape if n != 1] != [
        n for n in wanted if n != 1
    ]:
        return values
    return tf.reshape(values, wanted)


def _scatter_mul(x: Any, indices: Any, updates: Any) -> Any:
    """Factors that meet at one place are all multiplied in.

    It is a product per segment, 1 where nothing is written.
    """
    depth = indices.shape[-1]
    sizes = static_or_dynamic_shape(x)
    strides = [1]
    for d in reversed(sizes[1:depth]):
        strides.insert(0, strides[0] * d)
    flat_ids = tf.reshape(
        tf.reduce_sum(indices * tf.cast(tf.stack(strides), indices.dtype), -1), [-1]
    )
    rows = tf.reduce_prod(tf.stack(sizes[:depth]))
    factors = tf.math.unsorted_segment_prod(
        tf.reshape(updates, [-1, *sizes[depth:]]), flat_ids, rows
    )
    return x * tf.reshape(factors, sizes)


_SCATTERS: dict[str | None, Callable] = {
    None: tf.tensor_scatter_nd_update,
    "add": tf.tensor_scatter_nd_add,
    "max": tf.tensor_scatter_nd_max,
    "min": tf.tensor_scatter_nd_min,
    "mul": _scatter_mul,
}


def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    if reduction not in _SCATTERS:
        raise ValueError(f"reduction={reduction!r} is not None, 'add', 'max', 'min' or 'mul'.")
    x = as_tensor(inputs)
    indices = _indices(indices, tf.shape(x))
    updates = _at_each(indices, as_tensor(updates, x.dtype.name), static_or_dynamic_shape(x))
    return _SCATTERS[reduction](x, indices, updates)


def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    x = as_tensor(inputs)
    return tf.slice(x, start_indices, shape)


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`updates` written at `start_indices`, which are clamped so that they fit."""
    x = as_tensor(inputs)
    updates = as_tensor(updates, x.dtype.name)
    room = tf.shape(x) - tf.shape(updates)
    start = tf.minimum(tf.maximum(as_tensor(start_indices, "int32"), 0), room)
    pads = tf.stack([start, room - start], axis=1)
    inside = tf.pad(tf.ones(tf.shape(updates), tf.bool), pads)
    out = tf.where(inside, tf.pad(updates, pads), x)
    out.set_shape(x.shape)
    return out


OPS: dict[str, Callable] = {
    "cast": cast,
    "saturate_cast": saturate_cast,
    "convert_to_tensor": _convert_to_tensor,
    "convert_to_numpy": convert_to_numpy,
    "is_tensor": is_tensor,
    **{
        f.__name__: f
        for f in (dtype, shape, stop_gradient, custom_gradient, cond, switch, while_loop, fori_loop)
    },
    **{
        f.__name__: f
        for f in (
            map,
            vectorized_map,
            scan,
            associative_scan,
            scatter,
            scatter_update,
            slice,
            slice_update,
        )
    },
}
