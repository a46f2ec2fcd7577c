"""Elementwise functions of one array. Each keeps the shape of `x`.

Where the result is not whole (roots, exponentials, trigonometry), integers become the default float
type and floats keep theirs.
"""

from __future__ import annotations

from typing import Any

from kdist.ops import explain
from kdist.ops.declare import op

Tensor = Any


@op
def absolute(x: Tensor) -> Tensor:
    """Magnitude of each element of `x`.

    Example:
        >>> ops.absolute([-1.5, 2.0])
        tensor([1.5000, 2.0000])
    """


@op
def abs(x: Tensor) -> Tensor:
    """The same as `absolute`: the magnitude of `x`.

    Example:
        >>> ops.abs([-3, 0, 5])
        tensor([3, 0, 5], dtype=torch.int32)
    """
    return absolute(x)


@op
def negative(x: Tensor) -> Tensor:
    """Each element of `x` times -1.

    Example:
        >>> ops.negative([1, -2])
        tensor([-1,  2], dtype=torch.int32)
    """


@op
def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1 by the sign of each element of `x`.

    Example:
        >>> ops.sign([-3, 0, 5])
        tensor([-1,  0,  1], dtype=torch.int32)
    """


@op
def reciprocal(x: Tensor) -> Tensor:
    """`1 / x`.

    Example:
        >>> ops.reciprocal([4.0, -0.5])
        tensor([ 0.2500, -2.0000])
    """


@op
def square(x: Tensor) -> Tensor:
    """`x * x`.

    Example:
        >>> ops.square([3, -4])
        tensor([ 9, 16], dtype=torch.int32)
    """


@op
def sqrt(x: Tensor) -> Tensor:
    """Non-negative square root of `x`; NaN for negative numbers.

    Example:
        >>> ops.sqrt([4, 2, -1])
        tensor([2.0000, 1.4142,    nan])
    """


@op
def exp(x: Tensor) -> Tensor:
    """e to the power of `x`.

    Example:
        >>> ops.exp([0, 1, -math.inf])
        tensor([1.0000, 2.7183, 0.0000])
    """


@op
def expm1(x: Tensor) -> Tensor:
    """`exp(x) - 1`, exact also for tiny `x`.

    Example:
        >>> ops.expm1([1e-10, 1.0])
        tensor([1.0000e-10, 1.7183e+00])
    """


@op
def log(x: Tensor) -> Tensor:
    """Natural logarithm of `x`; -inf at 0, NaN below.

    Example:
        >>> ops.log([1.0, math.e, 0.0, -1.0])
        tensor([0., 1., -inf, nan])
    """


@op
def log10(x: Tensor) -> Tensor:
    """Logarithm of `x` to base 10.

    Example:
        >>> ops.log10([100.0, 0.001])
        tensor([ 2., -3.])
    """


@op
def log1p(x: Tensor) -> Tensor:
    """`log(1 + x)`, exact also for tiny `x`.

    Example:
        >>> ops.log1p([1e-10, math.e - 1])
        tensor([1.0000e-10, 1.0000e+00])
    """


@op
def log2(x: Tensor) -> Tensor:
    """Logarithm of `x` to base 2.

    Example:
        >>> ops.log2([8, 0.25])
        tensor([ 3., -2.])
    """


@op
def sin(x: Tensor) -> Tensor:
    """Sine of `x`, in radians.

    Example:
        >>> ops.sin([0.0, math.pi / 6, math.pi / 2])
        tensor([0.0000, 0.5000, 1.0000])
    """


@op
def cos(x: Tensor) -> Tensor:
    """Cosine of `x`, in radians.

    Example:
        >>> ops.cos([0.0, math.pi / 3, math.pi])
        tensor([ 1.0000,  0.5000, -1.0000])
    """


@op
def tan(x: Tensor) -> Tensor:
    """Tangent of `x`, in radians.

    Example:
        >>> ops.tan([0.0, math.pi / 4])
        tensor([0., 1.])
    """


@op
def sinh(x: Tensor) -> Tensor:
    """Hyperbolic sine, `(e^x - e^-x) / 2`.

    Example:
        >>> ops.sinh([0.0, math.log(2)])
        tensor([0.0000, 0.7500])
    """


@op
def cosh(x: Tensor) -> Tensor:
    """Hyperbolic cosine, `(e^x + e^-x) / 2`.

    Example:
        >>> ops.cosh([0.0, math.log(2)])
        tensor([1.0000, 1.2500])
    """


@op
def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent of `x`, between -1 and 1.

    Example:
        >>> ops.tanh([-math.inf, 0.0, math.log(2)])
        tensor([-1.0000,  0.0000,  0.6000])
    """


@op
def ceil(x: Tensor) -> Tensor:
    """The least whole number not below `x`, as a float.

    Example:
        >>> ops.ceil([1.2, -1.2])
        tensor([ 2., -1.])
    """


@op
def floor(x: Tensor) -> Tensor:
    """The largest whole number not above `x`, as a float.

    Example:
        >>> ops.floor([1.8, -1.8])
        tensor([ 1., -2.])
    """


@op
def round(x: Tensor, decimals: int = 0) -> Tensor:
    """Round `x` to `decimals` digits after the point; halves go to the even neighbour.

    Example:
        >>> ops.round([0.5, 1.5, 2.5])
        tensor([0., 2., 2.])
        >>> ops.round([3.14159], decimals=2)
        tensor([3.1400])
    """


@op(explain=explain.clip)
def clip(x: Tensor, x_min: Any, x_max: Any) -> Tensor:
    """Limit each element to the range from `x_min` to `x_max`.

    Arguments:
        x: any shape.
        x_min, x_max: scalars or arrays that broadcast against `x`.

    Example:
        >>> ops.clip([-1, 5, 9], 0, 6)
        tensor([0, 5, 6], dtype=torch.int32)
    """


@op
def isfinite(x: Tensor) -> Tensor:
    """bool: `x` is neither infinite nor NaN.

    Example:
        >>> ops.isfinite([1.0, math.inf, math.nan])
        tensor([ True, False, False])
    """


@op
def isinf(x: Tensor) -> Tensor:
    """bool: `x` is plus or minus infinity.

    Example:
        >>> ops.isinf([1.0, -math.inf, math.nan])
        tensor([False,  True, False])
    """


@op
def isnan(x: Tensor) -> Tensor:
    """bool: `x` is not a number.

    Example:
        >>> ops.isnan([1.0, math.inf, math.nan])
        tensor([False, False,  True])
    """


@op
def nan_to_num(x: Tensor, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Tensor:
    """`x` with NaN replaced by `nan`, and infinities by `posinf` and `neginf`.

    None: the dtype's largest and lowest numbers.

    Example:
        >>> ops.nan_to_num([math.nan, 1.0, math.inf], posinf=9.0)
        tensor([0., 1., 9.])
    """


@op
def logical_not(x: Tensor) -> Tensor:
    """bool: True where `x` is False or zero.

    Example:
        >>> ops.logical_not([True, False])
        tensor([False,  True])
        >>> ops.logical_not([0, 7])
        tensor([ True, False])
    """


@op
def copy(x: Tensor) -> Tensor:
    """A tensor of the values of `x` with memory of its own.

    Example:
        >>> x = ops.array([1, 2])
        >>> y = ops.copy(x)
        >>> y, y is x
        (tensor([1, 2], dtype=torch.int32), False)
    """
