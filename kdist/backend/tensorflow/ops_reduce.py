"""Rows of reductions, sorting and searching."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.tensors import (
    as_tensor,
    convert_to_tensor,
    normalize_axis,
    promote,
    static_or_dynamic_shape,
    to_float,
)
from kdist.core import dtypes

# Small integers are summed in 32 bits, so that the sum fits.
_WIDER = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}


def _widen(x: Any) -> Any:
    x = as_tensor(x)
    wider = _WIDER.get(x.dtype.name)
    return x if wider is None else tf.cast(x, wider)


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return tf.reduce_sum(_widen(x), axis=axis, keepdims=keepdims)


def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    x = _widen(x) if dtype is None else convert_to_tensor(x, dtype)
    if x.dtype == tf.bool:
        return tf.reduce_all(x, axis=axis, keepdims=keepdims)
    return tf.reduce_prod(x, axis=axis, keepdims=keepdims)


def _in_float32(x: Any) -> tuple[Any, Any]:
    """`x` for a mean or variance, and the dtype of the result.

    Half precision is computed in float32.
    """
    x = to_float(x)
    half = x.dtype in (tf.float16, tf.bfloat16)
    return (tf.cast(x, tf.float32) if half else x), x.dtype


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    x, dtype = _in_float32(x)
    out = tf.reduce_mean(x, axis=axis, keepdims=keepdims)
    return out if out.dtype == dtype else tf.cast(out, dtype)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    x, dtype = _in_float32(x)
    out = tf.math.reduce_variance(x, axis=axis, keepdims=keepdims)
    return tf.cast(out, dtype.real_dtype)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    x, dtype = _in_float32(x)
    return tf.cast(tf.math.reduce_std(x, axis=axis, keepdims=keepdims), dtype.real_dtype)


def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    if weights is None:
        return mean(x, axis=axis)
    x, weights = promote(x, weights, also=float)
    if axis is not None and weights.shape.rank != x.shape.rank:
        shape = [1] * x.shape.rank
        shape[normalize_axis(axis, x.shape.rank)] = -1
        weights = tf.broadcast_to(tf.reshape(weights, shape), tf.shape(x))
    return tf.reduce_sum(x * weights, axis=axis) / tf.reduce_sum(weights, axis=axis)


def _of_some(x: Any, axis: Any) -> None:
    reduced = range(x.shape.rank) if axis is None else [axis] if isinstance(axis, int) else axis
    if 0 in [x.shape[a] for a in reduced]:
        raise ValueError(f"No elements: x.shape={tuple(x.shape)}, axis={axis}. Pass initial=.")


def _extreme(kernel: Callable, on_bool: Callable, pick: Callable) -> Callable:
    def row(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
        x = as_tensor(x)
        if initial is None and 0 in x.shape:
            _of_some(x, axis)
        if x.dtype == tf.bool:
            out = on_bool(x, axis=axis, keepdims=keepdims)
            return (
                out
                if initial is None
                else tf.cast(pick(tf.cast(out, tf.int32), int(initial)), tf.bool)
            )
        out = kernel(x, axis=axis, keepdims=keepdims)
        return out if initial is None else pick(out, as_tensor(initial, x.dtype.name))

    return row


max = _extreme(tf.reduce_max, tf.reduce_any, tf.maximum)
min = _extreme(tf.reduce_min, tf.reduce_all, tf.minimum)


def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return max(x, axis=axis, keepdims=keepdims)


def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return min(x, axis=axis, keepdims=keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return tf.reduce_all(as_tensor(x, "bool"), axis=axis, keepdims=keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return tf.reduce_any(as_tensor(x, "bool"), axis=axis, keepdims=keepdims)


def count_nonzero(x: Any, axis: Any = None) -> Any:
    return tf.math.count_nonzero(as_tensor(x), axis=axis, dtype="int32")


def _ordered(x: Any, greatest: bool = True) -> Any:
    """Floats as integers of the same order, NaN being the greatest or the least.

    TensorFlow's kernels take what is smaller than a normal number for zero, and leave NaN anywhere.
    """
    x = tf.cast(x, tf.float32) if x.dtype.size < 4 else x
    kind = tf.int64 if x.dtype == tf.float64 else tf.int32
    bits = tf.bitcast(x, kind)
    order = tf.where(bits < 0, -(bits & kind.max), bits)  # both zeros are 0
    return tf.where(tf.math.is_nan(x), tf.constant(kind.max if greatest else kind.min, kind), order)


def _arg(kernel: Callable) -> Callable:
    def row(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        x = as_tensor(x)
        if x.dtype == tf.bool:
            x = tf.cast(x, tf.int32)
        elif x.dtype.is_floating:
            x = _ordered(x, kernel is tf.argmax)
        rank = x.shape.rank
        if axis is None:
            out = kernel(tf.reshape(x, [-1]), axis=0, output_type="int32")
            return tf.reshape(out, [1] * rank) if keepdims else out
        out = kernel(x, axis=axis, output_type="int32")
        return tf.expand_dims(out, axis) if keepdims else out

    return row


def _sortable(x: Any, axis: int | None) -> tuple[Any, int]:
    x = as_tensor(x)
    if x.dtype == tf.bool:
        x = tf.cast(x, tf.int8)
    if axis is None:
        return tf.reshape(x, [-1]), 0
    return x, normalize_axis(operator.index(axis), x.shape.rank)


def sort(x: Any, axis: int | None = -1) -> Any:
    dtype = as_tensor(x).dtype
    x, axis = _sortable(x, axis)
    if not dtype.is_floating:
        return tf.cast(tf.sort(x, axis=axis), dtype)
    rank = x.shape.rank
    axes = list(range(rank))
    axes[axis], axes[-1] = axes[-1], axes[axis]
    last = x if axes == sorted(axes) else tf.transpose(x, axes)
    order = tf.argsort(_ordered(last), stable=True)
    out = tf.gather(last, order, axis=-1, batch_dims=rank - 1)
    return out if last is x else tf.transpose(out, axes)


def argsort(x: Any, axis: int | None = -1) -> Any:
    x = as_tensor(x)
    x, axis = _sortable(x, None if x.shape.rank == 0 and axis in (0, -1) else axis)
    return tf.argsort(_ordered(x) if x.dtype.is_floating else x, axis=axis, stable=True)


def median(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    x = to_float(x)
    rank = x.shape.rank
    axes = (
        tuple(range(rank))
        if axis is None
        else tuple(normalize_axis(a, rank) for a in ((axis,) if isinstance(axis, int) else axis))
    )
    kept = [i for i in range(rank) if i not in axes]
    sizes = static_or_dynamic_shape(x)
    flat = tf.reshape(tf.transpose(x, [*kept, *axes]), [*(sizes[i] for i in kept), -1])
    ordered = tf.sort(flat, axis=-1)
    n = tf.shape(flat)[-1]
    out = (tf.gather(ordered, (n - 1) // 2, axis=-1) + tf.gather(ordered, n // 2, axis=-1)) / 2
    out = tf.where(
        tf.reduce_any(tf.math.is_nan(flat), axis=-1), tf.constant(float("nan"), x.dtype), out
    )
    return tf.reshape(out, [1 if i in axes else sizes[i] for i in range(rank)]) if keepdims else out


def _cumulative(kernel: Callable) -> Callable:
    def row(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
        x = as_tensor(x) if dtype is None else convert_to_tensor(x, dtype)
        if x.dtype == tf.bool:
            x = tf.cast(x, tf.int32)
        return kernel(tf.reshape(x, [-1]), axis=0) if axis is None else kernel(x, axis=axis)

    return row


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    sequence, values = promote(sorted_sequence, values)
    if sequence.dtype == tf.bool:
        sequence, values = tf.cast(sequence, tf.int32), tf.cast(values, tf.int32)
    if sequence.shape.rank != 1:
        raise ValueError(
            f"sorted_sequence must have one dim, and has shape {tuple(sequence.shape)}."
        )
    out = tf.searchsorted(sequence, tf.reshape(values, [-1]), side=side, out_type=tf.int32)
    return tf.reshape(out, static_or_dynamic_shape(values))


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    x = as_tensor(x)
    whole = tf.cast(x, tf.int32)
    if weights is None:
        return _bincount(whole, None, minlength)
    # Narrow integers are summed in 32 bits.
    weights = as_tensor(weights)
    wide = as_tensor(weights, dtypes.result_type(weights.dtype.name, "int32"))
    dtype = dtypes.result_type(x.dtype.name, weights.dtype.name)
    return tf.cast(_bincount(whole, wide, minlength), dtype)


def _bincount(x: Any, weights: Any, minlength: int) -> Any:
    dtype = tf.int32 if weights is None else weights.dtype
    if x.shape.rank == 2:
        length = tf.maximum(tf.reduce_max(x) + 1, minlength)
        ones = tf.one_hot(x, length, dtype=dtype)
        return tf.reduce_sum(ones if weights is None else ones * weights[..., None], axis=1)
    length = (
        tf.maximum(tf.reduce_max(x) + 1, minlength) if x.shape[0] != 0 else tf.constant(minlength)
    )
    data = tf.ones_like(x) if weights is None else weights
    return tf.math.unsorted_segment_sum(data, x, length)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    x = to_float(x)
    if not x.dtype.is_complex:
        return tf.reduce_logsumexp(x, axis=axis, keepdims=keepdims)
    largest = tf.reduce_max(tf.math.real(x), axis=axis, keepdims=True)
    largest = tf.cast(tf.where(tf.math.is_finite(largest), largest, 0), x.dtype)
    out = tf.math.log(tf.reduce_sum(tf.exp(x - largest), axis=axis, keepdims=True)) + largest
    return out if keepdims else tf.squeeze(out, range(x.shape.rank) if axis is None else axis)


def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    return tf.math.top_k(as_tensor(x), k, sorted=sorted)


def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    return tf.math.in_top_k(
        as_tensor(targets, "int32"), tf.cast(as_tensor(predictions), tf.float32), k
    )


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Vector and matrix norms, as `numpy.linalg.norm` defines them."""
    x = to_float(x)
    rank = x.shape.rank
    if axis is None:
        if ord is None:
            return tf.sqrt(tf.reduce_sum(tf.square(tf.abs(x)), axis=None, keepdims=keepdims))
        axis = tuple(range(rank))
    axes = tuple(normalize_axis(a, rank) for a in ((axis,) if isinstance(axis, int) else axis))
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, keepdims)
    raise ValueError(f"norm: axis={axis} must name one dim (vector norm) or two (matrix norm).")


