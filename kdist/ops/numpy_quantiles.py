"""Quantiles: what lies at a given fraction of the way through the sorted elements.

Everywhere: `x` has any shape; `q` is a number or array of them, in 0 .. 1 (percentiles: 0 .. 100);
`axis` is an int, a tuple of them or None for all; `method` says what to do between two elements:
"linear", "lower", "higher", "midpoint" or "nearest". The result has the axes of `q` before those
that are left of `x`. Definitions: https://numpy.org/doc/stable/reference/generated/numpy.quantile.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kdist.ops import explain
from kdist.ops.checks import one_of
from kdist.ops.core import cast, convert_to_tensor, dtype, ndim, shape
from kdist.ops.declare import op
from kdist.ops.numpy_binary import add, divide, maximum, multiply, subtract
from kdist.ops.numpy_reductions import any, max, min, sort, sum, where
from kdist.ops.numpy_shaping import (
    moveaxis,
    reshape,
    take,
    take_along_axis,
    transpose,
)
from kdist.ops.numpy_unary import ceil, floor, isnan, logical_not, round
from kdist.ops.promotion import in_float32, to_float

Tensor = Any
Axis = Any


@op(explain=explain.axis_of_x)
def ptp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Largest element less the smallest.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.ptp([[1, 5], [3, 4]], axis=1)
        tensor([4, 1], dtype=torch.int32)
    """
    return subtract(max(x, axis=axis, keepdims=keepdims), min(x, axis=axis, keepdims=keepdims))


