"""Functions of the bits and the divisors of integers. Two arrays broadcast; their dtypes promote."""

from __future__ import annotations

from typing import Any

from kdist.ops import explain
from kdist.ops.declare import op

Tensor = Any


@op(explain=explain.broadcast, integers=("x", "y"))
def bitwise_and(x: Tensor, y: Tensor) -> Tensor:
    """The bits that both `x` and `y` have.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.bitwise_and([0b110], [0b011])
        tensor([2], dtype=torch.int32)
    """


@op(explain=explain.broadcast, integers=("x", "y"))
def bitwise_or(x: Tensor, y: Tensor) -> Tensor:
    """The bits that `x` or `y` has, or both.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.bitwise_or([0b110], [0b011])
        tensor([7], dtype=torch.int32)
    """


@op(explain=explain.broadcast, integers=("x", "y"))
def bitwise_xor(x: Tensor, y: Tensor) -> Tensor:
    """The bits that exactly one of `x` and `y` has.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.bitwise_xor([0b110], [0b011])
        tensor([5], dtype=torch.int32)
    """


@op(integers=("x",))
def bitwise_not(x: Tensor) -> Tensor:
    """Every bit of `x` the other way: -x - 1 for signed integers, the logical opposite for booleans.

    Example:
        >>> ops.bitwise_not([5, -1])
        tensor([-6,  0], dtype=torch.int32)
        >>> ops.bitwise_not([True, False])
        tensor([False,  True])
    """


@op(integers=("x",))
def bitwise_invert(x: Tensor) -> Tensor:
    """The same as `bitwise_not` of `x`.

    Example:
        >>> ops.bitwise_invert([5, -1])
        tensor([-6,  0], dtype=torch.int32)
    """
    return bitwise_not(x)


@op(explain=explain.broadcast, integers=("x", "y"))
def bitwise_left_shift(x: Tensor, y: Tensor) -> Tensor:
    """Bits of `x` moved up by `y` places: x * 2^y.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.bitwise_left_shift([3, 5], 2)
        tensor([12, 20], dtype=torch.int32)
    """


@op(explain=explain.broadcast, integers=("x", "y"))
def left_shift(x: Tensor, y: Tensor) -> Tensor:
    """The same as `bitwise_left_shift` of `x` by `y`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.left_shift(1, [0, 1, 2, 3])
        tensor([1, 2, 4, 8], dtype=torch.int32)
    """
    return bitwise_left_shift(x, y)


@op(explain=explain.broadcast, integers=("x", "y"))
def bitwise_right_shift(x: Tensor, y: Tensor) -> Tensor:
    """Bits of `x` moved down by `y` places: x / 2^y rounded down.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.bitwise_right_shift([12, -5], 1)
        tensor([ 6, -3], dtype=torch.int32)
    """


@op(explain=explain.broadcast, integers=("x", "y"))
def right_shift(x: Tensor, y: Tensor) -> Tensor:
    """The same as `bitwise_right_shift` of `x` by `y`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.right_shift(8, [0, 1, 2, 3])
        tensor([8, 4, 2, 1], dtype=torch.int32)
    """
    return bitwise_right_shift(x, y)


@op(explain=explain.broadcast, integers=("x1", "x2"))
def gcd(x1: Tensor, x2: Tensor) -> Tensor:
    """Greatest common divisor of `x1` and `x2`, not negative; gcd(0, x) is |x|.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.gcd([12, 0], [18, -5])
        tensor([6, 5], dtype=torch.int32)
    """


@op(explain=explain.broadcast, integers=("x1", "x2"))
def lcm(x1: Tensor, x2: Tensor) -> Tensor:
    """Least common multiple of `x1` and `x2`, not negative; 0 where either is.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.lcm([4, 0], [6, 5])
        tensor([12,  0], dtype=torch.int32)
    """
