"""Rows of the NumPy family: elementwise functions and reductions. See also `ops_arrays`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kdist.backend.jax.kernels import kernel
from kdist.backend.jax.tensors import (
    as_tensor,
    at_least_float32,
    floatx_or,
    native_dtype,
    operand,
    promote,
    promote_arrays,
    promote_two,
    to_float,
)
from kdist.core import dtypes
from kdist.core.saturation import within


def unary(fn: Callable) -> Callable:
    """A row `x -> fn(x)` in the dtype of x."""

    def row(x: Any) -> jax.Array:
        return fn(as_tensor(x))

    return row


def float_unary(fn: Callable) -> Callable:
    """A row `x -> fn(x)` that takes integers as floats."""

    def row(x: Any) -> jax.Array:
        return fn(to_float(x))

    return row


def binary(fn: Callable) -> Callable:
    """A row `(x1, x2) -> fn(x1, x2)` in the dtype both promote to."""

    def row(x1: Any, x2: Any) -> jax.Array:
        return fn(*promote_two(x1, x2))

    return row


def float_binary(fn: Callable) -> Callable:
    """A row `(x1, x2) -> fn(x1, x2)` that takes integers as floats."""

    def row(x1: Any, x2: Any) -> jax.Array:
        return fn(*promote(x1, x2, also=float))

    return row


def logical(fn: Callable) -> Callable:
    """A row on truth values: what is not zero is true."""

    def row(x1: Any, x2: Any) -> jax.Array:
        return fn(as_tensor(x1, "bool"), as_tensor(x2, "bool"))

    return row


def _integers(fn: Callable) -> Callable:
    """`fn` that computes booleans as int32."""

    def row(x1: Any, x2: Any) -> jax.Array:
        x1, x2 = promote_two(x1, x2)
        if getattr(x1, "dtype", getattr(x2, "dtype", None)) == jnp.bool_:
            x1, x2 = as_tensor(x1, "int32"), as_tensor(x2, "int32")
        return fn(x1, x2)

    return row


def _axis(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def all_(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    return jnp.all(as_tensor(x), axis=_axis(axis), keepdims=keepdims)


def any_(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    return jnp.any(as_tensor(x), axis=_axis(axis), keepdims=keepdims)


def max_(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> jax.Array:
    return jnp.max(as_tensor(x), axis=_axis(axis), keepdims=keepdims, initial=initial)


def min_(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> jax.Array:
    return jnp.min(as_tensor(x), axis=_axis(axis), keepdims=keepdims, initial=initial)


def amax(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    return max_(x, axis, keepdims)


def amin(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    return min_(x, axis, keepdims)


def _arg(fn: Callable) -> Callable:
    @kernel("axis", "keepdims")
    def found(x: jax.Array, axis: Any, keepdims: bool) -> jax.Array:
        if jnp.issubdtype(x.dtype, jnp.floating) and x.ndim:
            x = at_least_float32(x)
            # XLA on CPU flushes denormals and does not tell -0.0 from 0.0 (jax issue 24280);
            # NumPy-compatible order needs both apart.
            x = jnp.where((x == 0.0) & jnp.signbit(x), -jnp.finfo(x.dtype).tiny, x)
        return fn(x, axis=axis, keepdims=keepdims).astype("int32")

    def row(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
        return found(as_tensor(x), axis=axis, keepdims=keepdims)

    return row


def average(x: Any, axis: Any = None, weights: Any = None) -> jax.Array:
    if weights is None:
        return jnp.average(to_float(x), axis=axis)
    x, weights = promote_arrays(x, weights, also=float)
    return jnp.average(x, axis=axis, weights=weights)


def clip(x: Any, x_min: Any, x_max: Any) -> jax.Array:
    x = as_tensor(x)
    if x.dtype == jnp.bool_:
        x = x.astype("int32")
    if x.dtype.kind in "iu":
        x_min, x_max = within(x_min, x.dtype.name), within(x_max, x.dtype.name)
    return jnp.clip(x, operand(x_min), operand(x_max))


def count_nonzero(x: Any, axis: Any = None) -> jax.Array:
    return jnp.count_nonzero(as_tensor(x), axis=_axis(axis)).astype("int32")


def cumprod(x: Any, axis: Any = None, dtype: Any = None) -> jax.Array:
    return jnp.cumprod(
        as_tensor(x), axis=axis, dtype=None if dtype is None else native_dtype(dtype)
    )


def cumsum(x: Any, axis: Any = None, dtype: Any = None) -> jax.Array:
    return jnp.cumsum(as_tensor(x), axis=axis, dtype=None if dtype is None else native_dtype(dtype))


def divide_no_nan(x1: Any, x2: Any) -> jax.Array:
    x1, x2 = promote_arrays(x1, x2, also=float)
    zero = x2 == 0  # the inner where keeps the gradient finite
    return jnp.where(zero, 0, jnp.divide(x1, jnp.where(zero, 1, x2)))


def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> jax.Array:
    x1, x2 = promote(x1, x2)
    return jnp.isclose(x1, x2, rtol, atol, equal_nan)


def logical_not(x: Any) -> jax.Array:
    return jnp.logical_not(as_tensor(x, "bool"))


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    x = as_tensor(x)
    # jax sums 16 bits in 32, in which a float16 sum does not overflow.
    dtype = (
        None
        if jnp.issubdtype(x.dtype, jnp.inexact)
        else native_dtype(dtypes.result_type(x.dtype, "float32"))
    )
    return jnp.mean(x, axis=_axis(axis), keepdims=keepdims, dtype=dtype)


def median(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    return jnp.median(to_float(x), axis=_axis(axis), keepdims=keepdims)


def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> jax.Array:
    return jnp.nan_to_num(as_tensor(x), nan=nan, posinf=posinf, neginf=neginf)


def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> jax.Array:
    return jnp.prod(
        as_tensor(x),
        axis=_axis(axis),
        keepdims=keepdims,
        dtype=None if dtype is None else native_dtype(dtype),
    )


def round_(x: Any, decimals: int = 0) -> jax.Array:
    x = as_tensor(x)
    if x.dtype == jnp.bool_:
        x = x.astype("int32")
    if decimals < 0 and jnp.issubdtype(x.dtype, jnp.integer):  # jnp.round does not
        factor = math.pow(10, -decimals)
        return (jnp.round(x.astype(floatx_or(None)) / factor) * factor).astype(x.dtype)
    return jnp.round(x, decimals=decimals)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    return jnp.std(to_float(x), axis=_axis(axis), keepdims=keepdims)


def sum_(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    return jnp.sum(as_tensor(x), axis=_axis(axis), keepdims=keepdims)


_WIDE = (jnp.dtype("float32"), jnp.dtype("float64"))


def var(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    x = as_tensor(x)
    if x.dtype in _WIDE or jnp.iscomplexobj(x):
        return jnp.var(x, axis=_axis(axis), keepdims=keepdims)
    compute = native_dtype(dtypes.result_type(x.dtype, "float32"))
    result = native_dtype(dtypes.result_type(x.dtype, float))
    out = jnp.var(x, axis=_axis(axis), keepdims=keepdims, dtype=compute)
    return out if compute == result else out.astype(result)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    condition = as_tensor(condition, "bool")
    if (x1 is None) != (x2 is None):
        raise ValueError(f"where needs x1 and x2, or neither: received x1={x1!r}, x2={x2!r}.")
    if x1 is None:
        return jnp.nonzero(condition)
    return jnp.where(condition, *promote_two(x1, x2))


ROWS: dict[str, Callable] = {
    **{
        n: unary(f)
        for n, f in {
            "abs": jnp.abs,
            "absolute": jnp.abs,
            "isfinite": jnp.isfinite,
            "isinf": jnp.isinf,
            "isnan": jnp.isnan,
            "negative": jnp.negative,
            "sign": lambda x: x if x.dtype == jnp.bool_ else jnp.sign(x),
            "square": jnp.square,
        }.items()
    },
    **{
        n: float_unary(f)
        for n, f in {
            "ceil": jnp.ceil,
            "cos": jnp.cos,
            "cosh": jnp.cosh,
            "floor": jnp.floor,
            "log": jnp.log,
            "log10": jnp.log10,
            "log1p": jnp.log1p,
            "log2": jnp.log2,
            "reciprocal": jnp.reciprocal,
            "sin": jnp.sin,
            "sinh": jnp.sinh,
            "sqrt": jnp.sqrt,
            "tan": jnp.tan,
            "tanh": jnp.tanh,
            "exp": jnp.exp,
            "expm1": jnp.expm1,
            "arccos": jnp.arccos,
            "arccosh": jnp.arccosh,
            "arcsin": jnp.arcsin,
            "arcsinh": jnp.arcsinh,
            "arctan": jnp.arctan,
            "arctanh": jnp.arctanh,
        }.items()
    },
    **{
        n: binary(f)
        for n, f in {
            "add": jnp.add,
            "subtract": jnp.subtract,
            "multiply": jnp.multiply,
            "maximum": jnp.maximum,
            "minimum": jnp.minimum,
            "equal": jnp.equal,
            "not_equal": jnp.not_equal,
            "greater": jnp.greater,
            "greater_equal": jnp.greater_equal,
            "less": jnp.less,
            "less_equal": jnp.less_equal,
        }.items()
    },
    **{
        n: _integers(f)
        for n, f in {"floor_divide": jnp.floor_divide, "mod": jnp.mod, "power": jnp.power}.items()
    },
    **{
        n: float_binary(f)
        for n, f in {
            "divide": jnp.divide,
            "true_divide": jnp.divide,
            "logaddexp": jnp.logaddexp,
            "arctan2": jnp.arctan2,
        }.items()
    },
    **{
        n: logical(f)
        for n, f in {
            "logical_and": jnp.logical_and,
            "logical_or": jnp.logical_or,
            "logical_xor": jnp.logical_xor,
        }.items()
    },
    "all": all_,
    "any": any_,
    "max": max_,
    "min": min_,
    "amax": amax,
    "amin": amin,
    "argmax": _arg(jnp.argmax),
    "argmin": _arg(jnp.argmin),
    "average": average,
    "clip": clip,
    "count_nonzero": count_nonzero,
    "cumprod": cumprod,
    "cumsum": cumsum,
    "divide_no_nan": divide_no_nan,
    "isclose": isclose,
    "logical_not": logical_not,
    "mean": mean,
    "median": median,
    "nan_to_num": nan_to_num,
    "prod": prod,
    "round": round_,
    "std": std,
    "sum": sum_,
    "var": var,
    "where": where,
}
