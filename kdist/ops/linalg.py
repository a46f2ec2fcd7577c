"""Linear algebra on the last two axes: matrices (..., n, m), any leading axes."""

from __future__ import annotations

from typing import Any

from kdist.ops.declare import op

Tensor = Any


@op
def norm(x: Tensor, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """A vector norm (`axis` an int) or matrix norm (`axis` a pair); axis=None: of all elements, or
    of a matrix if `ord` is given.

    Arguments:
        ord: vectors: None or 2 Euclidean, 1, inf, -inf, 0, any number; matrices: None or "fro",
            "nuc", 1, -1, 2, -2, inf, -inf.

    Example: `norm([3.0, 4.0])` gives 5.0.
    """


@op
def det(x: Tensor) -> Tensor:
    """Determinant, (..., n, n) -> (...). Example: `det([[1.0, 2.0], [3.0, 4.0]])` gives -2.0."""


@op
def inv(x: Tensor) -> Tensor:
    """Inverse, (..., n, n).

    Example: `inv([[2.0, 0.0], [0.0, 4.0]])` gives `[[0.5, 0.0], [0.0, 0.25]]`.
    """


@op
def solve(a: Tensor, b: Tensor) -> Tensor:
    """x with a @ x = b; a (..., n, n), b (..., n) or (..., n, k).

    Example: `solve([[2.0]], [[6.0]])` gives `[[3.0]]`.
    """


@op
def cholesky(x: Tensor, upper: bool = False) -> Tensor:
    """Lower L with L @ L.T = x (upper U with U.T @ U = x), x symmetric and positive definite.

    Example: `cholesky([[4.0]])` gives `[[2.0]]`.
    """


@op
def qr(x: Tensor, mode: str = "reduced") -> Any:
    """x = q @ r, q with orthonormal columns and r upper triangular.

    Arguments:
        mode: "reduced": q (..., n, k), r (..., k, m) with k = min(n, m); "complete": q (..., n, n),
            r (..., n, m).

    Returns: `(q, r)`. Example: `q, r = qr(x)`.
    """


@op
def svd(x: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """x = u @ diag(s) @ vh, s descending.

    Returns: `(u, s, vh)`, or `s` without `compute_uv`. Example: `u, s, vh = svd(x)`.
    """
