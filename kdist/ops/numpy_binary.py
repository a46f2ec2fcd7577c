"""Elementwise functions of two arrays, which broadcast against each other.

The dtype of the result is the one that both promote to (`kdist.backend.result_type`); Python
scalars take the array's side.
Raises, on every backend: ValueError where the shapes do not broadcast.
"""

from __future__ import annotations

from typing import Any

from kdist.ops import explain
from kdist.ops.declare import op

Tensor = Any


@op(explain=explain.broadcast)
def add(x1: Tensor, x2: Tensor) -> Tensor:
    """`x1 + x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.add([1, 2], 3)
        tensor([4, 5], dtype=torch.int32)
        >>> ops.add([[1], [2]], [10.0, 20.0])
        tensor([[11., 21.],
                [12., 22.]])
    """


@op(explain=explain.broadcast)
def subtract(x1: Tensor, x2: Tensor) -> Tensor:
    """`x1 - x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.subtract([4, 5], 3)
        tensor([1, 2], dtype=torch.int32)
    """


@op(explain=explain.broadcast)
def multiply(x1: Tensor, x2: Tensor) -> Tensor:
    """`x1 * x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.multiply([1, 2], 3)
        tensor([3, 6], dtype=torch.int32)
    """


@op(explain=explain.broadcast)
def divide(x1: Tensor, x2: Tensor) -> Tensor:
    """`x1 / x2`; integers give floats.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.divide([1, 2], 2)
        tensor([0.5000, 1.0000])
    """


@op(explain=explain.broadcast)
def true_divide(x1: Tensor, x2: Tensor) -> Tensor:
    """The same as `divide`: `x1 / x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.true_divide([7, 8], 2)
        tensor([3.5000, 4.0000])
    """
    return divide(x1, x2)


@op(explain=explain.broadcast)
def divide_no_nan(x1: Tensor, x2: Tensor) -> Tensor:
    """`x1 / x2`, and 0 where `x2` is 0.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.divide_no_nan([1.0, 2.0], [0.0, 4.0])
        tensor([0.0000, 0.5000])
    """


@op(explain=explain.broadcast)
def floor_divide(x1: Tensor, x2: Tensor) -> Tensor:
    """The quotient `x1 / x2` rounded down.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.floor_divide([7, -7], 2)
        tensor([ 3, -4], dtype=torch.int32)
    """


@op(explain=explain.broadcast)
def mod(x1: Tensor, x2: Tensor) -> Tensor:
    """What `floor_divide` leaves of `x1`; it has the sign of `x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.mod([7, -7], 3), ops.mod([7, -7], -3)
        (tensor([1, 2], dtype=torch.int32), tensor([-2, -1], dtype=torch.int32))
    """


@op(explain=explain.broadcast)
def power(x1: Tensor, x2: Tensor) -> Tensor:
    """`x1` to the power of `x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.power([2, 3], [10, 2])
        tensor([1024,    9], dtype=torch.int32)
    """


@op(explain=explain.broadcast)
def maximum(x1: Tensor, x2: Tensor) -> Tensor:
    """The larger of `x1` and `x2`; NaN where either is.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.maximum([1.0, 5.0, math.nan], 3.0)
        tensor([3., 5., nan])
    """


@op(explain=explain.broadcast)
def minimum(x1: Tensor, x2: Tensor) -> Tensor:
    """The smaller of `x1` and `x2`; NaN where either is.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.minimum([1.0, 5.0, math.nan], 3.0)
        tensor([1., 3., nan])
    """


@op(explain=explain.broadcast)
def logaddexp(x1: Tensor, x2: Tensor) -> Tensor:
    """`log(exp(x1) + exp(x2))` without overflow.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.logaddexp(1000.0, 1000.0)  # 1000 + log(2)
        tensor(1000.6932)
    """


@op(explain=explain.broadcast)
def equal(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: `x1 == x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.equal([1, 2], 2)
        tensor([False,  True])
    """


@op(explain=explain.broadcast)
def not_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: `x1 != x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.not_equal([1, 2], 2)
        tensor([ True, False])
    """


@op(explain=explain.broadcast)
def greater(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: `x1 > x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.greater([1, 2, 3], 2)
        tensor([False, False,  True])
    """


@op(explain=explain.broadcast)
def greater_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: `x1 >= x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.greater_equal([1, 2, 3], 2)
        tensor([False,  True,  True])
    """


@op(explain=explain.broadcast)
def less(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: `x1 < x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.less([1, 2, 3], 2)
        tensor([ True, False, False])
    """


@op(explain=explain.broadcast)
def less_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: `x1 <= x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.less_equal([1, 2, 3], 2)
        tensor([ True,  True, False])
    """


@op(explain=explain.broadcast)
def logical_and(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: both `x1` and `x2` are True (not zero).

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.logical_and([True, True, False], [True, False, False])
        tensor([ True, False, False])
    """


@op(explain=explain.broadcast)
def logical_or(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: at least one of `x1` and `x2` is True (not zero).

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.logical_or([True, True, False], [True, False, False])
        tensor([ True,  True, False])
    """


@op(explain=explain.broadcast)
def logical_xor(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: exactly one of `x1` and `x2` is True (not zero).

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.logical_xor([True, True, False], [True, False, False])
        tensor([False,  True, False])
    """


@op(explain=explain.broadcast)
def isclose(
    x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """bool: `|x1 - x2| <= atol + rtol * |x2|`; two NaN are close if `equal_nan`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.isclose([1.0, 2.0], [1.000001, 2.1])
        tensor([ True, False])
    """
