"""Rows that make, reshape, join, cut and index tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kdist.backend.tensorflow.tensors import (
    as_tensor,
    convert_to_tensor,
    name_of,
    normalize_axis,
    promote,
    static_or_dynamic_shape,
    to_float,
    weak,
)
from kdist.core import dtypes


# ---- making ----------------------------------------------------------------------------------------------------------------
def array(x: Any, dtype: Any = None) -> Any:
    return convert_to_tensor(x, dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    if dtype is None:
        dtype = dtypes.result_type(*(weak(v) for v in (start, stop, step) if v is not None))
    dtype = dtypes.standardize_dtype(dtype)
    start, stop = (0, start) if stop is None else (start, stop)
    step = 1 if step is None else step
    # Range has kernels for these alone; the others are cut from a wider one.
    wide = (
        dtype
        if dtype in ("int32", "int64", "float32", "float64")
        else ("float32" if dtype in dtypes.FLOATS else "int64")
    )
    if dtypes.is_int(wide) and any(
        dtypes.is_float(v) for v in map(weak, (start, stop, step)) if v is not bool
    ):
        wide = "float32"
    return as_tensor(
        tf.range(as_tensor(start, wide), as_tensor(stop, wide), as_tensor(step, wide)), dtype
    )


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    start, stop = promote(start, stop, also=float)
    if num < 0:
        raise ValueError(f"num={num} must not be negative.")
    start, stop = start + tf.zeros_like(stop), stop + tf.zeros_like(start)
    intervals = num - 1 if endpoint else num
    step = (
        (stop - start) / tf.constant(intervals, start.dtype)
        if intervals
        else tf.fill(tf.shape(start), tf.constant(float("nan"), start.dtype))
    )
    k = tf.reshape(tf.range(num, dtype=tf.int32), [num] + [1] * start.shape.rank)
    out = start + (tf.cast(k, start.dtype) * step if intervals else tf.cast(k, start.dtype))
    if endpoint and num > 1:
        out = tf.where(k == num - 1, stop, out)  # exactly
    if axis:
        out = moveaxis(out, 0, axis)
    if dtype is not None:
        name = dtypes.standardize_dtype(dtype)
        out = as_tensor(tf.floor(out) if dtypes.is_int(name) else out, name)
    return (out, step) if retstep else out


def zeros(shape: Any, dtype: Any = None) -> Any:
    return tf.zeros(shape, name_of(dtype))


def ones(shape: Any, dtype: Any = None) -> Any:
    return tf.ones(shape, name_of(dtype))


def empty(shape: Any, dtype: Any = None) -> Any:
    return tf.zeros(shape, name_of(dtype))


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    return tf.broadcast_to(as_tensor(fill_value, name_of(dtype)), shape)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    x = as_tensor(x)
    return tf.broadcast_to(as_tensor(fill_value, name_of(dtype, x.dtype.name)), tf.shape(x))


def zeros_like(x: Any, dtype: Any = None) -> Any:
    x = as_tensor(x)
    return tf.zeros_like(x, dtype=name_of(dtype, x.dtype.name))


def ones_like(x: Any, dtype: Any = None) -> Any:
    x = as_tensor(x)
    return tf.ones_like(x, dtype=name_of(dtype, x.dtype.name))


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    M = N if M is None else M
    if isinstance(k, int) and k == 0:
        return tf.eye(N, M, dtype=name_of(dtype))
    return tf.cast(tf.range(N)[:, None] + k == tf.range(M)[None, :], name_of(dtype))


def identity(n: int, dtype: Any = None) -> Any:
    return eye(n, dtype=dtype)


def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    return tf.meshgrid(*(as_tensor(v) for v in x), indexing=indexing)


# ---- reshaping -------------------------------------------------------------------------------------------------------------
def reshape(x: Any, newshape: Any) -> Any:
    return tf.reshape(as_tensor(x), [newshape] if isinstance(newshape, int) else newshape)


def ravel(x: Any) -> Any:
    return tf.reshape(as_tensor(x), [-1])


def transpose(x: Any, axes: Any = None) -> Any:
    return tf.transpose(as_tensor(x), axes)


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    x = as_tensor(x)
    perm = list(range(x.shape.rank))
    perm[axis1], perm[axis2] = perm[axis2], perm[axis1]
    return tf.transpose(x, perm)


def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    x = as_tensor(x)
    rank = x.shape.rank
    sources = [normalize_axis(a, rank) for a in ([source] if isinstance(source, int) else source)]
    targets = [
        normalize_axis(a, rank)
        for a in ([destination] if isinstance(destination, int) else destination)
    ]
    if len(sources) != len(targets):
        raise ValueError(f"source={source} and destination={destination} must name as many dims.")
    perm = [i for i in range(rank) if i not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        perm.insert(target, origin)
    return x if perm == list(range(rank)) else tf.transpose(x, perm)


def expand_dims(x: Any, axis: Any) -> Any:
    x = as_tensor(x)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    rank = x.shape.rank + len(axes)
    for a in sorted(normalize_axis(a, rank) for a in axes):
        x = tf.expand_dims(x, a)
    return x


def squeeze(x: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    axes = None if axis is None else [axis] if isinstance(axis, int) else list(axis)
    for a in axes or ():
        if x.shape[a] not in (1, None):
            raise ValueError(
                f"axis={a} cannot be squeezed: its size is {x.shape[a]} and not 1. The shape is {tuple(x.shape)}."
            )
    return x if axes == [] else tf.squeeze(x, axes)


def broadcast_to(x: Any, shape: Any) -> Any:
    return tf.broadcast_to(as_tensor(x), shape)


def flip(x: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    axes = range(x.shape.rank) if axis is None else [axis] if isinstance(axis, int) else axis
    return tf.reverse(x, list(axes))


def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    if axis is None:
        return tf.reshape(tf.roll(tf.reshape(x, [-1]), shift, 0), tf.shape(x))
    axes = [axis] if isinstance(axis, int) else list(axis)
    shifts = [shift] * len(axes) if isinstance(shift, int) else shift
    return tf.roll(x, shifts, axes)


def tile(x: Any, repeats: Any) -> Any:
    x = as_tensor(x)
    repeats = (
        [repeats]
        if isinstance(repeats, int)
        else list(repeats)
        if not tf.is_tensor(repeats)
        else tf.unstack(repeats)
    )
    rank = max(x.shape.rank, len(repeats))
    repeats = [1] * (rank - len(repeats)) + repeats
    x = tf.reshape(x, [1] * (rank - x.shape.rank) + static_or_dynamic_shape(x))
    if x.dtype == tf.uint16:  # Tile has no kernel for it
        return tf.cast(tf.tile(tf.cast(x, tf.int32), repeats), tf.uint16)
    return tf.tile(x, repeats)


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    x = as_tensor(x)
    if x.dtype == tf.uint16:
        return tf.cast(tf.repeat(tf.cast(x, tf.int32), repeats, axis=axis), tf.uint16)
    if isinstance(repeats, list | tuple) and len(repeats) == 1:
        repeats = repeats[0]
    return tf.repeat(x, repeats, axis=axis)


def _pairs(pad_width: Any, rank: int) -> Any:
    """Padding as `numpy.pad` takes it (int, (n,), (a, b), ((a, b),) or a pair per dim) as a pair per dim."""
    if tf.is_tensor(pad_width):
        return pad_width
    if isinstance(pad_width, int):
        return [[pad_width, pad_width]] * rank
    if all(isinstance(p, int) for p in pad_width):
        pad_width = [list(pad_width) * 2] if len(pad_width) == 1 else [list(pad_width)]
    pairs = [list(p) if isinstance(p, list | tuple | np.ndarray) else [p, p] for p in pad_width]
    pairs = [p * 2 if len(p) == 1 else p for p in pairs]
    if len(pairs) not in (1, rank):
        raise ValueError(
            f"pad_width={pad_width} must hold one pair, or one for each of the {rank} dims."
        )
    return pairs * rank if len(pairs) == 1 else pairs


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    x = as_tensor(x)
    if mode != "constant":
        if constant_values is not None:
            raise ValueError(
                f"constant_values={constant_values} belongs to mode='constant', and mode is {mode!r}."
            )
        if mode not in ("reflect", "symmetric"):
            raise ValueError(f"mode={mode!r} is not 'constant', 'reflect' or 'symmetric'.")
        return tf.pad(x, _pairs(pad_width, x.shape.rank), mode.upper())
    value = as_tensor(0 if constant_values is None else constant_values, x.dtype.name)
    return tf.pad(x, _pairs(pad_width, x.shape.rank), constant_values=value)


# ---- joining and cutting ---------------------------------------------------------------------------------------------------
def _alike(xs: Any) -> list:
    xs = [x if type(x) in (int, float, bool) else as_tensor(x) for x in xs]
    return (
        xs
        if tf.is_tensor(xs[0]) and all(tf.is_tensor(x) and x.dtype == xs[0].dtype for x in xs)
        else promote(*xs)
    )


def concatenate(xs: Any, axis: int | None = 0) -> Any:
    xs = _alike(xs)
    return tf.concat([tf.reshape(x, [-1]) for x in xs], 0) if axis is None else tf.concat(xs, axis)


def stack(x: Any, axis: int = 0) -> Any:
    return tf.stack(_alike(x), axis)


def hstack(xs: Any) -> Any:
    xs = _alike(xs)
    xs = [tf.reshape(x, [1]) if x.shape.rank == 0 else x for x in xs]
    return tf.concat(xs, 0 if xs[0].shape.rank == 1 else 1)


def vstack(xs: Any) -> Any:
    return tf.concat([tf.reshape(x, [1, -1]) if x.shape.rank < 2 else x for x in _alike(xs)], 0)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    x = as_tensor(x)
    if isinstance(indices_or_sections, int):
        return tf.split(x, indices_or_sections, axis)
    total = static_or_dynamic_shape(x)[axis]
    cuts = [0, *indices_or_sections, total]
    static = [c for c in cuts if isinstance(c, int)]
    if len(static) == len(cuts):
        cuts = [min(c, total) for c in cuts]
    return tf.split(x, [b - a for a, b in zip(cuts, cuts[1:], strict=False)], axis)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    return tf.unstack(as_tensor(x), num=num, axis=axis)


# ---- indexing --------------------------------------------------------------------------------------------------------------
def _from_the_front(indices: Any, size: Any) -> Any:
    """Integer indices with the negative ones counted from the end."""
    indices = as_tensor(indices)
    if not indices.dtype.is_integer:
        indices = tf.cast(indices, tf.int32)
    if indices.dtype not in (tf.int32, tf.int64):
        indices = tf.cast(indices, tf.int32)
    return tf.where(indices < 0, indices + tf.cast(size, indices.dtype), indices)


def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    x = as_tensor(x)
    if axis is None:
        x, axis = tf.reshape(x, [-1]), 0
    return tf.gather(x, _from_the_front(indices, static_or_dynamic_shape(x)[axis]), axis=axis)


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    x, indices = as_tensor(x), as_tensor(indices)
    if axis is None:
        if indices.shape.rank != 1:
            raise ValueError(
                f"take_along_axis with axis=None needs indices of one dim, and received shape {tuple(indices.shape)}."
            )
        return take(x, indices)
    rank = x.shape.rank
    if indices.shape.rank != rank:
        raise ValueError(
            f"x of shape {tuple(x.shape)} and indices of shape {tuple(indices.shape)} must have as many dims."
        )
    axis = normalize_axis(axis, rank)
    xs, ids = static_or_dynamic_shape(x), static_or_dynamic_shape(indices)
    indices = _from_the_front(indices, xs[axis])
    common = tf.broadcast_dynamic_shape(
        tf.stack([1 if i == axis else d for i, d in enumerate(xs)]),
        tf.stack([1 if i == axis else d for i, d in enumerate(ids)]),
    )
    at = tf.one_hot(axis, rank, on_value=True, off_value=False, dtype=tf.bool)
    if any(
        isinstance(p, int) and isinstance(q, int) and p != q
        for i, (p, q) in enumerate(zip(xs, ids, strict=True))
        if i != axis
    ):
        x = tf.broadcast_to(x, tf.where(at, tf.shape(x), common))
        indices = tf.broadcast_to(indices, tf.where(at, tf.shape(indices), common))
    if axis != rank - 1:
        x, indices = swapaxes(x, axis, rank - 1), swapaxes(indices, axis, rank - 1)
    out = tf.gather(x, indices, batch_dims=rank - 1)
    return out if axis == rank - 1 else swapaxes(out, axis, rank - 1)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    condition = as_tensor(condition, "bool")
    if x1 is None and x2 is None:
        return nonzero(condition)
    if x1 is None or x2 is None:
        raise ValueError("where takes both of x1 and x2, or neither.")
    return tf.where(condition, *promote(x1, x2))


def nonzero(x: Any) -> Any:
    x = as_tensor(x, "bool")
    found = tf.cast(tf.where(x), tf.int32)
    return tuple(tf.unstack(found, x.shape.rank, axis=1))


def diag(x: Any, k: int = 0) -> Any:
    x = as_tensor(x)
    if x.shape.rank == 1:
        return tf.linalg.diag(x, k=k)
    if x.shape.rank == 2:
        rows, cols = static_or_dynamic_shape(x)
        start = (max(-k, 0), max(k, 0))
        return tf.linalg.diag_part(
            x[start[0] :, start[1] :][: tf.minimum(rows, cols), : tf.minimum(rows, cols)]
        )
    raise ValueError(f"diag takes one or two dims, and x has shape {tuple(x.shape)}.")


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    x = moveaxis(as_tensor(x), (axis1, axis2), (-2, -1))
    wider = {
        "bool": "int32",
        "int8": "int32",
        "int16": "int32",
        "uint8": "uint32",
        "uint16": "uint32",
    }.get(x.dtype.name)
    x = x if wider is None else tf.cast(x, wider)
    rows, cols = static_or_dynamic_shape(x)[-2:]
    return tf.reduce_sum(
        tf.where(eye(rows, cols, k=offset, dtype="bool"), x, tf.zeros((), x.dtype)), axis=(-2, -1)
    )


def _triangle(x: Any, keep: Callable) -> Any:
    x = as_tensor(x)
    rows, cols = static_or_dynamic_shape(x)[-2:]
    return tf.where(
        keep(tf.range(rows)[:, None], tf.range(cols)[None, :]), x, tf.zeros((), x.dtype)
    )


def tril(x: Any, k: int = 0) -> Any:
    return _triangle(x, lambda i, j: j - i <= k)


def triu(x: Any, k: int = 0) -> Any:
    return _triangle(x, lambda i, j: j - i >= k)


def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    a = as_tensor(a)
    axis = normalize_axis(axis, a.shape.rank)
    before = (slice(None),) * axis
    for _ in range(n):
        later, earlier = a[(*before, slice(1, None))], a[(*before, slice(None, -1))]
        a = later != earlier if a.dtype == tf.bool else later - earlier
    return a


def size(x: Any) -> Any:
    return tf.size(as_tensor(x))


def ndim(x: Any) -> int:
    return as_tensor(x).shape.rank


def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    return tf.signal.frame(to_float(x), sequence_length, sequence_stride, axis=-1, pad_end=False)


OPS: dict[str, Callable] = {
    f.__name__: f
    for f in (
        *(
            array,
            arange,
            linspace,
            zeros,
            ones,
            empty,
            full,
            full_like,
            zeros_like,
            ones_like,
            eye,
            identity,
            meshgrid,
        ),
        *(
            reshape,
            ravel,
            transpose,
            swapaxes,
            moveaxis,
            expand_dims,
            squeeze,
            broadcast_to,
            flip,
            roll,
            tile,
            repeat,
            pad,
        ),
        *(
            concatenate,
            stack,
            hstack,
            vstack,
            split,
            unstack,
            take,
            take_along_axis,
            where,
            nonzero,
            diag,
            trace,
            tril,
            triu,
        ),
        *(diff, size, ndim, extract_sequences),
    )
}
