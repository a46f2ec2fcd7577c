"""Rows that pick out parts of tensors, and that ask of their shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kdist.backend.tensorflow.ops_create import eye
from kdist.backend.tensorflow.ops_shape import moveaxis, swapaxes
from kdist.backend.tensorflow.tensors import (
    as_tensor,
    normalize_axis,
    promote,
    static_or_dynamic_shape,
)


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
    if x.shape.rank == 0:
        raise ValueError("x has no axes to find positions along.")
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
    if isinstance(x, np.ndarray):  # of any dtype
        return tf.constant(x.size, tf.int32)
    return tf.size(as_tensor(x))


def ndim(x: Any) -> int:
    return as_tensor(x).shape.rank


def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    return tf.signal.frame(as_tensor(x), sequence_length, sequence_stride, axis=-1, pad_end=False)


OPS: dict[str, Callable] = {
    f.__name__: f
    for f in (
        take,
        take_along_axis,
        where,
        nonzero,
        diag,
        trace,
        tril,
        triu,
        diff,
        size,
        ndim,
        extract_sequences,
    )
}
