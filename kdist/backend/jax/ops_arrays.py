"""Rows that create, reshape, join, cut, index, sort and contract arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kdist.backend.jax.tensors import (
    as_indices,
    as_tensor,
    floatx_or,
    native_dtype,
    promote_arrays,
    promote_two,
)
from kdist.core import dtypes


# ---- creation --------------------------------------------------------------------------------
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> jax.Array:
    if dtype is None:
        given = [v for v in (start, stop, step) if v is not None]
        dtype = dtypes.result_type(*(getattr(v, "dtype", type(v)) for v in given))
    return jnp.arange(start, stop, step=step, dtype=native_dtype(dtype))


def array(x: Any, dtype: Any = None) -> jax.Array:
    return jnp.copy(as_tensor(x, dtype))


def empty(shape: Any, dtype: Any = None) -> jax.Array:
    return jnp.empty(shape, dtype=floatx_or(dtype))


def eye(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> jax.Array:
    return jnp.eye(N, M=M, k=k, dtype=floatx_or(dtype))


def full(shape: Any, fill_value: Any, dtype: Any = None) -> jax.Array:
    dtype = floatx_or(dtype)
    return jnp.full(shape, as_tensor(fill_value, dtype), dtype=dtype)


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> jax.Array:
    x = as_tensor(x)
    dtype = x.dtype if dtype is None else native_dtype(dtype)
    return jnp.full_like(x, as_tensor(fill_value, dtype), dtype=dtype)


def identity(n: Any, dtype: Any = None) -> jax.Array:
    return jnp.identity(n, dtype=floatx_or(dtype))


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    dtype = native_dtype(_linspace_dtype(start, stop) if dtype is None else dtype)
    start, stop = (as_tensor(v) for v in (start, stop))
    return jnp.linspace(
        start, stop, num=num, endpoint=endpoint, retstep=retstep, dtype=dtype, axis=axis
    )


def _linspace_dtype(start: Any, stop: Any) -> str:
    return dtypes.result_type(*(getattr(v, "dtype", type(v)) for v in (start, stop)), float)


def meshgrid(*x: Any, indexing: str = "xy") -> list:
    # Arrays of any shape are flattened, as NumPy does.
    return jnp.meshgrid(*(jnp.ravel(as_tensor(v)) for v in x), indexing=indexing)


def ones(shape: Any, dtype: Any = None) -> jax.Array:
    return jnp.ones(shape, dtype=floatx_or(dtype))


def ones_like(x: Any, dtype: Any = None) -> jax.Array:
    x = as_tensor(x)
    return jnp.ones_like(x, dtype=x.dtype if dtype is None else native_dtype(dtype))


def tri(N: Any, M: Any = None, k: int = 0, dtype: Any = None) -> jax.Array:
    return jnp.tri(N, M=M, k=k, dtype=floatx_or(dtype))


def zeros(shape: Any, dtype: Any = None) -> jax.Array:
    return jnp.zeros(shape, dtype=floatx_or(dtype))


def zeros_like(x: Any, dtype: Any = None) -> jax.Array:
    x = as_tensor(x)
    return jnp.zeros_like(x, dtype=x.dtype if dtype is None else native_dtype(dtype))


# ---- shape -----------------------------------------------------------------------------------
def broadcast_to(x: Any, shape: Any) -> jax.Array:
    return jnp.broadcast_to(as_tensor(x), shape)


def copy(x: Any) -> jax.Array:
    return jnp.copy(as_tensor(x))


def diag(x: Any, k: int = 0) -> jax.Array:
    return jnp.diag(as_tensor(x), k=k)


def expand_dims(x: Any, axis: Any) -> jax.Array:
    return jnp.expand_dims(as_tensor(x), axis)


def flip(x: Any, axis: Any = None) -> jax.Array:
    return jnp.flip(as_tensor(x), axis=axis)


def moveaxis(x: Any, source: Any, destination: Any) -> jax.Array:
    return jnp.moveaxis(as_tensor(x), source, destination)


def ndim(x: Any) -> int:
    return as_tensor(x).ndim


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> jax.Array:
    if constant_values is None:
        return jnp.pad(as_tensor(x), pad_width, mode=mode)
    if mode != "constant":
        raise ValueError(
            f"constant_values={constant_values!r} needs mode='constant', and mode={mode!r}."
        )
    return jnp.pad(as_tensor(x), pad_width, mode=mode, constant_values=constant_values)


def ravel(x: Any) -> jax.Array:
    return jnp.ravel(as_tensor(x))


def repeat(x: Any, repeats: Any, axis: Any = None) -> jax.Array:
    if isinstance(repeats, list | tuple):
        repeats = np.asarray(repeats)  # known while tracing, as the size of the result must be
    elif not isinstance(repeats, int | np.ndarray):
        repeats = as_tensor(repeats)
    return jnp.repeat(as_tensor(x), repeats, axis=axis)


def reshape(x: Any, newshape: Any) -> jax.Array:
    return jnp.reshape(as_tensor(x), newshape)


def roll(x: Any, shift: Any, axis: Any = None) -> jax.Array:
    return jnp.roll(as_tensor(x), shift, axis=axis)


def size(x: Any) -> int:
    return math.prod(x.shape if isinstance(x, np.ndarray) else as_tensor(x).shape)


def squeeze(x: Any, axis: Any = None) -> jax.Array:
    return jnp.squeeze(as_tensor(x), axis=axis)


def swapaxes(x: Any, axis1: int, axis2: int) -> jax.Array:
    return jnp.swapaxes(as_tensor(x), axis1, axis2)


def tile(x: Any, repeats: Any) -> jax.Array:
    return jnp.tile(as_tensor(x), repeats)


def transpose(x: Any, axes: Any = None) -> jax.Array:
    return jnp.transpose(as_tensor(x), axes)


def tril(x: Any, k: int = 0) -> jax.Array:
    return jnp.tril(as_tensor(x), k=k)


def triu(x: Any, k: int = 0) -> jax.Array:
    return jnp.triu(as_tensor(x), k=k)


# ---- joining and cutting ---------------------------------------------------------------------
def concatenate(xs: Any, axis: Any = 0) -> jax.Array:
    return jnp.concatenate(promote_arrays(*xs), axis=axis)


def hstack(xs: Any) -> jax.Array:
    return jnp.hstack(promote_arrays(*xs))


def stack(x: Any, axis: int = 0) -> jax.Array:
    return jnp.stack(promote_arrays(*x), axis=axis)


def vstack(xs: Any) -> jax.Array:
    return jnp.vstack(promote_arrays(*xs))


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    x = as_tensor(x)
    if np.ndim(indices_or_sections) == 0:
        return jnp.split(x, indices_or_sections, axis=axis)
    n = x.shape[axis]
    parts = [slice(a, b).indices(n) for a, b in pairwise([0, *map(int, indices_or_sections), n])]
    cuts = [start for start, _, _ in parts[1:]]
    if [stop for _, stop, _ in parts] == sorted([*cuts, n]):  # else jax refuses what NumPy takes
        return jnp.split(x, cuts, axis=axis)
    return [jax.lax.slice_in_dim(x, a, max(a, b), axis=axis) for a, b, _ in parts]


# ---- indexing and order ----------------------------------------------------------------------
def argsort(x: Any, axis: int | None = -1) -> jax.Array:
    x = as_tensor(x)
    axis = None if not x.ndim and axis in (0, -1) else axis
    return jnp.argsort(x, axis=axis).astype("int32")


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> jax.Array:
    if sparse:
        raise ValueError("sparse=True: the jax backend has dense tensors only. Leave it out.")
    x = as_tensor(x)
    weights = None if weights is None else as_tensor(weights)
    if x.ndim == 1:
        return jnp.bincount(x, weights=weights, minlength=minlength)
    # Rows are counted up to the largest value of all of them, so that they are of one length.
    length = max(minlength, int(x.max()) + 1)
    one = lambda v, w: jnp.bincount(v, weights=w, length=length)
    return jax.vmap(one, in_axes=(0, None if weights is None else 0))(x, weights)


def diff(a: Any, n: int = 1, axis: int = -1) -> jax.Array:
    return jnp.diff(as_tensor(a), n=n, axis=axis)


def nonzero(x: Any) -> tuple:
    return jnp.nonzero(as_tensor(x))


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> jax.Array:
    sorted_sequence, values = promote_arrays(sorted_sequence, values)
    return jnp.searchsorted(sorted_sequence, values, side=side)


def sort(x: Any, axis: int | None = -1) -> jax.Array:
    return jnp.sort(as_tensor(x), axis=axis)


def get_item(x: Any, key: Any) -> jax.Array:
    x, keys = as_tensor(x), key if isinstance(key, tuple) else (key,)
    if any(type(k) is int for k in keys):
        _inside(x.shape, keys)
    return x[key]


def _inside(shape: tuple, keys: tuple) -> None:
    """Refuse an int that is no place of its axis, which jax would move to the nearest or fill up."""
    if not all(k is None or k is Ellipsis or type(k) in (int, slice) for k in keys):
        return
    at = keys.index(Ellipsis) if Ellipsis in keys else len(keys)
    front = [k for k in keys[:at] if k is not None]
    back = [k for k in keys[at + 1 :] if k is not None]
    sizes = (*shape[: len(front)], *shape[len(shape) - len(back) :])
    for size, k in zip(sizes, (*front, *back), strict=False):
        if type(k) is int and not -size <= k < size:
            raise IndexError(f"index {k} is outside the axis of size {size}.")


def take(x: Any, indices: Any, axis: Any = None) -> jax.Array:
    x, indices = as_tensor(x), as_tensor(indices)
    if 0 in indices.shape and 0 in x.shape:  # jax gives `x`, whatever the shape of `indices`
        around = ((), ()) if axis is None else (x.shape[:axis], x.shape[axis:][1:])
        return jnp.zeros((*around[0], *indices.shape, *around[1]), x.dtype)
    return jnp.take(x, indices, axis=axis)


def take_along_axis(x: Any, indices: Any, axis: Any = None) -> jax.Array:
    return jnp.take_along_axis(as_tensor(x), as_indices(indices), axis=axis)


# ---- products --------------------------------------------------------------------------------
def _accumulator(*xs: Any) -> Any:
    # int8 products are summed in int32: the hardware's way, and they would overflow otherwise.
    return jnp.int32 if all(getattr(x, "dtype", None) == jnp.int8 for x in xs) else None


def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> jax.Array:
    x1, x2 = promote_two(x1, x2)
    return jnp.cross(x1, x2, axisa=axisa, axisb=axisb, axisc=axisc, axis=axis)


def dot(x1: Any, x2: Any) -> jax.Array:
    return jnp.dot(*promote_two(x1, x2))


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> jax.Array:
    accumulator = _accumulator(*operands)
    return jnp.einsum(
        subscripts, *promote_arrays(*operands), preferred_element_type=accumulator, **kwargs
    )


def matmul(x1: Any, x2: Any) -> jax.Array:
    accumulator = _accumulator(x1, x2)
    x1, x2 = promote_two(x1, x2)
    return jnp.matmul(x1, x2, preferred_element_type=accumulator)


def outer(x1: Any, x2: Any) -> jax.Array:
    return jnp.outer(*promote_arrays(x1, x2))


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> jax.Array:
    x1, x2 = promote_two(x1, x2)
    return jnp.tensordot(x1, x2, axes=axes)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> jax.Array:
    return jnp.trace(as_tensor(x), offset=offset, axis1=axis1, axis2=axis2)


def vdot(x1: Any, x2: Any) -> jax.Array:
    return jnp.vdot(*promote_arrays(x1, x2))


def linear(x: Any, kernel: Any, bias: Any = None) -> jax.Array:
    """x (..., in) @ kernel (in, out) + bias (out,)."""
    if np.ndim(kernel) != 2 or (bias is not None and np.ndim(bias) > 1):
        raise ValueError("linear: kernel is (in, out), and bias (out,).")
    y = matmul(x, kernel)
    return y if bias is None else y + bias


def embedding_lookup(table: Any, ids: Any) -> jax.Array:
    """(..., width): rows of table (vocabulary, width) at ids (...); NaN for one outside of it."""
    table = as_tensor(table)
    if table.ndim != 2:
        raise ValueError("embedding_lookup: table is (vocabulary, width).")
    return jnp.take(table, as_tensor(ids), axis=0)


ROWS: dict[str, Callable] = {
    f.__name__: f
    for f in (
        arange,
        array,
        empty,
        eye,
        full,
        full_like,
        identity,
        linspace,
        meshgrid,
        ones,
        ones_like,
        tri,
        zeros,
        zeros_like,
        broadcast_to,
        copy,
        diag,
        expand_dims,
        flip,
        moveaxis,
        ndim,
        pad,
        ravel,
        repeat,
        reshape,
        roll,
        size,
        squeeze,
        swapaxes,
        tile,
        transpose,
        tril,
        triu,
        concatenate,
        hstack,
        stack,
        vstack,
        split,
        argsort,
        bincount,
        diff,
        nonzero,
        searchsorted,
        sort,
        get_item,
        take,
        take_along_axis,
        cross,
        dot,
        einsum,
        matmul,
        outer,
        tensordot,
        trace,
        vdot,
        linear,
        embedding_lookup,
    )
}
