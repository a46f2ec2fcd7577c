"""Rows of decompositions of matrices and of forward differentiation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import linalg

from kdist.backend.jax.tensors import as_tensor, promote_arrays, to_float


def solve_triangular(a: Any, b: Any, lower: bool = False) -> jax.Array:
    a, b = promote_arrays(a, b, also=float)
    if b.ndim == a.ndim - 1:
        return jax.lax.linalg.triangular_solve(a, b[..., None], left_side=True, lower=lower)[..., 0]
    return jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=lower)


def eigh(x: Any) -> tuple:
    return tuple(jnp.linalg.eigh(to_float(x), UPLO="L", symmetrize_input=False))


def lu_factor(x: Any) -> tuple:
    return tuple(linalg.lu_factor(to_float(x)))


def pinv(x: Any, rcond: Any = None) -> jax.Array:
    x = to_float(x)
    rcond = max(x.shape[-2:]) * jnp.finfo(x.dtype).eps if rcond is None else rcond
    return jnp.linalg.pinv(x, rtol=rcond)


def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    primals = tuple(as_tensor(p) for p in primals)
    tangents = tuple(as_tensor(t, p.dtype) for p, t in zip(primals, tangents, strict=True))
    return jax.jvp(fun, primals, tangents, has_aux=has_aux)


ROWS: dict[str, Callable] = {
    "eig": lambda x: tuple(jnp.linalg.eig(to_float(x))),
    "eigh": eigh,
    "jvp": jvp,
    "lu_factor": lu_factor,
    "pinv": pinv,
    "slogdet": lambda x: tuple(jnp.linalg.slogdet(to_float(x))),
    "solve_triangular": solve_triangular,
}
