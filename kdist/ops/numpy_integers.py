"""Functions of the bits and the divisors of integers. Two arrays broadcast; their dtypes promote."""

from __future__ import annotations

from typing import Any

from kdist.ops import explain
from kdist.ops.declare import op

Tensor = Any


@op(explain=explain.broadcast)
def bitwise_and(x: Tensor, y: Tensor) -> Tensor:
    """The bits that both have. Example: `bitwise_and([6], [3])` gives `[2]`."""


@op(explain=explain.broadcast)
def bitwise_or(x: Tensor, y: Tensor) -> Tensor:
    """The bits that at least one has. Example: `bitwise_or([6], [3])` gives `[7]`."""


@op(explain=explain.broadcast)
def bitwise_xor(x: Tensor, y: Tensor) -> Tensor:
    """The bits that exactly one has. Example: `bitwise_xor([6], [3])` gives `[5]`."""


@op
def bitwise_not(x: Tensor) -> Tensor:
    """Every bit the other way: -x - 1 for signed integers, the logical opposite for booleans.

    Example: `bitwise_not([5])` gives `[-6]`.
    """


@op
def bitwise_invert(x: Tensor) -> Tensor:
    """The same as `bitwise_not`."""
    return bitwise_not(x)


@op(explain=explain.broadcast)
def bitwise_left_shift(x: Tensor, y: Tensor) -> Tensor:
    """Bits moved up by `y` places: x * 2^y. Example: `bitwise_left_shift([3], 2)` gives `[12]`."""


@op(explain=explain.broadcast)
def left_shift(x: Tensor, y: Tensor) -> Tensor:
    """The same as `bitwise_left_shift`."""
    return bitwise_left_shift(x, y)


@op(explain=explain.broadcast)
def bitwise_right_shift(x: Tensor, y: Tensor) -> Tensor:
    """Bits moved down by `y` places: x / 2^y rounded down.

    Example: `bitwise_right_shift([-5], 1)` gives `[-3]`.
    """


@op(explain=explain.broadcast)
def right_shift(x: Tensor, y: Tensor) -> Tensor:
    """The same as `bitwise_right_shift`."""
    return bitwise_right_shift(x, y)


@op(explain=explain.broadcast)
def gcd(x1: Tensor, x2: Tensor) -> Tensor:
    """Greatest common divisor, not negative; gcd(0, x) is |x|. Example: `gcd(12, 18)` gives 6."""


@op(explain=explain.broadcast)
def lcm(x1: Tensor, x2: Tensor) -> Tensor:
    """Least common multiple, not negative; 0 where either is. Example: `lcm(4, 6)` gives 12."""
