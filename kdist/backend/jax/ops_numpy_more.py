"""Further rows that follow NumPy: angles, bits, complex parts, divisors and sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kdist.backend.jax.ops_numpy import binary, float_binary, float_unary, unary
from kdist.backend.jax.tensors import as_tensor, native_dtype, promote_arrays


def _bits(native: Callable) -> Callable:
    """A row of two integers of their common dtype, named x and y."""
    row_of_two = binary(native)

    def row(x: Any, y: Any) -> jax.Array:
        return row_of_two(x, y)

    return row


def _shift(native: Callable) -> Callable:
    """A row that counts booleans as int32."""
    row_of_bits = _bits(native)

    def row(x: Any, y: Any) -> jax.Array:
        x = as_tensor(x)
        y = y if isinstance(y, int) and not isinstance(y, bool) else as_tensor(y)
        if x.dtype == jnp.bool_ and getattr(y, "dtype", x.dtype) == jnp.bool_:
            x = as_tensor(x, "int32")
        return row_of_bits(x, y)

    return row


def view(x: Any, dtype: Any = None) -> jax.Array:
    x = as_tensor(x)
    return x if dtype is None else x.view(native_dtype(dtype))


def trunc(x: Any) -> jax.Array:
    x = as_tensor(x)
    return jnp.trunc(x) if jnp.issubdtype(x.dtype, jnp.floating) else x


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> jax.Array:
    return jnp.diagonal(as_tensor(x), offset=offset, axis1=axis1, axis2=axis2)


def _divisors(native: Callable) -> Callable:
    """A row of two integers; booleans count as int32."""

    def row(x1: Any, x2: Any) -> jax.Array:
        x1, x2 = promote_arrays(x1, x2)
        if x1.dtype == jnp.bool_:
            x1, x2 = as_tensor(x1, "int32"), as_tensor(x2, "int32")
        return native(x1, x2)

    return row


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
    out = jnp.unique(
        as_tensor(x),
        return_index=return_index,
        return_inverse=return_inverse,
        return_counts=return_counts,
        axis=axis,
        equal_nan=False,
        size=size,
        fill_value=fill_value,
        sorted=sorted,
    )
    if not isinstance(out, tuple):
        return out
    return (out[0], *(y.astype("int32") for y in out[1:]))


ROWS: dict[str, Callable] = {
    "bitwise_and": _bits(jnp.bitwise_and),
    "bitwise_left_shift": _shift(jnp.left_shift),
    "bitwise_not": unary(jnp.bitwise_not),
    "bitwise_or": _bits(jnp.bitwise_or),
    "bitwise_right_shift": _shift(jnp.right_shift),
    "bitwise_xor": _bits(jnp.bitwise_xor),
    "cbrt": float_unary(jnp.cbrt),
    "conjugate": unary(jnp.conjugate),
    "deg2rad": float_unary(jnp.deg2rad),
    "diagonal": diagonal,
    "exp2": float_unary(jnp.exp2),
    "fmax": binary(jnp.fmax),
    "fmin": binary(jnp.fmin),
    "fmod": _divisors(jnp.fmod),
    "gcd": _divisors(jnp.gcd),
    "hypot": float_binary(jnp.hypot),
    "i0": float_unary(jnp.i0),
    "imag": unary(jnp.imag),
    "lcm": _divisors(jnp.lcm),
    "logaddexp2": float_binary(jnp.logaddexp2),
    "nextafter": float_binary(jnp.nextafter),
    "rad2deg": float_unary(jnp.rad2deg),
    "real": unary(jnp.real),
    "signbit": unary(jnp.signbit),
    "sinc": float_unary(jnp.sinc),
    "trunc": trunc,
    "unique": unique,
    "view": view,
}
