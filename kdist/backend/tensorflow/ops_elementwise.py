"""Rows of elementwise ops.

Two tensors of one dtype go straight to TensorFlow's kernel; everything else is promoted first.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.tensors import Tensor, as_tensor, promote, to_float
from kdist.core.saturation import within


def _binary(kernel: Callable, *, on_bool: Callable | None = None) -> Callable:
    """A row of two arguments that promote together.

    Arguments:
        on_bool: the kernel for two bools, where TensorFlow's own does not take them.
    """

    def row(x1: Any, x2: Any) -> Any:
        if not (isinstance(x1, Tensor) and isinstance(x2, Tensor) and x1.dtype == x2.dtype):
            x1, x2 = promote(x1, x2)
        if on_bool is not None and x1.dtype == tf.bool:
            return on_bool(x1, x2)
        return kernel(x1, x2)

    return row


def float_binary(kernel: Callable) -> Callable:
    """A row of two arguments that promote together and with a float."""

    def row(x1: Any, x2: Any) -> Any:
        if (
            isinstance(x1, Tensor)
            and isinstance(x2, Tensor)
            and x1.dtype == x2.dtype
            and x1.dtype.is_floating
        ):
            return kernel(x1, x2)
        return kernel(*promote(x1, x2, also=float))

    return row


def _logical(kernel: Callable) -> Callable:
    def row(x1: Any, x2: Any) -> Any:
        return kernel(as_tensor(x1, "bool"), as_tensor(x2, "bool"))

    return row


def _unary(kernel: Callable) -> Callable:
    """A row of one argument that keeps its dtype."""

    def row(x: Any) -> Any:
        return kernel(as_tensor(x))

    return row


def float_unary(kernel: Callable) -> Callable:
    """A row of one argument; integers become floats."""

    def row(x: Any) -> Any:
        return kernel(x if isinstance(x, Tensor) and x.dtype.is_floating else to_float(x))

    return row


def _through_int(kernel: Callable, x: Any, y: Any) -> Any:
    """Compute on bools as on int32."""
    return kernel(tf.cast(x, tf.int32), tf.cast(y, tf.int32))


def _subtract_bools(x: Any, y: Any) -> Any:
    raise ValueError(
        "subtract(x1, x2) received two bool tensors. Use logical_xor, or cast them to a number first."
    )


_EagerTensor = tf.__internal__.EagerTensor


def _add(x: Any, y: Any) -> Any:
    """BiasAdd where a graph adds a vector to the last dim.

    TensorFlow fuses it with the product before, and its gradient is cheaper.
    """
    if not isinstance(x, _EagerTensor) and y.shape.rank == 1 and x.dtype.is_floating:
        rank, size = x.shape.rank, y.shape[0]
        if rank is not None and rank > 1 and size is not None and x.shape[-1] == size:
            return tf.nn.bias_add(x, y)
    return tf.add(x, y)


def _erfinv(x: Any) -> Any:
    half = x.dtype in (tf.float16, tf.bfloat16)  # no kernels
    wide = tf.cast(x, tf.float32) if half else x
    y = tf.math.erfinv(wide)
    # TensorFlow's takes it from 1 + x, where a small x loses its digits: a step of Newton's method restores them.
    near = tf.abs(wide) < 0.5
    first = tf.where(near, y, tf.zeros_like(y))
    over = tf.math.erf(first) - tf.where(near, wide, tf.zeros_like(wide))
    y = tf.where(near, first - over * (math.sqrt(math.pi) / 2) * tf.exp(first * first), y)
    return tf.cast(y, x.dtype)


_UNSIGNED = frozenset({tf.uint8, tf.uint16, tf.uint32, tf.uint64})


def _power(x: Any, y: Any) -> Any:
    if x.dtype in _UNSIGNED:  # Pow has no kernels for unsigned integers
        return tf.cast(tf.pow(tf.cast(x, tf.int64), tf.cast(y, tf.int64)), x.dtype)
    return tf.pow(x, y)


def _logaddexp(x: Any, y: Any) -> Any:
    if x.dtype.is_complex:
        larger = tf.math.real(x) > tf.math.real(y)
        x, y = tf.where(larger, x, y), tf.where(larger, y, x)
        return x + tf.math.log1p(tf.exp(y - x))
    delta = x - y  # NaN where both are the same infinity: then the sum is the answer
    return tf.where(
        tf.math.is_nan(delta), x + y, tf.maximum(x, y) + tf.math.log1p(tf.exp(-tf.abs(delta)))
    )


def absolute(x: Any) -> Any:
    x = as_tensor(x)
    return x if x.dtype in _UNSIGNED or x.dtype == tf.bool else tf.abs(x)


def negative(x: Any) -> Any:
    x = as_tensor(x)
    return tf.zeros((), x.dtype) - x if x.dtype in _UNSIGNED else tf.negative(x)


def sign(x: Any) -> Any:
    x = as_tensor(x)
    if x.dtype == tf.bool:
        return x
    return tf.cast(x != 0, x.dtype) if x.dtype in _UNSIGNED else tf.sign(x)


def square(x: Any) -> Any:
    x = as_tensor(x)
    return tf.square(tf.cast(x, tf.int32) if x.dtype == tf.bool else x)


def _test_of_floats(kernel: Callable, of_integers: bool) -> Callable:
    """A row that asks something of floats and has one answer for all integers."""

    def row(x: Any) -> Any:
        x = as_tensor(x)
        if x.dtype.is_floating:
            return kernel(x)
        if x.dtype.is_complex:  # of both parts, or of either
            parts = kernel(tf.math.real(x)), kernel(tf.math.imag(x))
            return tf.logical_and(*parts) if of_integers else tf.logical_or(*parts)
        return tf.fill(tf.shape(x), of_integers)

    return row


_isfinite = _test_of_floats(tf.math.is_finite, True)
_isnan = _test_of_floats(tf.math.is_nan, False)


def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    x1, x2 = promote(x1, x2, also=float)
    distance = tf.abs(x1 - x2)  # real, of complex values too
    atol, rtol = (as_tensor(v, distance.dtype.name) for v in (atol, rtol))
    close = distance <= atol + rtol * tf.abs(x2)
    close = tf.where(_isfinite(x1) & _isfinite(x2), close, x1 == x2)
    return close | (_isnan(x1) & _isnan(x2)) if equal_nan else close


def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    x = as_tensor(x)
    if not x.dtype.is_floating:
        return x
    fill = lambda value, default: as_tensor(default if value is None else value, x.dtype.name)
    x = tf.where(tf.math.is_nan(x), fill(nan, 0.0), x)
    x = tf.where(x == float("inf"), fill(posinf, x.dtype.max), x)
    return tf.where(x == float("-inf"), fill(neginf, x.dtype.min), x)


def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    x = as_tensor(x)
    x, low, high = promote(x, *(within(v, x.dtype.name) for v in (x_min, x_max)))
    if x.dtype == tf.bool:
        x, low, high = (tf.cast(v, tf.int32) for v in (x, low, high))
    # Not clip_by_value: NumPy's order of the two bounds holds where they cross, and the bounds
    # broadcast.
    return tf.minimum(tf.maximum(x, low), high)


def round(x: Any, decimals: int = 0) -> Any:
    x = as_tensor(x)
    if x.dtype == tf.bool:
        x = tf.cast(x, tf.int32)
    if x.dtype.is_complex:
        return tf.complex(*(round(part(x), decimals) for part in (tf.math.real, tf.math.imag)))
    if decimals == 0:
        return tf.round(x)
    if not x.dtype.is_floating:
        if decimals > 0:
            return x
        unit = tf.cast(10.0**-decimals, tf.float64)
        return tf.cast(tf.round(tf.cast(x, tf.float64) / unit) * unit, x.dtype)
    unit = as_tensor(10.0**decimals, x.dtype.name)
    return tf.round(x * unit) / unit


OPS: dict[str, Callable] = {
    "add": _binary(_add, on_bool=tf.logical_or),
    "subtract": _binary(tf.subtract, on_bool=_subtract_bools),
    "multiply": _binary(tf.multiply, on_bool=tf.logical_and),
    "maximum": _binary(tf.maximum, on_bool=tf.logical_or),
    "minimum": _binary(tf.minimum, on_bool=tf.logical_and),
    "mod": _binary(tf.math.floormod, on_bool=functools.partial(_through_int, tf.math.floormod)),
    "floor_divide": _binary(
        tf.math.floordiv, on_bool=functools.partial(_through_int, tf.math.floordiv)
    ),
    "power": _binary(_power, on_bool=functools.partial(_through_int, tf.pow)),
    "equal": _binary(tf.equal),
    "not_equal": _binary(tf.not_equal),
    "greater": _binary(tf.greater, on_bool=functools.partial(_through_int, tf.greater)),
    "greater_equal": _binary(
        tf.greater_equal, on_bool=functools.partial(_through_int, tf.greater_equal)
    ),
    "less": _binary(tf.less, on_bool=functools.partial(_through_int, tf.less)),
    "less_equal": _binary(tf.less_equal, on_bool=functools.partial(_through_int, tf.less_equal)),
    "divide": float_binary(tf.divide),
    "true_divide": float_binary(tf.divide),
    "divide_no_nan": float_binary(tf.math.divide_no_nan),
    "logaddexp": float_binary(_logaddexp),
    "logical_and": _logical(tf.logical_and),
    "logical_or": _logical(tf.logical_or),
    "logical_xor": _logical(tf.math.logical_xor),
    "logical_not": lambda x: tf.logical_not(as_tensor(x, "bool")),
    "abs": absolute,
    "absolute": absolute,
    "negative": negative,
    "sign": sign,
    "square": square,
    "clip": clip,
    "round": round,
    "isclose": isclose,
    "nan_to_num": nan_to_num,
    "isfinite": _isfinite,
    "isinf": _test_of_floats(tf.math.is_inf, False),
    "isnan": _isnan,
    "ceil": float_unary(tf.math.ceil),
    "floor": float_unary(tf.floor),
    "cos": float_unary(tf.cos),
    "cosh": float_unary(tf.cosh),
    "exp": float_unary(tf.exp),
    "expm1": float_unary(tf.math.expm1),
    "log": float_unary(tf.math.log),
    "log10": float_unary(lambda x: tf.math.log(x) * tf.constant(1 / math.log(10), x.dtype)),
    "log1p": float_unary(tf.math.log1p),
    "log2": float_unary(lambda x: tf.math.log(x) * tf.constant(1 / math.log(2), x.dtype)),
    "reciprocal": float_unary(tf.math.reciprocal),
    "rsqrt": float_unary(tf.math.rsqrt),
    "sin": float_unary(tf.sin),
    "sinh": float_unary(tf.sinh),
    "sqrt": float_unary(tf.sqrt),
    "tan": float_unary(tf.tan),
    "tanh": float_unary(tf.tanh),
    "erf": float_unary(tf.math.erf),
    "erfinv": float_unary(_erfinv),
    "copy": _unary(tf.identity),
}