@op(explain=explain.quantile)
def quantile(
    x: Tensor, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """The element at fraction `q`; NaN where an element is.

    Arguments:
        q: number or array of them, in 0 .. 1 (percentiles: 0 .. 100); its axes come first in the
            result.
        axis: int, several, or None for all of `x`.
        method: between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not, and for another method.

    Example:
        >>> ops.quantile([1.0, 2.0, 3.0], [0.25, 0.5])
        tensor([1.5000, 2.0000])
        >>> ops.quantile([1.0, 2.0, 3.0], 0.25, method="lower")
        tensor(1.)
    """
    return _quantile(x, q, axis, method, keepdims, _at_fraction)


@op(explain=explain.quantile)
def percentile(
    x: Tensor, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """`quantile` at q / 100.

    Arguments:
        q: number or array of them, in 0 .. 1 (percentiles: 0 .. 100); its axes come first in the
            result.
        axis: int, several, or None for all of `x`.
        method: between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not, and for another method.

    Example:
        >>> ops.percentile([1.0, 2.0, 3.0], 25)
        tensor(1.5000)
    """
    return quantile(x, _hundredth(q), axis=axis, method=method, keepdims=keepdims)


@op(explain=explain.quantile)
def nanquantile(
    x: Tensor, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """`quantile` of the elements that are not NaN; NaN where all are.

    Arguments:
        q: number or array of them, in 0 .. 1 (percentiles: 0 .. 100); its axes come first in the
            result.
        axis: int, several, or None for all of `x`.
        method: between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not, and for another method.

    Example:
        >>> ops.nanquantile([1.0, math.nan, 2.0, 3.0], 0.25)
        tensor(1.5000)
    """
    return _quantile(x, q, axis, method, keepdims, _at_fraction_of_known)


@op(explain=explain.quantile)
def nanpercentile(
    x: Tensor, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """`nanquantile` at q / 100.

    Arguments:
        q: number or array of them, in 0 .. 1 (percentiles: 0 .. 100); its axes come first in the
            result.
        axis: int, several, or None for all of `x`.
        method: between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not, and for another method.

    Example:
        >>> ops.nanpercentile([1.0, math.nan, 2.0, 3.0], 25)
        tensor(1.5000)
    """
    return nanquantile(x, _hundredth(q), axis=axis, method=method, keepdims=keepdims)


@op(explain=explain.of_some)
def nanmedian(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle of the sorted elements that are not NaN, or the mean of the middle two.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nanmedian([1.0, math.nan, 3.0])
        tensor(2.)
    """
    return nanquantile(x, 0.5, axis=axis, keepdims=keepdims)


def _on_host(q: Any) -> bool:
    return isinstance(q, int | float | list | tuple | np.ndarray | np.generic)


def _hundredth(q: Any) -> Any:
    return np.asarray(q, "float64") / 100 if _on_host(q) else divide(q, 100)


def _quantile(x: Any, q: Any, axis: Axis, method: str, keepdims: bool, at_fraction: Any) -> Tensor:
    one_of("quantile", "method", method, explain.QUANTILES)
    x = to_float(x)
    axes = _axes(axis, ndim(x))
    # In float64 on the host where it can be: q * (n - 1) must not lose the element it falls on.
    q = np.asarray(q, "float64") if _on_host(q) else cast(q, dtype(in_float32(x)))
    # flat is (..., n), the reduced axes in one; the result of each method is (size of q, ...).
    flat = _last_axis(in_float32(x), axes)
    rows = at_fraction(flat, reshape(q, (-1,)) if not _on_host(q) else q.reshape(-1), method)
    left = [1 if i in axes else n for i, n in enumerate(shape(x)) if keepdims or i not in axes]
    return cast(reshape(rows, [*q.shape, *left]), dtype(x))


def _axes(axis: Axis, rank: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(rank))
    given = (axis,) if isinstance(axis, int) else tuple(axis)
    explain.in_range("quantile", given, (1,) * rank)
    return tuple(a % rank for a in given)


def _last_axis(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    left = [i for i in range(ndim(x)) if i not in axes]
    sizes = shape(x)
    reduced = math.prod([sizes[a] for a in axes])
    return reshape(transpose(x, [*left, *axes]), [*(sizes[i] for i in left), reduced])


def _between(position: Any, method: str, ops: Any) -> tuple[Any, Any, Any]:
    """Of fractional positions, the whole ones around them and the share of the upper one."""
    if method == "nearest":
        position = ops["round"](position)
    low, high = ops["floor"](position), ops["ceil"](position)
    if method == "lower":
        high = low
    elif method == "higher":
        low = high
    share = position - low
    return low, high, share * 0 + 0.5 if method == "midpoint" else share


_HOST = {"round": np.round, "floor": np.floor, "ceil": np.ceil}
_DEVICE = {"round": round, "floor": floor, "ceil": ceil}


def _at_fraction(flat: Tensor, q: Any, method: str) -> Tensor:
    ordered = moveaxis(sort(flat, axis=-1), -1, 0)  # (n, ...)
    n = shape(flat)[-1]
    if _on_host(q) and isinstance(n, int):
        low, high, share = _between(q * (n - 1), method, _HOST)
    else:
        count = cast(n, dtype(flat)) - 1
        low, high, share = _between(
            multiply(convert_to_tensor(q, dtype(flat)), count), method, _DEVICE
        )
    share = reshape(convert_to_tensor(share, dtype(flat)), [-1] + [1] * (ndim(flat) - 1))
    low, high = (take(ordered, convert_to_tensor(i, "int32"), axis=0) for i in (low, high))
    return where(any(isnan(flat), axis=-1), float("nan"), _mix(low, high, share))


def _mix(low: Tensor, high: Tensor, share: Tensor) -> Tensor:
    # Nothing of the upper neighbour where its share is 0: it may be infinite.
    return where(share == 0, low, add(multiply(low, 1 - share), multiply(high, share)))


def _at_fraction_of_known(flat: Tensor, q: Any, method: str) -> Tensor:
    known = logical_not(isnan(flat))
    count = sum(cast(known, dtype(flat)), axis=-1, keepdims=True)  # (..., 1)
    # NaN goes behind everything, where no position points to.
    ordered = sort(where(known, flat, float("inf")), axis=-1)
    # (..., size of q).
    position = multiply(maximum(count - 1, 0), convert_to_tensor(q, dtype(flat)))
    low, high, share = _between(position, method, _DEVICE)
    low, high = (take_along_axis(ordered, cast(i, "int32"), axis=-1) for i in (low, high))
    out = where(count == 0, float("nan"), _mix(low, high, share))
    return moveaxis(out, -1, 0)
