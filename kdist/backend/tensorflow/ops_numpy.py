"""Further rows that follow NumPy: angles, bits, complex parts, divisors and sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.ops_elementwise import float_binary, float_unary
from kdist.backend.tensorflow.ops_shape import moveaxis
from kdist.backend.tensorflow.tensors import (
    as_tensor,
    convert_to_tensor,
    name_of,
    normalize_axis,
    promote,
    static_or_dynamic_shape,
)


def _in_float32(kernel: Callable) -> Callable:
    """`kernel` that computes half precision in float32, where TensorFlow has no kernel for it."""

    def wider(*xs: Any) -> Any:
        dtype = xs[0].dtype
        if dtype not in (tf.float16, tf.bfloat16):
            return kernel(*xs)
        return tf.cast(kernel(*(tf.cast(x, tf.float32) for x in xs)), dtype)

    return wider


def _bits(kernel: Callable, on_bool: Callable | None = None) -> Callable:
    """A row of two integers of one dtype, named x and y.

    Without `on_bool`, booleans count as int32.
    """

    def row(x: Any, y: Any) -> Any:
        x, y = promote(x, y)
        if x.dtype != tf.bool:
            return kernel(x, y)
        return on_bool(x, y) if on_bool else kernel(tf.cast(x, tf.int32), tf.cast(y, tf.int32))

    return row


def bitwise_not(x: Any) -> Any:
    x = as_tensor(x)
    return tf.logical_not(x) if x.dtype == tf.bool else tf.bitwise.invert(x)


def _through_int64(kernel: Callable) -> Callable:
    """A row of two numbers; small and unsigned integers, and booleans as int32, go through int64."""

    def row(x1: Any, x2: Any) -> Any:
        x1, x2 = promote(x1, x2)
        if x1.dtype.is_floating or x1.dtype in (tf.int32, tf.int64):
            return kernel(x1, x2)
        dtype = tf.int32 if x1.dtype == tf.bool else x1.dtype
        return tf.cast(kernel(tf.cast(x1, tf.int64), tf.cast(x2, tf.int64)), dtype)

    return row


def _gcd(x1: Any, x2: Any) -> Any:
    x1, x2 = tf.abs(x1), tf.abs(x2)
    x1, x2 = x1 + tf.zeros_like(x2), x2 + tf.zeros_like(x1)
    one = tf.ones((), x1.dtype)
    step = lambda a, b: (tf.where(b == 0, a, b), tf.where(b == 0, b, a % tf.where(b == 0, one, b)))
    return tf.while_loop(lambda a, b: tf.reduce_any(b != 0), step, (x1, x2))[0]


def _lcm(x1: Any, x2: Any) -> Any:
    divisor = _gcd(x1, x2)
    return tf.abs(x1 // tf.where(divisor == 0, tf.ones((), x1.dtype), divisor) * x2)


def real(x: Any) -> Any:
    x = as_tensor(x)
    return tf.math.real(x) if x.dtype.is_complex else x


def imag(x: Any) -> Any:
    x = as_tensor(x)
    return tf.math.imag(x) if x.dtype.is_complex else tf.zeros_like(x)


def conjugate(x: Any) -> Any:
    x = as_tensor(x)
    return tf.math.conj(x) if x.dtype.is_complex else x


def view(x: Any, dtype: Any = None) -> Any:
    x = as_tensor(x)
    target = tf.as_dtype(name_of(dtype, x.dtype.name))
    if target == x.dtype:
        return x
    if tf.bool in (target, x.dtype):  # a byte
        return (
            view(tf.cast(x, tf.uint8), target.name) if x.dtype == tf.bool else view(x, "uint8") != 0
        )
    if target.size <= x.dtype.size:
        out = tf.bitcast(x, target)  # a new last axis, if the new numbers are smaller
        return out if target.size == x.dtype.size else _merged(out)
    ratio = target.size // x.dtype.size
    if not x.shape.rank or (x.shape[-1] is not None and x.shape[-1] % ratio):
        raise ValueError(f"The last axis does not hold a whole count of {target.name}.")
    sizes = static_or_dynamic_shape(x)
    return tf.bitcast(tf.reshape(x, [*sizes[:-1], sizes[-1] // ratio, ratio]), target)


def _merged(x: Any) -> Any:
    """The last two axes as one."""
    sizes = static_or_dynamic_shape(x)
    if len(sizes) < 2:
        raise ValueError("view: a scalar cannot be viewed as numbers of another size.")
    return tf.reshape(x, [*sizes[:-2], sizes[-2] * sizes[-1]])


_SAME_SIZE = {2: tf.int16, 4: tf.int32, 8: tf.int64}


def signbit(x: Any) -> Any:
    x = as_tensor(x)
    if x.dtype == tf.bool:
        return tf.zeros_like(x)
    return (tf.bitcast(x, _SAME_SIZE[x.dtype.size]) if x.dtype.is_floating else x) < 0


def trunc(x: Any) -> Any:
    x = as_tensor(x)
    if not x.dtype.is_floating:
        return x
    return tf.where(x < 0, tf.math.ceil(x), tf.floor(x))


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    x = moveaxis(as_tensor(x), (axis1, axis2), (-2, -1))
    rows, columns = static_or_dynamic_shape(x)[-2:]
    down, right = max(-offset, 0), max(offset, 0)
    x = x[..., down:, right:]
    if isinstance(rows, int) and isinstance(columns, int) and (down >= rows or right >= columns):
        return tf.reshape(x, [*static_or_dynamic_shape(x)[:-2], 0])
    return tf.linalg.diag_part(x)


def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    x = as_tensor(x)
    along = 0 if axis is None else normalize_axis(axis, x.shape.rank)
    flat = tf.reshape(x, [-1]) if axis is None else x
    values, inverse, counts = tf.raw_ops.UniqueWithCountsV2(x=flat, axis=[along])
    if sorted:
        order = _order(values, along)
        values, counts = tf.gather(values, order, axis=along), tf.gather(counts, order)
        inverse = tf.gather(tf.math.invert_permutation(order), inverse)
    positions = tf.range(tf.size(inverse))
    first = tf.math.unsorted_segment_min(positions, inverse, tf.size(counts))
    if axis is None:
        inverse = tf.reshape(inverse, tf.shape(x))
    if size is not None:
        leading = tf.gather(values, [0], axis=along)
        fill = leading if fill_value is None else convert_to_tensor(fill_value, x.dtype.name)
        values = _resized(values, along, size, fill)
        first, counts = _resized(first, 0, size, first[:1]), _resized(counts, 0, size, 0)
    asked = ((return_index, first), (return_inverse, inverse), (return_counts, counts))
    out = (values, *(y for wanted, y in asked if wanted))
    return out if len(out) > 1 else values


def _order(values: Any, along: int) -> Any:
    """Positions along an axis that put its slices in lexicographic order."""
    rows = moveaxis(values, along, 0)
    rows = tf.reshape(rows, [tf.shape(rows)[0], -1])
    rows = tf.cast(rows, tf.int32) if rows.dtype == tf.bool else rows
    columns = tf.transpose(rows)

    def by_column(i: Any, order: Any) -> Any:
        key = tf.gather(columns[i], order)
        return i - 1, tf.gather(order, tf.argsort(key, stable=True))

    start = (tf.shape(columns)[0] - 1, tf.range(tf.shape(rows)[0]))
    # The last column first: each stable sort keeps the order of the ones before among equals.
    return tf.while_loop(lambda i, order: i >= 0, by_column, start)[1]


def _resized(x: Any, along: int, size: int, fill: Any) -> Any:
    """`x` cut or filled to `size` along an axis."""
    x = x[(*(slice(None),) * along, slice(size))]
    shape = tf.unstack(tf.shape(x), x.shape.rank)
    shape[along] = size - shape[along]
    x = tf.concat([x, tf.broadcast_to(tf.cast(fill, x.dtype), shape)], along)
    return tf.ensure_shape(x, [size if i == along else n for i, n in enumerate(x.shape)])


OPS: dict[str, Callable] = {
    **{
        f.__name__: f
        for f in (bitwise_not, real, imag, conjugate, view, signbit, trunc, diagonal, unique)
    },
    "arccos": float_unary(tf.acos),
    "arccosh": float_unary(tf.acosh),
    "arcsin": float_unary(tf.asin),
    "arcsinh": float_unary(tf.asinh),
    "arctan": float_unary(tf.atan),
    "arctan2": float_binary(tf.atan2),
    "arctanh": float_unary(tf.atanh),
    "bitwise_and": _bits(tf.bitwise.bitwise_and, tf.logical_and),
    "bitwise_left_shift": _bits(tf.bitwise.left_shift),
    "bitwise_or": _bits(tf.bitwise.bitwise_or, tf.logical_or),
    "bitwise_right_shift": _bits(tf.bitwise.right_shift),
    "bitwise_xor": _bits(tf.bitwise.bitwise_xor, tf.math.logical_xor),
    "fmod": _through_int64(_in_float32(tf.truncatemod)),
    "gcd": _through_int64(_gcd),
    "i0": float_unary(_in_float32(tf.math.bessel_i0)),
    "lcm": _through_int64(_lcm),
}
