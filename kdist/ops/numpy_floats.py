"""Further elementwise functions of floats: rests, limits, powers of two and the bits of a float.

Integers become floats where the result is not whole. Two arrays broadcast against each other.
"""

from __future__ import annotations

import math
from typing import Any

from kdist.core import dtypes
from kdist.ops import explain, explain_dtypes
from kdist.ops.core import cast, convert_to_tensor, dtype
from kdist.ops.declare import op
from kdist.ops.numpy_binary import (
    add,
    divide,
    divide_no_nan,
    equal,
    floor_divide,
    greater,
    isclose,
    logaddexp,
    logical_or,
    maximum,
    minimum,
    multiply,
    power,
    subtract,
)
from kdist.ops.numpy_complex import view
from kdist.ops.numpy_creation import ones_like, zeros_like
from kdist.ops.numpy_reductions import all, where
from kdist.ops.numpy_unary import absolute, isfinite, isinf, isnan, negative, sign, sqrt
from kdist.ops.promotion import to_float

Tensor = Any


@op(explain=explain.broadcast)
def allclose(
    x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """bool scalar: `isclose` holds for all elements of `x1` and `x2`.

    Arguments:
        rtol, atol, equal_nan: as for `isclose`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.allclose([1.0, 2.0], [1.0, 2.000001])
        tensor(True)
    """
    return all(isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan))


@op(explain=explain.broadcast)
def hypot(x1: Tensor, x2: Tensor) -> Tensor:
    """`sqrt(x1^2 + x2^2)` without overflow.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.hypot(3.0, 4.0)
        tensor(5.)
        >>> ops.hypot(3e30, 4e30)
        tensor(5.0000e+30)
    """
    x1, x2 = (absolute(x) for x in to_float(x1, x2))
    larger = maximum(x1, x2)
    ratio = divide_no_nan(minimum(x1, x2), larger)
    infinite = logical_or(isinf(x1), isinf(x2))
    return where(infinite, float("inf"), multiply(larger, sqrt(add(multiply(ratio, ratio), 1.0))))


@op(explain=explain.broadcast)
def fmax(x1: Tensor, x2: Tensor) -> Tensor:
    """The larger of `x1` and `x2`; where one is NaN, the other.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.fmax([1.0, math.nan], [2.0, 3.0])
        tensor([2., 3.])
    """
    return where(isnan(x1), x2, where(isnan(x2), x1, maximum(x1, x2)))


@op(explain=explain.broadcast)
def fmin(x1: Tensor, x2: Tensor) -> Tensor:
    """The smaller of `x1` and `x2`; where one is NaN, the other.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.fmin([1.0, math.nan], [2.0, 3.0])
        tensor([1., 3.])
    """
    return where(isnan(x1), x2, where(isnan(x2), x1, minimum(x1, x2)))


@op(explain=explain.broadcast)
def fmod(x1: Tensor, x2: Tensor) -> Tensor:
    """What is left of a division cut towards 0.

    It has the sign of `x1`, while `mod` has that of `x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.fmod([7, -7], 3), ops.mod([7, -7], 3)
        (tensor([ 1, -1], dtype=torch.int32), tensor([1, 2], dtype=torch.int32))
    """


@op(explain=explain.broadcast)
def heaviside(x1: Tensor, x2: Tensor) -> Tensor:
    """The step function: 0 where `x1` < 0, `x2` where it is 0, 1 where it is > 0; a float.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.heaviside([-1.0, 0.0, 2.0], 0.5)
        tensor([0.0000, 0.5000, 1.0000])
    """
    x1, x2 = to_float(x1, x2)
    step = cast(greater(x1, 0), dtype(x1))
    return where(isnan(x1), x1, where(equal(x1, 0), x2, step))


