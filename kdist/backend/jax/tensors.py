"""Values into jax arrays and back, and the dtype promotion that every row applies."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import dtypes as jax_dtypes

from kdist.core import config, dtypes

_SCALARS = frozenset({bool, int, float, complex})
_REAL = frozenset({int, float})
_FLOATS = frozenset(np.dtype(n) for n in ("float16", "float32", "float64", jnp.bfloat16))


@functools.lru_cache(maxsize=256)
def _canonical(name: str, x64: bool) -> np.dtype:
    if name == "string":
        raise ValueError(
            "dtype='string' has no jax array. Turn text into numbers before it reaches a model."
        )
    # Without x64 mode jax holds 64-bit types in 32 bits; asking for them explicitly would warn on
    # each call.
    return np.dtype(jax_dtypes.canonicalize_dtype(jnp.dtype(name)))


def native_dtype(dtype: Any) -> np.dtype:
    """The dtype in which jax holds `dtype`: 64-bit types take 32 bits unless x64 mode is on."""
    return _canonical(dtypes.standardize_dtype(dtype), jax.config.jax_enable_x64)


def as_tensor(x: Any, dtype: Any = None) -> jax.Array:
    """`x` (array, kdist variable, Python number, nested lists of them) as a jax array.

    Python floats take the float default; NumPy arrays keep their dtype, as far as jax has it.
    """
    if not isinstance(x, jax.Array):
        if hasattr(x, "__jax_array__"):  # a kdist variable; a symbolic tensor raises its own error
            x = x.__jax_array__()
        else:
            return _from_host(x, dtype)
    if dtype is None:
        return x
    native = native_dtype(dtype)
    return x if x.dtype == native else x.astype(native)


def _from_host(x: Any, dtype: Any) -> jax.Array:
    if isinstance(x, np.ndarray | np.generic):
        given = x.dtype
        if given.kind in "OUS":  # NumPy would find truth in them
            raise TypeError(f"An array of dtype {given} cannot be a jax array.")
    elif type(x) in _SCALARS:
        given = dtypes.result_type(type(x))
    elif isinstance(x, list | tuple) and any(
        isinstance(v, jax.Array) or hasattr(v, "__jax_array__") for v in x
    ):
        x = jnp.stack(promote_arrays(*x))
        return as_tensor(x, dtype)
    else:
        python = isinstance(x, list | tuple)
        x = np.asarray(x)
        given = config.floatx() if python and x.dtype == np.float64 else x.dtype
    # NumPy converts, since a conversion by jax is a dispatch of its own.
    native = native_dtype(given if dtype is None else dtype)
    return jnp.asarray(np.asarray(x).astype(native, copy=False))


def as_indices(x: Any) -> jax.Array:
    """`x` as an array; truth values count as 0 and 1, which jax would take for a mask."""
    x = as_tensor(x)
    return x.astype("int32") if x.dtype == jnp.bool_ else x


def operand(x: Any) -> Any:
    """`x` as a jax array. Python numbers stay: they are weakly typed, and cheap to dispatch."""
    return x if type(x) in _SCALARS else as_tensor(x)


def _common(xs: tuple, also: Any) -> tuple[list, np.dtype]:
    """The kind of each operand (a Python type, or a dtype), and the dtype they promote to."""
    kinds = [type(x) if type(x) in _SCALARS else x.dtype for x in xs]
    target = dtypes.result_type(*kinds, *(() if also is None else (also,)))
    return kinds, native_dtype(target)


def _settled(xs: tuple, also: Any) -> bool:
    """Whether these are arrays of one dtype already, none gives way to others, and `also` does not lift them."""
    dtype = getattr(xs[0], "dtype", None)
    if also is not None and not (also is float and dtype in _FLOATS):
        return False
    return all(isinstance(x, jax.Array) and x.dtype == dtype and not x.weak_type for x in xs)


def promote(*xs: Any, also: Any = None) -> tuple:
    """Operands of one dtype, which theirs (and `also`) promote to.

    A Python number stays one beside an array of that dtype.
    """
    if _settled(xs, also):
        return xs
    xs = tuple(operand(x) for x in xs)
    kinds, native = _common(xs, also)
    has_array = any(k not in _SCALARS for k in kinds)
    return tuple(
        _to(x, native) if k not in _SCALARS or not has_array else x
        for x, k in zip(xs, kinds, strict=True)
    )


def promote_arrays(*xs: Any, also: Any = None) -> list[jax.Array]:
    """`promote`, with Python numbers as arrays too."""
    if xs and _settled(xs, also):
        return list(xs)
    xs = tuple(operand(x) for x in xs)
    native = _common(xs, also)[1]
    return [_to(x, native) for x in xs]


def _to(x: Any, native: np.dtype) -> jax.Array:
    if not isinstance(x, jax.Array):
        return jnp.asarray(x, dtype=native)
    # A weakly typed array would give way to the other operand although its dtype is the one to use.
    return x if x.dtype == native and not x.weak_type else jax.lax.convert_element_type(x, native)


def promote_two(x1: Any, x2: Any) -> tuple:
    """`promote` for two operands; two arrays of one dtype, or one of floats and a number, cost next to nothing."""
    if isinstance(x1, jax.Array):
        if isinstance(x2, jax.Array):
            if x1.dtype == x2.dtype:
                return x1, x2
        elif type(x2) in _REAL and x1.dtype in _FLOATS and not x1.weak_type:
            return x1, x2
    return promote(x1, x2)


def to_float(x: Any) -> jax.Array:
    """`x` as an array of floats: integers and booleans take the float default."""
    if isinstance(x, jax.Array) and x.dtype in _FLOATS:
        return x
    x = as_tensor(x)
    return (
        x
        if jnp.issubdtype(x.dtype, jnp.inexact)
        else x.astype(native_dtype(dtypes.result_type(x.dtype, float)))
    )


def at_least_float32(x: Any) -> jax.Array:
    """`x` in float32 or more: half precision is too coarse for sums of squares."""
    x = as_tensor(x)
    return as_tensor(x, dtypes.result_type(x.dtype, "float32"))


def floatx_or(dtype: Any) -> np.dtype:
    """The dtype to create an array in; None is the float default."""
    return native_dtype(config.floatx() if dtype is None else dtype)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a jax array (or a tracer)."""
    return isinstance(x, jax.Array)


def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> jax.Array:
    """`as_tensor`, with Keras's signature.

    Raises ValueError if a sparse or ragged tensor is asked for.
    """
    if sparse or ragged:
        raise ValueError(
            f"sparse={sparse}, ragged={ragged}: the jax backend has dense tensors only."
        )
    return as_tensor(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """A NumPy array of its own with the whole value of `x`.

    The value may be spread over the devices of this process.
    """
    if not isinstance(x, jax.Array):
        if isinstance(x, np.ndarray):
            return np.array(x)
        x = as_tensor(x)
    if not x.is_fully_addressable and x.is_fully_replicated:
        x = x.addressable_data(0)
    if not x.is_fully_addressable:
        from jax.experimental import multihost_utils  # only several processes need it

        return np.array(multihost_utils.process_allgather(x, tiled=True))
    return np.array(x)


def dtype_of(x: Any) -> str:
    """Dtype name of a jax array."""
    return x.dtype.name
