"""Elementwise functions of two arrays, which broadcast against each other.

The dtype of the result is the one that both promote to (`kdist.backend.result_type`); Python
scalars take the array's side.
Raises, on every backend: the framework's own error where the shapes do not broadcast.
"""

from __future__ import annotations

from typing import Any

from kdist.ops import explain
from kdist.ops.declare import op

Tensor = Any


@op(explain=explain.broadcast)
def add(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 + x2. Example: `add([1, 2], 3)` gives `[4, 5]`."""


@op(explain=explain.broadcast)
def subtract(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 - x2. Example: `subtract([4, 5], 3)` gives `[1, 2]`."""


@op(explain=explain.broadcast)
def multiply(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 * x2. Example: `multiply([1, 2], 3)` gives `[3, 6]`."""


@op(explain=explain.broadcast)
def divide(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 / x2; integers give floats. Example: `divide([1, 2], 2)` gives `[0.5, 1.0]`."""


@op(explain=explain.broadcast)
def true_divide(x1: Tensor, x2: Tensor) -> Tensor:
    """The same as `divide`."""
    return divide(x1, x2)


@op(explain=explain.broadcast)
def divide_no_nan(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 / x2, and 0 where `x2` is 0.

    Example: `divide_no_nan([1.0, 2.0], [0.0, 4.0])` gives `[0.0, 0.5]`.
    """


@op(explain=explain.broadcast)
def floor_divide(x1: Tensor, x2: Tensor) -> Tensor:
    """The quotient rounded down. Example: `floor_divide([7, -7], 2)` gives `[3, -4]`."""


@op(explain=explain.broadcast)
def mod(x1: Tensor, x2: Tensor) -> Tensor:
    """What `floor_divide` leaves; it has the sign of `x2`.

    Example: `mod([7, -7], 3)` gives `[1, 2]`.
    """


@op(explain=explain.broadcast)
def power(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 to the power of x2. Example: `power([2, 3], 2)` gives `[4, 9]`."""


@op(explain=explain.broadcast)
def maximum(x1: Tensor, x2: Tensor) -> Tensor:
    """The larger of the two; NaN where either is. Example: `maximum([1, 5], 3)` gives `[3, 5]`."""


@op(explain=explain.broadcast)
def minimum(x1: Tensor, x2: Tensor) -> Tensor:
    """The smaller of the two; NaN where either is. Example: `minimum([1, 5], 3)` gives `[1, 3]`."""


@op(explain=explain.broadcast)
def logaddexp(x1: Tensor, x2: Tensor) -> Tensor:
    """log(exp(x1) + exp(x2)) without overflow. Example: `logaddexp(0.0, 0.0)` gives log(2)."""


@op(explain=explain.broadcast)
def equal(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: x1 == x2. Example: `equal([1, 2], 2)` gives `[False, True]`."""


@op(explain=explain.broadcast)
def not_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: x1 != x2. Example: `not_equal([1, 2], 2)` gives `[True, False]`."""


@op(explain=explain.broadcast)
def greater(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: x1 > x2. Example: `greater([1, 3], 2)` gives `[False, True]`."""


@op(explain=explain.broadcast)
def greater_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: x1 >= x2. Example: `greater_equal([1, 2], 2)` gives `[False, True]`."""


@op(explain=explain.broadcast)
def less(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: x1 < x2. Example: `less([1, 3], 2)` gives `[True, False]`."""


@op(explain=explain.broadcast)
def less_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: x1 <= x2. Example: `less_equal([2, 3], 2)` gives `[True, False]`."""


@op(explain=explain.broadcast)
def logical_and(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: both are True (not zero).

    Example: `logical_and([True, False], True)` gives `[True, False]`.
    """


@op(explain=explain.broadcast)
def logical_or(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: at least one is True.

    Example: `logical_or([True, False], False)` gives `[True, False]`.
    """


@op(explain=explain.broadcast)
def logical_xor(x1: Tensor, x2: Tensor) -> Tensor:
    """bool: exactly one is True.

    Example: `logical_xor([True, False], True)` gives `[False, True]`.
    """


@op(explain=explain.broadcast)
def isclose(
    x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """bool: |x1 - x2| <= atol + rtol * |x2|; two NaN are close if `equal_nan`.

    Example: `isclose([1.0, 2.0], [1.0, 2.1])` gives `[True, False]`.
    """
