"""Products of vectors, matrices and tensors."""

from __future__ import annotations

from typing import Any

from kdist.ops import explain, explain_products
from kdist.ops.checks import square
from kdist.ops.declare import op

Tensor = Any


@op(explain=explain_products.product)
def matmul(x1: Tensor, x2: Tensor) -> Tensor:
    """Matrix product of `x1` and `x2` over the last two axes, the others broadcasting.

    (..., n, k) @ (..., k, m) -> (..., n, m).

    A 1-D operand is a row on the left and a column on the right, and its axis is dropped. int8 @
    int8 gives int32.

    Raises: ValueError for scalars, and where the axes that are summed differ in size.

    Example:
        >>> ops.matmul([[1, 2], [3, 4]], [5, 6])
        tensor([17, 39], dtype=torch.int32)
        >>> ops.matmul(ops.ones((7, 2, 3)), ops.ones((3, 4))).shape
        torch.Size([7, 2, 4])
    """


@op(explain=explain_products.product)
def dot(x1: Tensor, x2: Tensor) -> Tensor:
    """Sum of products over the last axis of `x1` and the second-to-last of `x2`.

    Its only one, if it is 1-D.

    Raises: ValueError for scalars, and where the axes that are summed differ in size.

    Example:
        >>> ops.dot([1, 2], [3, 4])
        tensor(11, dtype=torch.int32)
        >>> ops.dot(ops.ones((2, 3)), ops.ones((5, 3, 4))).shape
        torch.Size([2, 5, 4])
    """


@op(explain=explain_products.vdot)
def vdot(x1: Tensor, x2: Tensor) -> Tensor:
    """Sum of products of the flattened `x1`, conjugated, and `x2`.

    Example:
        >>> ops.vdot([[1, 2]], [[3, 4]])
        tensor(11, dtype=torch.int32)
        >>> ops.vdot(ops.array([1j]), ops.array([1j]))
        tensor(1.+0.j)
    """


@op
def outer(x1: Tensor, x2: Tensor) -> Tensor:
    """Every product of an element of `x1` and one of `x2`, both flattened: (n,), (m,) -> (n, m).

    Example:
        >>> ops.outer([1, 2], [3, 4])
        tensor([[3, 4],
                [6, 8]], dtype=torch.int32)
    """


@op(explain=explain_products.cross)
def cross(
    x1: Tensor,
    x2: Tensor,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    """Cross product of 3-vectors (or 2-vectors) that lie along `axisa` and `axisb`.

    The result's lie along `axisc`.

    `axis` stands for all three.

    Arguments:
        x1, x2: (..., 3) or (..., 2), broadcasting.

    Example:
        >>> ops.cross([1, 0, 0], [0, 1, 0])
        tensor([0, 0, 1], dtype=torch.int32)
    """


@op(explain=explain_products.tensordot)
def tensordot(x1: Tensor, x2: Tensor, axes: Any = 2) -> Tensor:
    """Sum of products over the last `axes` axes of `x1` and the first of `x2`.

    Or over the pairs `axes = (axes of x1, axes of x2)`.

    Example:
        >>> ops.tensordot(ops.ones((2, 3, 4)), ops.ones((4, 5)), axes=1).shape
        torch.Size([2, 3, 5])
        >>> ops.tensordot([[1, 2], [3, 4]], [[1, 0], [0, 1]], axes=[[0, 1], [0, 1]])
        tensor(5, dtype=torch.int32)
    """


@op(explain=explain_products.einsum)
def einsum(subscripts: str, *operands: Tensor, **kwargs: Any) -> Tensor:
    """Sum of products in Einstein's notation.

    Arguments:
        subscripts: e.g. "bij,bjk->bik"; "..." stands for further axes.
        *operands: one tensor per term.

    Example:
        >>> ops.einsum("ij,j->i", [[1, 2], [3, 4]], [1, 1])
        tensor([3, 7], dtype=torch.int32)
        >>> ops.einsum("...ij->...ji", ops.ones((5, 2, 3))).shape
        torch.Size([5, 3, 2])
    """


@op(explain=explain.diagonal)
def trace(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Sum along the `offset`-th diagonal of two axes.

    Arguments:
        offset: above the main diagonal if positive, below if negative.
        axis1, axis2: the two axes.

    Raises: ValueError for axes that `x` has not, or twice the same.

    Example:
        >>> ops.trace([[1, 2], [3, 4]])
        tensor(5, dtype=torch.int32)
    """


@op(explain=square)
def slogdet(x: Tensor) -> Any:
    """Sign of the determinant and logarithm of its size, which overflow later than `det`.

    (..., n, n) -> (...), (...).

    Returns: `(sign, log)` with det = sign * exp(log).
    Raises: ValueError if `x` is not square.

    Example:
        >>> sign, log = ops.slogdet([[0.0, 1.0], [2.0, 0.0]])
        >>> sign, log, ops.round(sign * ops.exp(log), 3)
        (tensor(-1.), tensor(0.6931), tensor(-2.))
    """
