"""Ops on signals: complex numbers by size and angle, and how far one signal is from another."""

from __future__ import annotations

import math
from typing import Any

from kdist.ops import explain
from kdist.ops.checks import same, shape_of
from kdist.ops.declare import op
from kdist.ops.numpy_binary import subtract
from kdist.ops.numpy_reductions import mean
from kdist.ops.numpy_unary import log10, square
from kdist.ops.promotion import to_float

Tensor = Any


@op(explain=explain.broadcast)
def polar(abs_: Tensor, angle: Tensor) -> Tensor:
    """Complex numbers of magnitude `abs_` and direction `angle`, in radians: abs_ * exp(i angle).

    Example:
        >>> ops.polar([2.0, 1.0], [0.0, math.pi / 3])
        tensor([2.0000+0.0000j, 0.5000+0.8660j])
    """


def _alike(x1: Any, x2: Any, max_val: Any) -> None:
    a, b = shape_of(x1), shape_of(x2)
    if not same(a, b):
        raise ValueError(
            f"psnr: x1 and x2 must have the same shape. Received: x1.shape={a}, x2.shape={b}."
        )


@op(check=_alike)
def psnr(x1: Tensor, x2: Tensor, max_val: Any) -> Tensor:
    """Peak signal-to-noise ratio in decibels, 10 log10(max_val^2 / mean((x1 - x2)^2)), a scalar.

    Arguments:
        x1, x2: signals of one shape, whichever it is.
        max_val: the largest value that a signal can take, 255 for bytes.

    Raises: ValueError if the shapes differ.

    Example:
        >>> ops.psnr([0.0, 0.1], [0.0, 0.0], 1.0)  # 10 log10(1 / 0.005)
        tensor(23.0103)
    """
    x1, x2 = to_float(x1, x2)
    error = mean(square(subtract(x1, x2)))
    return 20 * math.log10(max_val) - 10 * log10(error)
