"""Products of all pairs of elements, and powers: functions that build a table."""

from __future__ import annotations

import operator
from typing import Any

from kdist.ops import explain_products
from kdist.ops.core import convert_to_tensor, dtype, ndim, shape
from kdist.ops.declare import op
from kdist.ops.numpy_binary import multiply, power
from kdist.ops.numpy_creation import arange, ones_like
from kdist.ops.numpy_products import tensordot
from kdist.ops.numpy_shaping import concatenate, expand_dims, flip, reshape

Tensor = Any


@op(explain=explain_products.inner)
def inner(x1: Tensor, x2: Tensor) -> Tensor:
    """Sums of products over the last axes: `x1` (..., n), `x2` (***, n) -> (..., ***).

    A scalar multiplies.

    Raises: ValueError where the last axes differ in size.

    Example:
        >>> ops.inner([1, 2], [3, 4])
        tensor(11, dtype=torch.int32)
        >>> ops.inner(ops.ones((2, 4)), ops.ones((5, 4))).shape
        torch.Size([2, 5])
    """
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    if ndim(x1) == 0 or ndim(x2) == 0:
        return multiply(x1, x2)
    return tensordot(x1, x2, axes=((-1,), (-1,)))


@op
def kron(x1: Tensor, x2: Tensor) -> Tensor:
    """Kronecker product: a block `x2`, multiplied by it, for each element of `x1`.

    Example:
        >>> ops.kron([1, 2], [1, 10])
        tensor([ 1, 10,  2, 20], dtype=torch.int32)
    """
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    rank = max(ndim(x1), ndim(x2))
    outer, inner = ((1,) * (rank - ndim(x)) + tuple(shape(x)) for x in (x1, x2))
    left = reshape(x1, [n for size in outer for n in (size, 1)])
    right = reshape(x2, [n for size in inner for n in (1, size)])
    return reshape(multiply(left, right), [a * b for a, b in zip(outer, inner, strict=True)])


@op
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Powers of the elements of `x` as columns, from N - 1 down to 0, or up if `increasing`.

    Arguments:
        x: (n,).
        N: number of columns, n by default.

    Raises: ValueError if `x` is not 1-D.

    Example:
        >>> ops.vander([2, 3], 3)
        tensor([[4, 2, 1],
                [9, 3, 1]], dtype=torch.int32)
    """
    x = convert_to_tensor(x)
    if ndim(x) != 1:
        raise ValueError(f"vander: x must have one axis, and has shape {tuple(shape(x))}.")
    count = shape(x)[0] if N is None else operator.index(N)
    if isinstance(count, int) and count < 1:
        return reshape(x, (-1, 1))[:, :0]
    column = expand_dims(x, -1)
    # 1 is a column of its own: the gradient of x^0 at 0 would be NaN.
    kind = {"bool": "int32", "complex64": "float32", "complex128": "float64"}.get(
        dtype(x), dtype(x)
    )
    powers = power(column, arange(1, count, dtype=kind))
    table = concatenate([ones_like(column), powers], axis=1)
    return table if increasing else flip(table, axis=1)