def _vector_norm(x: Any, ord: Any, axis: int, keepdims: bool) -> Any:
    size = tf.abs(x)
    if ord is None or ord == 2:
        return tf.sqrt(tf.reduce_sum(tf.square(size), axis, keepdims))
    if ord == float("inf"):
        return tf.reduce_max(size, axis, keepdims)
    if ord == float("-inf"):
        return tf.reduce_min(size, axis, keepdims)
    if ord == 0:
        return tf.reduce_sum(tf.cast(x != 0, size.dtype), axis, keepdims)
    if isinstance(ord, str):
        raise ValueError(
            f"ord={ord!r} is not a vector norm. Use a number, or two dims in `axis` for a matrix norm."
        )
    return tf.pow(tf.reduce_sum(tf.pow(size, float(ord)), axis, keepdims), 1.0 / ord)


def _matrix_norm(x: Any, ord: Any, axes: tuple, keepdims: bool) -> Any:
    row, col = axes
    size = tf.abs(x)
    if ord is None or ord == "fro":
        return tf.sqrt(tf.reduce_sum(tf.square(size), axes, keepdims))
    reducers = {
        1: (row, tf.reduce_max),
        -1: (row, tf.reduce_min),
        float("inf"): (col, tf.reduce_max),
        float("-inf"): (col, tf.reduce_min),
    }
    if ord in reducers:
        along, pick = reducers[ord]
        out = pick(tf.reduce_sum(size, along, keepdims=True), axes)
    elif ord in (2, -2, "nuc"):
        kept = [i for i in range(x.shape.rank) if i not in axes]
        values = tf.linalg.svd(tf.transpose(x, [*kept, row, col]), compute_uv=False)
        out = {2: tf.reduce_max, -2: tf.reduce_min, "nuc": tf.reduce_sum}[ord](values, axis=-1)
    else:
        raise ValueError(
            f"ord={ord!r} is not a matrix norm. Use None, 'fro', 'nuc', 1, -1, 2, -2, inf or -inf."
        )
    if keepdims:
        sizes = static_or_dynamic_shape(x)
        out = tf.reshape(out, [1 if i in axes else sizes[i] for i in range(x.shape.rank)])
    return out


OPS: dict[str, Callable] = {
    **{
        f.__name__: f
        for f in (
            sum,
            prod,
            mean,
            var,
            std,
            average,
            amax,
            amin,
            all,
            any,
            count_nonzero,
            sort,
            argsort,
            median,
        )
    },
    **{f.__name__: f for f in (searchsorted, bincount, logsumexp, top_k, in_top_k, norm)},
    "max": max,
    "min": min,
    "argmax": _arg(tf.argmax),
    "argmin": _arg(tf.argmin),
    "cumsum": _cumulative(tf.cumsum),
    "cumprod": _cumulative(tf.math.cumprod),
}
