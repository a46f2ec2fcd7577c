"""Elementwise functions of one array. Each keeps the shape of `x`.

Where the result is not whole (roots, exponentials, trigonometry), integers become the default float
type and floats keep theirs.
"""

from __future__ import annotations

from typing import Any

from kdist.ops.declare import op

Tensor = Any


@op
def absolute(x: Tensor) -> Tensor:
    """Magnitude of each element. Example: `absolute([-1.5, 2.0])` gives `[1.5, 2.0]`."""


@op
def abs(x: Tensor) -> Tensor:
    """The same as `absolute`."""
    return absolute(x)


@op
def negative(x: Tensor) -> Tensor:
    """Each element times -1. Example: `negative([1, -2])` gives `[-1, 2]`."""


@op
def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1 by the sign of each element. Example: `sign([-3, 0, 5])` gives `[-1, 0, 1]`."""


@op
def reciprocal(x: Tensor) -> Tensor:
    """1 / x. Example: `reciprocal([4.0])` gives `[0.25]`."""


@op
def square(x: Tensor) -> Tensor:
    """x * x. Example: `square([3])` gives `[9]`."""


@op
def sqrt(x: Tensor) -> Tensor:
    """Non-negative square root; NaN for negative numbers. Example: `sqrt([4.0])` gives `[2.0]`."""


@op
def exp(x: Tensor) -> Tensor:
    """e to the power of each element. Example: `exp([0.0])` gives `[1.0]`."""


@op
def expm1(x: Tensor) -> Tensor:
    """exp(x) - 1, exact also for tiny x. Example: `expm1([1e-10])` gives `[1e-10]`."""


@op
def log(x: Tensor) -> Tensor:
    """Natural logarithm; -inf at 0, NaN below. Example: `log([1.0])` gives `[0.0]`."""


@op
def log10(x: Tensor) -> Tensor:
    """Logarithm to base 10. Example: `log10([100.0])` gives `[2.0]`."""


@op
def log1p(x: Tensor) -> Tensor:
    """log(1 + x), exact also for tiny x. Example: `log1p([1e-10])` gives `[1e-10]`."""


@op
def log2(x: Tensor) -> Tensor:
    """Logarithm to base 2. Example: `log2([8.0])` gives `[3.0]`."""


@op
def sin(x: Tensor) -> Tensor:
    """Sine; x in radians. Example: `sin([0.0])` gives `[0.0]`."""


@op
def cos(x: Tensor) -> Tensor:
    """Cosine; x in radians. Example: `cos([0.0])` gives `[1.0]`."""


@op
def tan(x: Tensor) -> Tensor:
    """Tangent; x in radians. Example: `tan([0.0])` gives `[0.0]`."""


@op
def sinh(x: Tensor) -> Tensor:
    """Hyperbolic sine, (e^x - e^-x) / 2. Example: `sinh([0.0])` gives `[0.0]`."""


@op
def cosh(x: Tensor) -> Tensor:
    """Hyperbolic cosine, (e^x + e^-x) / 2. Example: `cosh([0.0])` gives `[1.0]`."""


@op
def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent, between -1 and 1. Example: `tanh([0.0])` gives `[0.0]`."""


@op
def ceil(x: Tensor) -> Tensor:
    """The least whole number not below each element, as a float.

    Example: `ceil([1.2])` gives `[2.0]`.
    """


@op
def floor(x: Tensor) -> Tensor:
    """The largest whole number not above each element, as a float.

    Example: `floor([1.8])` gives `[1.0]`.
    """


@op
def round(x: Tensor, decimals: int = 0) -> Tensor:
    """Round to `decimals` digits after the point; halves go to the even neighbour.

    Example: `round([0.5, 1.5])` gives `[0.0, 2.0]`.
    """


@op
def clip(x: Tensor, x_min: Any, x_max: Any) -> Tensor:
    """Limit each element to the range from `x_min` to `x_max`.

    Arguments:
        x: any shape.
        x_min, x_max: scalars or arrays that broadcast against `x`.

    Example: `clip([-1, 5, 9], 0, 6)` gives `[0, 5, 6]`.
    """


@op
def isfinite(x: Tensor) -> Tensor:
    """bool: neither infinite nor NaN.

    Example: `isfinite([1.0, float("inf")])` gives `[True, False]`.
    """


@op
def isinf(x: Tensor) -> Tensor:
    """bool: plus or minus infinity.

    Example: `isinf([1.0, float("-inf")])` gives `[False, True]`.
    """


@op
def isnan(x: Tensor) -> Tensor:
    """bool: not a number. Example: `isnan([1.0, float("nan")])` gives `[False, True]`."""


@op
def nan_to_num(x: Tensor, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Tensor:
    """Replace NaN by `nan`, and infinities by `posinf` and `neginf`.

    None: the dtype's largest and lowest numbers.

    Example: `nan_to_num([float("nan"), 1.0])` gives `[0.0, 1.0]`.
    """


@op
def logical_not(x: Tensor) -> Tensor:
    """bool: True where `x` is False or zero.

    Example: `logical_not([True, False])` gives `[False, True]`.
    """


@op
def copy(x: Tensor) -> Tensor:
    """A tensor of the same values with memory of its own.

    Example: `copy([1, 2])` gives `[1, 2]`.
    """
