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

    Example:
        >>> ops.arccos([1.0, 0.5, -1.0]) / math.pi
        tensor([0.0000, 0.3333, 1.0000])
    """


@op
def arcsin(x: Tensor) -> Tensor:
    """The angle -pi/2 .. pi/2 whose sine is `x`; NaN beyond -1 .. 1.

    Example:
        >>> ops.arcsin([0.0, 0.5, 1.0]) / math.pi
        tensor([0.0000, 0.1667, 0.5000])
    """


@op
def arctan(x: Tensor) -> Tensor:
    """The angle between -pi/2 and pi/2 whose tangent is `x`.

    Example:
        >>> ops.arctan([1.0, -math.inf]) / math.pi
        tensor([ 0.2500, -0.5000])
    """


@op
def arccosh(x: Tensor) -> Tensor:
    """The number >= 0 whose hyperbolic cosine is `x`; NaN below 1.

    Example:
        >>> ops.arccosh([1.0, math.cosh(2.0)])
        tensor([0., 2.])
    """


@op
def arcsinh(x: Tensor) -> Tensor:
    """The number whose hyperbolic sine is `x`.

    Example:
        >>> ops.arcsinh([0.0, math.sinh(2.0)])
        tensor([0., 2.])
    """


@op
def arctanh(x: Tensor) -> Tensor:
    """The number whose hyperbolic tangent is `x`; NaN beyond -1 .. 1.

    Example:
        >>> ops.arctanh([0.0, 0.5, 1.0])
        tensor([0.0000, 0.5493,    inf])
    """


@op(explain=explain.broadcast)
def arctan2(x1: Tensor, x2: Tensor) -> Tensor:
    """The angle -pi .. pi at which the origin sees the point (`x2`, `x1`), in all quadrants.

    Raises: ValueError where the shapes do not broadcast.

    Example:
        >>> ops.arctan2([1.0, -1.0, 0.0], [0.0, 0.0, -1.0]) / math.pi
        tensor([ 0.5000, -0.5000,  1.0000])
    """


@op
def angle(x: Tensor) -> Tensor:
    """The angle of complex numbers `x` in radians: 0 for positive real ones, pi for negative.

    Example:
        >>> ops.angle([1.0, 1j, -1.0])
        tensor([0.0000, 1.5708, 3.1416])
    """
    x = to_float(x)
    return arctan2(imag(x), real(x))


@op
def deg2rad(x: Tensor) -> Tensor:
    """Degrees to radians, `x * pi / 180`.

    Example:
        >>> ops.deg2rad([180.0, 90.0])
        tensor([3.1416, 1.5708])
    """
    return multiply(x, math.pi / 180)


@op
def rad2deg(x: Tensor) -> Tensor:
    """Radians to degrees, `x * 180 / pi`.

    Example:
        >>> ops.rad2deg([math.pi, 1.0])
        tensor([180.0000,  57.2958])
    """
    return multiply(x, 180 / math.pi)


@op
def sinc(x: Tensor) -> Tensor:
    """`sin(pi x) / (pi x)`, and 1 at 0.

    Example:
        >>> ops.sinc([0.0, 0.5, 0.25])
        tensor([1.0000, 0.6366, 0.9003])
    """
    x = to_float(x) * math.pi
    zero = equal(x, 0)
    # The divisor is made safe first: the gradient at 0 would be NaN otherwise.
    return where(zero, 1.0, sin(x) / where(zero, 1.0, x))


@op
def i0(x: Tensor) -> Tensor:
    """Modified Bessel function of the first kind and order 0 at `x`, as the Kaiser window needs it.

    Example:
        >>> ops.i0([0.0, 1.0, 2.0])
        tensor([1.0000, 1.2661, 2.2796])
    """
