"""Rows of the math and linear algebra families."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import special

from kdist.backend.jax.kernels import kernel
from kdist.backend.jax.ops_numpy import float_unary
from kdist.backend.jax.tensors import as_indices, as_tensor, promote_arrays, to_float


def in_top_k(targets: Any, predictions: Any, k: int) -> jax.Array:
    targets, predictions = as_tensor(targets, "int32"), as_tensor(predictions)
    chosen = jnp.take_along_axis(predictions, targets[..., None], axis=-1)
    chosen = jnp.where(jnp.isnan(chosen), -jnp.inf, chosen)  # NaN is nowhere near the top
    return jnp.sum(predictions > chosen, axis=-1) < operator.index(k)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    return special.logsumexp(to_float(x), axis=axis, keepdims=keepdims)


def _segment(reduce: Callable) -> Callable:
    @kernel("num_segments", "sorted")
    def reduced(data: jax.Array, ids: jax.Array, num_segments: int, sorted: bool) -> jax.Array:
        return reduce(data, ids, num_segments, sorted)

    def row(
        data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False
    ) -> jax.Array:
        if num_segments is None:
            raise ValueError(
                "Argument `num_segments` must be set when using the JAX backend. Received: "
                f"num_segments=None, sorted={sorted}."
            )
        count = operator.index(num_segments)
        return reduced(as_tensor(data), as_indices(segment_ids), num_segments=count, sorted=sorted)

    return row


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def segment_prod(
    data: jax.Array, ids: jax.Array, num_segments: int, indices_are_sorted: bool
) -> jax.Array:
    return jax.ops.segment_prod(data, ids, num_segments, indices_are_sorted)


@segment_prod.defjvp
def _segment_prod_jvp(
    num_segments: int, indices_are_sorted: bool, primals: tuple, tangents: tuple
) -> tuple:
    """jax does not differentiate its own: the factor of each tangent is the product of the others
    in its segment, found without a division by 0.
    """
    (data, ids), (change, _) = primals, tangents
    zero = data == 0
    filled = jnp.where(zero, 1, data)
    product = jax.ops.segment_prod(filled, ids, num_segments, indices_are_sorted)
    zeros = jax.ops.segment_sum(zero.astype(data.dtype), ids, num_segments, indices_are_sorted)
    inside = (ids >= 0) & (ids < num_segments)
    rows = jnp.where(inside, ids, 0)
    others = jnp.where(zeros[rows] == zero, product[rows] / filled, 0)
    others = jnp.where(inside.reshape(-1, *[1] * (data.ndim - 1)), others, 0)
    out = jax.ops.segment_sum(others * change, ids, num_segments, indices_are_sorted)
    return segment_prod(data, ids, num_segments, indices_are_sorted), out


def top_k(x: Any, k: int, sorted: bool = True) -> tuple:
    # jax has no unsorted form; sorted is one of the orders that sorted=False allows.
    values, indices = jax.lax.top_k(as_tensor(x), k)
    return values, indices


# ---- linear algebra --------------------------------------------------------------------------
@kernel("upper")
def _cholesky(x: jax.Array, upper: bool) -> tuple[jax.Array, jax.Array]:
    """Factors, and one element of each: where there is none, jax makes all of the matrix NaN."""
    factors = jnp.linalg.cholesky(x, upper=upper)
    return factors, factors[..., -1:, -1:]


def cholesky(x: Any, upper: bool = False) -> jax.Array:
    factors, told = _cholesky(to_float(x), upper)
    if not isinstance(told, jax.core.Tracer) and np.isnan(np.asarray(told)).any():
        raise ValueError(
            "cholesky failed: x is not positive definite. Add a small multiple of the identity."
        )
    return factors


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> jax.Array:
    axis = tuple(axis) if isinstance(axis, list) else axis
    return jnp.linalg.norm(to_float(x), ord=ord, axis=axis, keepdims=keepdims)


def qr(x: Any, mode: str = "reduced") -> tuple:
    if mode not in ("reduced", "complete"):
        raise ValueError(f"mode={mode!r} of qr is not known. Use 'reduced' or 'complete'.")
    return tuple(jnp.linalg.qr(to_float(x), mode=mode))


def solve(a: Any, b: Any) -> jax.Array:
    a, b = promote_arrays(a, b, also=float)
    if b.ndim == a.ndim - 1:
        return jnp.linalg.solve(a, b[..., None])[..., 0]
    return jnp.linalg.solve(a, b)


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    out = jnp.linalg.svd(to_float(x), full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(out) if compute_uv else out


ROWS: dict[str, Callable] = {
    "det": float_unary(jnp.linalg.det),
    "erf": float_unary(jax.lax.erf),
    "erfc": float_unary(jax.lax.erfc),
    "erfinv": float_unary(special.erfinv),
    "inv": float_unary(jnp.linalg.inv),
    "rsqrt": float_unary(jax.lax.rsqrt),
    "segment_sum": _segment(jax.ops.segment_sum),
    "segment_max": _segment(jax.ops.segment_max),
    "segment_min": _segment(jax.ops.segment_min),
    "segment_prod": _segment(segment_prod),
    **{f.__name__: f for f in (in_top_k, logsumexp, top_k, cholesky, norm, qr, solve, svd)},
}
