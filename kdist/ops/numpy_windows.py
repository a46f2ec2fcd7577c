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
    """A triangle from 0 to 1 to 0. Example: `bartlett(5)` gives `[0, 0.5, 1, 0.5, 0]`."""
    return _window(np.bartlett, x)


@op
def blackman(x: Any) -> Tensor:
    """0.42 - 0.5 cos(2 pi n / (x - 1)) + 0.08 cos(4 pi n / (x - 1)). Example: `blackman(64)`."""
    return _window(np.blackman, x)


@op
def hamming(x: Any) -> Tensor:
    """0.54 - 0.46 cos(2 pi n / (x - 1)). Example: `hamming(64)`."""
    return _window(np.hamming, x)


@op
def hanning(x: Any) -> Tensor:
    """0.5 - 0.5 cos(2 pi n / (x - 1)). Example: `hanning(64)`."""
    return _window(np.hanning, x)


@op
def kaiser(x: Any, beta: float) -> Tensor:
    """I0(beta sqrt(1 - (2 n / (x - 1) - 1)^2)) / I0(beta), with `i0`.

    The larger `beta`, the narrower.

    Example: `kaiser(64, 14.0)`.
    """
    return _window(np.kaiser, x, float(beta))