@op(explain=explain.broadcast, integers=("x2",))
def ldexp(x1: Tensor, x2: Tensor) -> Tensor:
    """`x1 * 2^x2`, with integers `x2`; also where 2^x2 alone would overflow.

    Raises: TypeError if `x2` is not of an integer dtype.

    Example:
        >>> ops.ldexp([0.5, 3.0], [2, 1])
        tensor([2., 6.])
    """
    x1, x2 = convert_to_tensor(x1), convert_to_tensor(x2)
    explain_dtypes.unfit("ldexp", {"x2": x2})
    exact = to_float(x1, x2)[0]
    half = floor_divide(x2, 2)
    powers = [
        power(cast(2, dtype(exact)), cast(e, dtype(exact))) for e in (half, subtract(x2, half))
    ]
    return multiply(multiply(exact, powers[0]), powers[1])


@op(explain=explain.broadcast)
def logaddexp2(x1: Tensor, x2: Tensor) -> Tensor:
    """`log2(2^x1 + 2^x2)` without overflow.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.logaddexp2([1.0, 500.0], [1.0, 500.0])
        tensor([  2., 501.])
    """
    x1, x2 = to_float(x1, x2)
    return divide(logaddexp(x1 * math.log(2), x2 * math.log(2)), math.log(2))


@op(explain=explain.broadcast)
def nextafter(x1: Tensor, x2: Tensor) -> Tensor:
    """The float next to `x1` on the way to `x2`.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> float(ops.nextafter(1.0, 2.0)) - 1.0 == 2**-23
        True
    """
    x1, x2 = to_float(x1, x2)
    x1 = add(x1, zeros_like(x2))  # broadcast
    bits = view(x1, f"int{8 * dtypes.size_in_bytes(dtype(x1))}")
    # The bits of a float, read as an integer, count floats from 0 outwards.
    outwards = equal(greater(x2, x1), greater(x1, 0))
    beside = view(where(outwards, add(bits, 1), subtract(bits, 1)), dtype(x1))
    tiny = view(ones_like(bits), dtype(x1))
    beside = where(equal(x1, 0), where(greater(x2, 0), tiny, negative(tiny)), beside)
    beside = where(equal(x1, x2), x2, beside)
    return where(logical_or(isnan(x1), isnan(x2)), float("nan"), beside)


@op
def cbrt(x: Tensor) -> Tensor:
    """Cube root of `x`, of negative numbers too.

    Example:
        >>> ops.cbrt([-8.0, 27.0])
        tensor([-2.,  3.])
    """
    x = to_float(x)
    root = power(absolute(x), 1 / 3)
    # One step of Newton: 1 / 3 is no float, so that the power alone is off by a few roundings.
    exact = root - divide_no_nan(root * root * root - absolute(x), 3 * root * root)
    return sign(x) * where(isfinite(exact), exact, root)


@op
def exp2(x: Tensor) -> Tensor:
    """2 to the power of `x`.

    Example:
        >>> ops.exp2([3, -1])
        tensor([8.0000, 0.5000])
    """
    return power(2.0, x)


@op
def fabs(x: Tensor) -> Tensor:
    """Magnitude of `x` as a float.

    Example:
        >>> ops.fabs([-2, 3])
        tensor([2., 3.])
    """
    return absolute(to_float(x))


@op
def trunc(x: Tensor) -> Tensor:
    """Whole part of `x`, cut towards 0; integers stay.

    Example:
        >>> ops.trunc([-1.7, 1.7])
        tensor([-1.,  1.])
    """


@op
def signbit(x: Tensor) -> Tensor:
    """bool: the sign of `x` is minus, that of -0.0 included.

    Example:
        >>> ops.signbit([-0.0, 0.0, -3.0])
        tensor([ True, False,  True])
    """


@op
def isneginf(x: Tensor) -> Tensor:
    """bool: `x` is minus infinity.

    Example:
        >>> ops.isneginf([1.0, math.inf, -math.inf])
        tensor([False, False,  True])
    """
    return equal(x, float("-inf"))


@op
def isposinf(x: Tensor) -> Tensor:
    """bool: `x` is plus infinity.

    Example:
        >>> ops.isposinf([1.0, math.inf, -math.inf])
        tensor([False,  True, False])
    """
    return equal(x, float("inf"))
