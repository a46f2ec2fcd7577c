"""Windows of signal processing: `x` points in a (x,) array of the float default.

`x`, a size, is a Python integer or a scalar tensor whose value is known.
Formulas: https://numpy.org/doc/stable/reference/routines.window.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kdist.core import config
from kdist.ops.core import convert_to_tensor
from kdist.ops.declare import op

Tensor = Any


def _window(shape: Callable, x: Any, *settings: Any) -> Tensor:
    return convert_to_tensor(shape(int(x), *settings), config.floatx())


@op
def bartlett(x: Any) -> Tensor:
    """A triangle from 0 to 1 to 0, of `x` points.

    Example:
        >>> ops.bartlett(5)
        tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _window(np.bartlett, x)


@op
def blackman(x: Any) -> Tensor:
    """0.42 - 0.5 cos(2 pi n / (x - 1)) + 0.08 cos(4 pi n / (x - 1)) at `x` points n = 0, 1, ...

    Example:
        >>> ops.round(ops.blackman(5), 2)
        tensor([-0.0000, 0.3400, 1.0000, 0.3400, -0.0000])
    """
    return _window(np.blackman, x)


@op
def hamming(x: Any) -> Tensor:
    """0.54 - 0.46 cos(2 pi n / (x - 1)) at `x` points n = 0, 1, ...

    Example:
        >>> ops.hamming(5)
        tensor([0.0800, 0.5400, 1.0000, 0.5400, 0.0800])
    """
    return _window(np.hamming, x)


@op
def hanning(x: Any) -> Tensor:
    """0.5 - 0.5 cos(2 pi n / (x - 1)) at `x` points n = 0, 1, ...

    Example:
        >>> ops.hanning(5)
        tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _window(np.hanning, x)


@op
def kaiser(x: Any, beta: float) -> Tensor:
    """I0(beta sqrt(1 - (2 n / (x - 1) - 1)^2)) / I0(beta), with `i0`.

    At `x` points n = 0, 1, ...; the larger `beta`, the narrower.

    Example:
        >>> ops.kaiser(5, 14.0)
        tensor([7.7269e-06, 1.6493e-01, 1.0000e+00, 1.6493e-01, 7.7269e-06])
        >>> ops.kaiser(5, 0.0)
        tensor([1., 1., 1., 1., 1.])
    """
    return _window(np.kaiser, x, float(beta))
