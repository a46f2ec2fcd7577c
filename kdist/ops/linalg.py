"""Linear algebra on the last two axes: matrices (..., n, m), any leading axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.ops import explain_linalg
from kdist.ops.checks import at_least, dtype_of, known_matrices, same, square, system
from kdist.ops.declare import op
from kdist.ops.numpy_binary import greater, multiply
from kdist.ops.numpy_creation import eye, zeros_like
from kdist.ops.numpy_products import matmul
from kdist.ops.numpy_reductions import max as largest
from kdist.ops.numpy_reductions import sum as total
from kdist.ops.numpy_shaping import expand_dims, squeeze, swapaxes
from kdist.ops.promotion import to_float

Tensor = Any


def _tolerance(x: Any) -> float:
    """max(n, m) times the spacing of floats at 1.

    This is what rounding leaves of a singular value that is 0, relative to the largest (Press et
    al. 2007, Numerical Recipes, section 2.6).
    """
    dtype = dtype_of(x)
    return max(x.shape[-2:]) * float(np.finfo(dtype if dtype == "float64" else "float32").eps)


@op(explain=explain_linalg.norm)
def norm(x: Tensor, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """A vector norm (`axis` an int) or matrix norm (`axis` a pair).

    axis=None: of all elements, or of a matrix if `ord` is given.

    Arguments:
        x: any shape.
        ord: vectors: None or 2 Euclidean, 1, inf, -inf, 0, any number; matrices: None or "fro",
            "nuc", 1, -1, 2, -2, inf, -inf.
        keepdims: whether these axes stay, with size 1.

    Example:
        >>> ops.norm([[3.0, 4.0], [6.0, 8.0]], axis=1)
        tensor([ 5., 10.])
        >>> ops.norm([3.0, -4.0], ord=1)
        tensor(7.)
    """


@op(explain=square)
def det(x: Tensor) -> Tensor:
    """Determinant, (..., n, n) -> (...).

    Raises: ValueError if `x` is not square.

    Example:
        >>> ops.det([[1.0, 2.0], [3.0, 4.0]])
        tensor(-2.)
    """


@op(explain=square)
def inv(x: Tensor) -> Tensor:
    """Inverse, (..., n, n).

    Raises: ValueError if `x` is not square.

    Example:
        >>> ops.inv([[2.0, 0.0], [0.0, 4.0]])
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """


@op(check=lambda a, b: system("solve", a, b))
def solve(a: Tensor, b: Tensor) -> Tensor:
    """x with a @ x = b; a (..., n, n), b (..., n) or (..., n, k).

    Raises: ValueError if `a` is not square, or `b` has another n.

    Example:
        >>> ops.solve([[2.0, 1.0], [1.0, 1.0]], [5.0, 3.0])
        tensor([2., 1.])
    """


@op(explain=lambda name, x, upper=False: square(name, x))
def cholesky(x: Tensor, upper: bool = False) -> Tensor:
    """Lower L with L @ L.T = x, or upper U with U.T @ U = x.

    Arguments:
        x: (..., n, n), symmetric and positive definite.
        upper: whether U is wanted, and not L.

    Raises: ValueError if `x` is not square.

    Example:
        >>> ops.cholesky([[4.0, 2.0], [2.0, 5.0]])
        tensor([[2., 0.],
                [1., 2.]])
    """


def _qr(x: Any, mode: str = "reduced") -> None:
    if mode not in ("reduced", "complete"):
        raise ValueError(
            "qr: `mode` argument value not supported. Expected one of {'reduced', 'complete'}. "
            f"Received: mode={mode}"
        )
    known_matrices("qr", x)


@op(check=_qr)
def qr(x: Tensor, mode: str = "reduced") -> Any:
    """x = q @ r, q with orthonormal columns and r upper triangular.

    Arguments:
        x: (..., n, m).
        mode: "reduced": q (..., n, k), r (..., k, m) with k = min(n, m); "complete": q (..., n, n),
            r (..., n, m).

    Returns: `(q, r)`.
    Raises: ValueError for another mode, and for less than two axes.

    Example:
        >>> x = random.normal((4, 2), seed=0)
        >>> q, r = ops.qr(x)
        >>> q.shape, r.shape, ops.allclose(q @ r, x, atol=1e-6)
        (torch.Size([4, 2]), torch.Size([2, 2]), tensor(True))
    """


@op(explain=lambda name, x, full_matrices=True, compute_uv=True: known_matrices(name, x))
def svd(x: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """x = u @ diag(s) @ vh, s descending.

    Arguments:
        x: (..., n, m).
        full_matrices: whether u and vh are square; else they have as many columns and rows as s.
        compute_uv: whether u and vh are wanted.

    Returns: `(u, s, vh)`, or `s` without `compute_uv`.
    Raises: ValueError for less than two axes.

    Example:
        >>> x = random.normal((4, 2), seed=0)
        >>> u, s, vh = ops.svd(x, full_matrices=False)
        >>> u.shape, s.shape, vh.shape, ops.allclose(u * s @ vh, x, atol=1e-6)
        (torch.Size([4, 2]), torch.Size([2]), torch.Size([2, 2]), tensor(True))
        >>> ops.round(ops.svd([[0.0, 3.0], [-4.0, 0.0]], compute_uv=False), 3)
        tensor([4., 3.])
    """


@op(check=lambda x, upper=False: square("cholesky_inverse", x))
def cholesky_inverse(x: Tensor, upper: bool = False) -> Tensor:
    """Inverse of the matrix of which `x` is the Cholesky factor.

    That is x @ x.T, or x.T @ x if `upper`.

    Raises: ValueError if `x` is not square.

    Example:
        >>> ops.cholesky_inverse([[2.0, 0.0], [1.0, 1.0]])  # of [[4, 2], [2, 2]]
        tensor([[ 0.5000, -0.5000],
                [-0.5000,  1.0000]])
    """
    x = to_float(x)
    identity = zeros_like(x) + eye(x.shape[-1], dtype=dtype_of(x))
    inverse = solve_triangular(x, identity, lower=not upper)
    transposed = swapaxes(inverse, -1, -2)
    return matmul(inverse, transposed) if upper else matmul(transposed, inverse)


@op(check=lambda a, b, lower=False: system("solve_triangular", a, b))
def solve_triangular(a: Tensor, b: Tensor, lower: bool = False) -> Tensor:
    """x with a @ x = b for a triangular `a` (..., n, n), the other half of which is not read.

    Arguments:
        b: (..., n) or (..., n, k).
        lower: whether `a` is lower triangular.

    Raises: ValueError if `a` is not square, or `b` has another n.

    Example:
        >>> ops.solve_triangular([[2.0, 0.0], [1.0, 1.0]], [2.0, 3.0], lower=True)
        tensor([1., 2.])
    """


@op(explain=square)
def eig(x: Tensor) -> Any:
    """Eigenvalues (..., n) and right eigenvectors, the columns of (..., n, n), both complex.

    Their order and the vectors' phases are the framework's. jax has it on the CPU alone.

    Returns: `(values, vectors)`.
    Raises: ValueError if `x` is not square.

    Example:
        >>> values, vectors = ops.eig([[2.0, 1.0], [0.0, 3.0]])
        >>> ops.sort(ops.real(values)), vectors.shape
        (tensor([2., 3.]), torch.Size([2, 2]))
    """


@op(explain=square)
def eigh(x: Tensor) -> Any:
    """Eigenvalues and eigenvectors of symmetric (Hermitian) matrices.

    The values (..., n) ascend; the vectors are orthonormal, the columns of (..., n, n). The lower
    triangle is read.

    Returns: `(values, vectors)`.
    Raises: ValueError if `x` is not square.

    Example:
        >>> values, vectors = ops.eigh([[2.0, 1.0], [1.0, 2.0]])
        >>> ops.round(values, 3), ops.abs(vectors)
        (tensor([1., 3.]), tensor([[0.7071, 0.7071],
                [0.7071, 0.7071]]))
    """


@op(explain=known_matrices)
def lu_factor(x: Tensor) -> Any:
    """LU factors of `x` (..., n, m) with partial pivoting, packed as LAPACK's getrf packs them.

    Returns: `(lu, pivots)`: lu (..., n, m) with U in its upper triangle and L, whose diagonal is 1,
    below it; pivots (..., min(n, m)) int32: row i was exchanged with row pivots[i], in turn from
    i = 0.
    Raises: ValueError for less than two axes.

    Example:
        >>> lu, pivots = ops.lu_factor([[0.0, 1.0], [2.0, 3.0]])
        >>> lu, pivots
        (tensor([[2., 3.],
                [0., 1.]]), tensor([1, 1], dtype=torch.int32))
    """


@op(check=lambda x, tol=None: at_least("matrix_rank", x, 2))
def matrix_rank(x: Tensor, tol: Any = None) -> Tensor:
    """Number of singular values above `tol`: (...) int32.

    Arguments:
        x: (..., n, m).
        tol: a number, or one for each matrix; default: the largest singular value times max(n, m)
            times the spacing of floats.

    Raises: ValueError for less than two axes.

    Example:
        >>> ops.matrix_rank([[1.0, 1.0], [1.0, 1.0]])
        tensor(1, dtype=torch.int32)
    """
    x = to_float(x)
    s = svd(x, compute_uv=False)
    if tol is None:
        limit = multiply(largest(s, axis=-1, keepdims=True), _tolerance(x))
    else:
        limit = expand_dims(tol, -1)
    return total(greater(s, limit), axis=-1)


@op(check=lambda x, rcond=None: at_least("pinv", x, 2))
def pinv(x: Tensor, rcond: Any = None) -> Tensor:
    """Pseudo-inverse of `x` (Moore and Penrose): (..., n, m) -> (..., m, n).

    Arguments:
        rcond: singular values up to `rcond` times the largest count as 0; default: max(n, m) times
            the spacing of floats.

    Raises: ValueError for less than two axes.

    Example:
        >>> ops.pinv([[1.0], [1.0]])
        tensor([[0.5000, 0.5000]])
    """


def _lstsq(a: Any, b: Any, rcond: Any = None) -> None:
    left, right = at_least("lstsq", a, 2, "a"), at_least("lstsq", b, 1, "b")
    if len(left) != 2 or len(right) > 2 or not same(left[:1], right[:1]):
        raise ValueError(
            "lstsq: a must be (n, m) and b (n,) or (n, k) with the same n. Received: "
            f"a.shape={left}, b.shape={right}."
        )


@op(check=_lstsq)
def lstsq(a: Tensor, b: Tensor, rcond: Any = None) -> Tensor:
    """The x of least norm among those that minimise |a @ x - b|: pinv(a) @ b.

    Arguments:
        a: (n, m).
        b: (n,) or (n, k).
        rcond: as for `pinv`; negative: the spacing of floats.

    Returns: (m,) or (m, k).
    Raises: ValueError for other shapes.

    Example:
        >>> points = ops.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])  # columns: x, 1
        >>> ops.round(ops.lstsq(points, ops.array([1.0, 3.0, 5.0])), 3)  # slope and offset
        tensor([2., 1.])
    """
    a, b = to_float(a, b)
    if rcond is not None and rcond < 0:
        rcond = _tolerance(a) / max(a.shape)
    inverse = pinv(a, rcond)
    if len(b.shape) == 1:
        return squeeze(matmul(inverse, expand_dims(b, -1)), -1)
    return matmul(inverse, b)


@op
def jvp(fun: Any, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """Value of `fun` and its derivative along `tangents`, in one forward pass.

    Arguments:
        fun: a function of the tensors `primals`.
        primals, tangents: tuples of equal length, shapes and dtypes.
        has_aux: `fun` returns `(value, aux)`, and aux is handed on.

    Returns: `(value, derivative)`, or `(value, derivative, aux)`.

    Example:
        >>> ops.jvp(lambda x, y: x * y, (3.0, 5.0), (1.0, 0.0))  # y is the slope in x
        (tensor(15.), tensor(5.))
    """
