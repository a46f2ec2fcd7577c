"""Sequences whose logarithms are evenly spaced."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.core import dtypes
from kdist.ops import explain_joining
from kdist.ops.core import cast, convert_to_tensor
from kdist.ops.declare import op
from kdist.ops.numpy_binary import multiply, power
from kdist.ops.numpy_creation import linspace
from kdist.ops.numpy_unary import absolute, exp, log, sign
from kdist.ops.promotion import kind, to_float

Tensor = Any


def _on_host(*xs: Any) -> bool:
    return all(isinstance(x, int | float | np.ndarray | np.generic | list | tuple) for x in xs)


def _dtype(dtype: Any, *xs: Any) -> str:
    if dtype is not None:
        return dtypes.standardize_dtype(dtype)
    return dtypes.result_type(*(kind(x) for x in xs), float)


@op(explain=explain_joining.spaced)
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Tensor:
    """`num` values from base^start to base^stop, with one ratio between neighbours.

    The last one is base^stop if `endpoint`.

    Arguments:
        start, stop: exponents, numbers or arrays, which broadcast.
        base: what they are exponents of.
        axis: where the new axis stands.
        dtype: None: the float that `start` and `stop` promote to.

    Example:
        >>> ops.logspace(0, 2, 3)
        tensor([  1.,  10., 100.])
    """
    target = _dtype(dtype, start, stop)
    if _on_host(start, stop, base):  # in float64
        values = np.logspace(start, stop, num, endpoint=endpoint, base=base, axis=axis)
        return convert_to_tensor(values, target)
    exponents = linspace(to_float(start, stop)[0], stop, num, endpoint=endpoint, axis=axis)
    return cast(power(base, exponents), target)


@op(explain=explain_joining.spaced)
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Tensor:
    """`num` values from `start` to `stop`, with one ratio between neighbours.

    The last one is `stop` if `endpoint`.

    Arguments:
        start, stop: numbers or arrays of one sign and not 0, which broadcast.
        axis: where the new axis stands.
        dtype: None: the float that `start` and `stop` promote to.

    Example:
        >>> ops.geomspace(1, 8, 4)
        tensor([1., 2., 4., 8.])
    """
    target = _dtype(dtype, start, stop)
    if _on_host(start, stop):  # in float64
        values = np.geomspace(start, stop, num, endpoint=endpoint, axis=axis)
        return convert_to_tensor(values, target)
    start, stop = to_float(start, stop)
    logs = (log(absolute(v)) for v in (start, stop))
    signs = linspace(sign(start), sign(stop), num, endpoint=endpoint, axis=axis)
    return cast(multiply(signs, exp(linspace(*logs, num, endpoint=endpoint, axis=axis))), target)
