"""Rows that make tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.ops_shape import moveaxis
from kdist.backend.tensorflow.tensors import (
    as_tensor,
    convert_to_tensor,
    name_of,
    promote,
    weak,
)
from kdist.core import dtypes


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
        (stop - start) / tf.cast(intervals, start.dtype)
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
    if any(isinstance(n, float) or (tf.is_tensor(n) and not n.dtype.is_integer) for n in (N, M)):
        raise TypeError("The sizes must be integers.")
    if isinstance(k, int) and k == 0:
        return tf.eye(N, M, dtype=name_of(dtype))
    return tf.cast(tf.range(N)[:, None] + k == tf.range(M)[None, :], name_of(dtype))


def identity(n: int, dtype: Any = None) -> Any:
    return eye(n, dtype=dtype)


def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    # tf.meshgrid multiplies each with ones of one dtype. Arrays of any shape are flattened, as NumPy does.
    flat = [tf.reshape(as_tensor(v), [-1]) for v in x]
    places = list(range(len(flat)))
    if indexing == "xy":
        places[:2] = places[1::-1]
    sizes = [tf.size(flat[i]) for i in places]
    shapes = [[-1 if i == place else 1 for place in places] for i in range(len(flat))]
    return [tf.broadcast_to(tf.reshape(v, s), sizes) for v, s in zip(flat, shapes, strict=True)]


OPS: dict[str, Callable] = {
    f.__name__: f
    for f in (
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
    )
}
