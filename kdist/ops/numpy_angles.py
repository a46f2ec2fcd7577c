"""Angles in radians and degrees, inverse trigonometric and hyperbolic functions.

And the functions of signal processing made of them. Integers become floats.
"""

from __future__ import annotations

import math
from typing import Any

from kdist.ops import explain
from kdist.ops.declare import op
from kdist.ops.numpy_binary import equal, multiply
from kdist.ops.numpy_complex import imag, real
from kdist.ops.numpy_reductions import where
from kdist.ops.numpy_unary import sin
from kdist.ops.promotion import to_float

Tensor = Any


@op
def arccos(x: Tensor) -> Tensor:
    """The angle 0 .. pi whose cosine is `x`; NaN beyond -1 .. 1.

    Example: `arccos([1.0])` gives `[0.0]`.
    """


@op
def arcsin(x: Tensor) -> Tensor:
    """The angle -pi/2 .. pi/2 whose sine is `x`; NaN beyond -1 .. 1.

    Example: `arcsin([0.0])` gives `[0.0]`.
    """


@op
def arctan(x: Tensor) -> Tensor:
    """The angle between -pi/2 and pi/2 whose tangent is `x`. Example: `arctan([1.0])` gives pi/4."""


@op
def arccosh(x: Tensor) -> Tensor:
    """The number >= 0 whose hyperbolic cosine is `x`; NaN below 1.

    Example: `arccosh([1.0])` gives `[0.0]`.
    """


@op
def arcsinh(x: Tensor) -> Tensor:
    """The number whose hyperbolic sine is `x`. Example: `arcsinh([0.0])` gives `[0.0]`."""


@op
def arctanh(x: Tensor) -> Tensor:
    """The number whose hyperbolic tangent is `x`; NaN beyond -1 .. 1.

    Example: `arctanh([0.0])` gives `[0.0]`.
    """


@op(explain=explain.broadcast)
def arctan2(x1: Tensor, x2: Tensor) -> Tensor:
    """The angle -pi .. pi at which the point (x2, x1) is seen from the origin, in all quadrants.

    Example: `arctan2([1.0, -1.0], [0.0, 0.0])` gives `[pi / 2, -pi / 2]`.
    """


@op
def angle(x: Tensor) -> Tensor:
    """The angle of complex numbers in radians: 0 for positive real ones, pi for negative.

    Example: `angle([1.0, -1.0])` gives `[0.0, pi]`.
    """
    x = to_float(x)
    return arctan2(imag(x), real(x))


@op
def deg2rad(x: Tensor) -> Tensor:
    """Degrees to radians, x * pi / 180. Example: `deg2rad([180.0])` gives `[pi]`."""
    return multiply(x, math.pi / 180)


@op
def rad2deg(x: Tensor) -> Tensor:
    """Radians to degrees, x * 180 / pi. Example: `rad2deg([math.pi])` gives `[180.0]`."""
    return multiply(x, 180 / math.pi)


@op
def sinc(x: Tensor) -> Tensor:
    """sin(pi x) / (pi x), and 1 at 0. Example: `sinc([0.0, 1.0])` gives `[1.0, 0.0]`."""
    x = to_float(x) * math.pi
    zero = equal(x, 0)
    # The divisor is made safe first: the gradient at 0 would be NaN otherwise.
    return where(zero, 1.0, sin(x) / where(zero, 1.0, x))


@op
def i0(x: Tensor) -> Tensor:
    """Modified Bessel function of the first kind and order 0, of which the Kaiser window is made.

    Example: `i0([0.0])` gives `[1.0]`.
    """
