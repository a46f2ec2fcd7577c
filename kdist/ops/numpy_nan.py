"""Reductions that leave out NaN.

Arguments as in `numpy_reductions`; integers have no NaN, and give what the plain reductions give.

Where all elements along an axis are NaN: sums are 0 and products 1, positions are -1, and the others
are NaN.
"""

from __future__ import annotations

from typing import Any

from kdist.ops import explain
from kdist.ops.core import cast, convert_to_tensor, dtype
from kdist.ops.declare import op
from kdist.ops.numpy_binary import divide, subtract
from kdist.ops.numpy_reductions import (
    all,
    argmax,
    argmin,
    cumprod,
    cumsum,
    max,
    min,
    prod,
    sum,
    where,
)
from kdist.ops.numpy_shaping import expand_dims, squeeze
from kdist.ops.numpy_unary import isnan, logical_not, sqrt, square
from kdist.ops.promotion import in_float32, is_float, to_float

Tensor = Any
Axis = Any


def _filled(x: Any, value: float) -> Tensor:
    """`x` with `value` in the place of NaN."""
    x = convert_to_tensor(x)
    return where(isnan(x), value, x) if is_float(x) else x


@op(explain=explain.axis_of_x)
def nansum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum of the elements that are not NaN; 0 if none is left.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nansum([1.0, math.nan, 2.0])
        tensor(3.)
    """
    return sum(_filled(x, 0.0), axis=axis, keepdims=keepdims)


@op(explain=explain.axis_of_x)
def nanprod(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Product of the elements that are not NaN; 1 if none is left.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nanprod([3.0, math.nan, 2.0])
        tensor(6.)
    """
    return prod(_filled(x, 1.0), axis=axis, keepdims=keepdims)


def _running(accumulate: Any, x: Tensor, axis: Any, dtype: Any) -> Tensor:
    """The axis may stand in a tuple, as reductions take it; along none each element stands for itself."""
    if isinstance(axis, list | tuple) and not axis:
        return squeeze(accumulate(expand_dims(x, -1), axis=-1, dtype=dtype), -1)
    one = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    return accumulate(x, axis=one, dtype=dtype)


@op(explain=explain.axis_of_x)
def nancumsum(x: Tensor, axis: Axis = None, dtype: Any = None) -> Tensor:
    """Running sum, in which NaN counts as 0.

    Arguments:
        axis: int, or a tuple of at most one; None: the flattened array; (): each element alone.
        dtype: what to add up in; None: that of `x`, int32 for bool.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nancumsum([1.0, math.nan, 2.0])
        tensor([1., 1., 3.])
    """
    return _running(cumsum, _filled(x, 0.0), axis, dtype)


@op(explain=explain.axis_of_x)
def nancumprod(x: Tensor, axis: Axis = None, dtype: Any = None) -> Tensor:
    """Running product, in which NaN counts as 1.

    Arguments:
        axis: int, or a tuple of at most one; None: the flattened array; (): each element alone.
        dtype: what to multiply in; None: that of `x`, int32 for bool.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nancumprod([3.0, math.nan, 2.0])
        tensor([3., 3., 6.])
    """
    return _running(cumprod, _filled(x, 1.0), axis, dtype)


def _extremum(reduce: Any, x: Any, bound: float, axis: Axis, keepdims: bool) -> Tensor:
    x = convert_to_tensor(x)
    out = reduce(_filled(x, bound), axis=axis, keepdims=keepdims)
    if not is_float(x):
        return out
    return where(all(isnan(x), axis=axis, keepdims=keepdims), float("nan"), out)


@op(explain=explain.of_some)
def nanmax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Largest element that is not NaN; NaN if none is left.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nanmax([[1.0, math.nan], [math.nan, 2.0]], axis=0)
        tensor([1., 2.])
    """
    return _extremum(max, x, float("-inf"), axis, keepdims)


@op(explain=explain.of_some)
def nanmin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Smallest element that is not NaN; NaN if none is left.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nanmin([1.0, math.nan, 2.0])
        tensor(1.)
    """
    return _extremum(min, x, float("inf"), axis, keepdims)


def _position(find: Any, x: Any, bound: float, axis: int | None, keepdims: bool) -> Tensor:
    x = convert_to_tensor(x)
    out = find(_filled(x, bound), axis=axis, keepdims=keepdims)
    if not is_float(x):
        return out
    return where(all(isnan(x), axis=axis, keepdims=keepdims), -1, out)


@op(explain=explain.axis_of_x)
def nanargmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """int32 position of the first largest element that is not NaN; -1 if none is left.

    Arguments:
        axis: int; None: the flattened array.
        keepdims: whether `axis` stays, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nanargmax([1.0, math.nan, 2.0])
        tensor(2, dtype=torch.int32)
    """
    return _position(argmax, x, float("-inf"), axis, keepdims)


@op(explain=explain.axis_of_x)
def nanargmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """int32 position of the first smallest element that is not NaN; -1 if none is left.

    Arguments:
        axis: int; None: the flattened array.
        keepdims: whether `axis` stays, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nanargmin([math.nan, 1.0, 2.0])
        tensor(1, dtype=torch.int32)
    """
    return _position(argmin, x, float("inf"), axis, keepdims)


def _mean_of_known(x: Tensor, known: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    count = sum(cast(known, dtype(x)), axis=axis, keepdims=keepdims)
    return divide(sum(where(known, x, 0.0), axis=axis, keepdims=keepdims), count)


@op(explain=explain.axis_of_x)
def nanmean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Arithmetic mean of the elements that are not NaN; NaN if none is left.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nanmean([1.0, math.nan, 2.0])
        tensor(1.5000)
    """
    x = to_float(x)
    wide = in_float32(x)
    return cast(_mean_of_known(wide, logical_not(isnan(wide)), axis, keepdims), dtype(x))


@op(explain=explain.axis_of_x)
def nanvar(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Variance, over as many elements as are not NaN.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nanvar([1.0, math.nan, 5.0])
        tensor(4.)
    """
    x = to_float(x)
    wide = in_float32(x)
    known = logical_not(isnan(wide))
    clean = where(known, wide, 0.0)  # NaN must not reach the gradient of the others
    deviation = where(known, subtract(clean, _mean_of_known(wide, known, axis, True)), 0.0)
    return cast(_mean_of_known(square(deviation), known, axis, keepdims), dtype(x))


@op(explain=explain.axis_of_x)
def nanstd(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Standard deviation, the root of `nanvar`.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.nanstd([1.0, math.nan, 5.0])
        tensor(2.)
    """
    return sqrt(nanvar(x, axis=axis, keepdims=keepdims))
