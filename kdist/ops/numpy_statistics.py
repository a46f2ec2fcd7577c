"""Counting into bins, sets of values, correlation and integration."""

from __future__ import annotations

from typing import Any

from kdist.core import dtypes
from kdist.core.spec import Spec
from kdist.ops import explain_joining, explain_places
from kdist.ops.checks import shape_of
from kdist.ops.core import cast, convert_to_tensor, dtype, ndim, shape
from kdist.ops.declare import op
from kdist.ops.math import segment_sum
from kdist.ops.nn_conv import conv
from kdist.ops.numpy_binary import (
    add,
    divide,
    equal,
    greater_equal,
    less_equal,
    logical_and,
    minimum,
    multiply,
    subtract,
)
from kdist.ops.numpy_creation import linspace, zeros_like
from kdist.ops.numpy_products import matmul, outer
from kdist.ops.numpy_reductions import max, mean, min, searchsorted, sort, sum, where
from kdist.ops.numpy_shaping import diag, flip, moveaxis, pad, ravel, reshape, take
from kdist.ops.numpy_unary import clip, logical_not, sqrt
from kdist.ops.promotion import is_float, to_float

Tensor = Any


def _one_axis(x: Any, name: str, argument: str) -> Tensor:
    x = convert_to_tensor(x)
    if ndim(x) != 1:
        raise ValueError(
            f"{name}: {argument} must have one axis, and has shape {tuple(shape(x))}. Input tensor "
            "must be 1-dimensional; flatten it first."
        )
    return x


def _checked_bins(bins: Any, range: Any) -> None:
    if not isinstance(bins, int) or isinstance(bins, bool) or bins < 1:
        raise ValueError(
            f"histogram: bins={bins!r}. Argument `bins` should be a non-negative integer, not 0."
        )
    if range is None:
        return
    if len(range) != 2:
        raise ValueError(
            f"histogram: range={range!r}. Argument `range` must be a tuple of two elements."
        )
    if range[1] < range[0]:
        raise ValueError(
            f"histogram: range={range!r}. The second element of `range` must be greater than the "
            "first."
        )


@op(check=lambda x, bins=10, range=None: _checked_bins(bins, range))
def histogram(x: Tensor, bins: int = 10, range: Any = None) -> Any:
    """How many elements fall into each of `bins` intervals of equal width.

    Arguments:
        x: (n,).
        bins: their number.
        range: `(low, high)`, beyond which elements do not count; None: from the smallest to the
            largest element.

    Returns: `(counts, edges)` of shapes (bins,) and (bins + 1,), as floats. An element on an edge
    counts to the right of it, and on the last one to the left.
    Raises: ValueError if `x` has other than one axis, and for `bins` or `range` that make no bins.

    Example:
        >>> ops.histogram([0.0, 1.0, 2.0, 2.0], bins=2)
        (tensor([1., 3.]), tensor([0., 1., 2.]))
    """
    x = to_float(_one_axis(x, "histogram", "x"))
    if range is not None:
        low, high = (cast(v, dtype(x)) for v in range)
    elif shape(x)[0] == 0:
        low, high = cast(0, dtype(x)), cast(1, dtype(x))
    else:
        low, high = min(x), max(x)
    flat = cast(equal(low, high), dtype(x)) / 2  # no width: half on either side
    low, high = low - flat, high + flat
    edges = cast(linspace(low, high, bins + 1), dtype(x))
    inside = logical_and(greater_equal(x, low), less_equal(x, high))
    slot = clip(subtract(searchsorted(edges, x, side="right"), 1), 0, bins - 1)
    counts = segment_sum(cast(inside, dtype(x)), slot, num_segments=bins)
    return counts, edges


@op
def digitize(x: Tensor, bins: Any) -> Tensor:
    """Which bin each element falls into: int32 i with bins[i - 1] <= x < bins[i].

    Arguments:
        x: any shape.
        bins: (n,), ascending or descending.

    Example:
        >>> ops.digitize([0.5, 2.0, -1.0], [0.0, 1.0, 2.0])
        tensor([1, 3, 0], dtype=torch.int32)
    """
    bins = _one_axis(bins, "digitize", "bins")
    up = searchsorted(bins, x, side="right")
    if shape(bins)[0] in (0, 1):
        return up
    down = subtract(shape(bins)[0], searchsorted(flip(bins), x, side="left"))
    return cast(where(greater_equal(bins[-1], bins[0]), up, down), "int32")


@op
def isin(x1: Tensor, x2: Tensor, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """bool: which elements of `x1` are among those of `x2`, or with `invert` are not.

    Arguments:
        assume_unique: a hint of NumPy's, which changes no result.

    Example:
        >>> ops.isin([1, 2, 3], [2, 5])
        tensor([False,  True, False])
    """
    x1, among = convert_to_tensor(x1), ravel(x2)
    common = dtypes.result_type(dtype(x1), dtype(among))
    common = "int32" if common == "bool" else common
    x1, among = cast(x1, common), cast(among, common)
    if shape(among)[0] == 0:
        found = cast(zeros_like(x1), "bool")
    else:
        among = sort(among)
        at = minimum(searchsorted(among, x1), shape(among)[0] - 1)
        found = equal(take(among, at), x1)
    return logical_not(found) if invert else found


def _unique(
    x: Spec,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """How many there are depends on the values."""
    found = Spec((size,), "int32")
    if axis is None:
        values, inverse = Spec((size,), x.dtype), Spec(x.shape, "int32")
    else:
        axis %= len(x.shape)
        values = Spec((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype)
        inverse = Spec((x.shape[axis],), "int32")
    asked = ((return_index, found), (return_inverse, inverse), (return_counts, found))
    out = (values, *(spec for wanted, spec in asked if wanted))
    return out if len(out) > 1 else values


@op(rule=_unique, explain=explain_places.unique)
def unique(
    x: Tensor,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements, or with `axis` the different slices along it, in ascending order.

    Each NaN counts as different.

    Arguments:
        sorted: False allows another order, which may be faster.
        return_index: where each occurs first, (u,) int32.
        return_inverse: which of them stands at each place, int32 of the shape of `x`, or of the
            size of `axis`.
        return_counts: how often each occurs, (u,) int32.
        size: the number to return: more are left out, and missing ones filled. A compiled step
            under jax needs it.
        fill_value: what to fill values with, by default the first of them.

    Returns: the values, or a tuple of them and of what was asked for, in the order above.

    Example:
        >>> ops.unique([3, 1, 3])
        tensor([1, 3], dtype=torch.int32)
        >>> ops.unique([3, 1, 3], return_inverse=True, return_counts=True)
        (tensor([1, 3], dtype=torch.int32), tensor([1, 0, 1], dtype=torch.int32), tensor([1, 2],
         dtype=torch.int32))
        >>> ops.unique([3, 1, 3], size=3, fill_value=-1)
        tensor([ 1,  3, -1], dtype=torch.int32)
    """


@op
def corrcoef(x: Tensor) -> Tensor:
    """Pearson's correlation coefficients of the rows of `x`.

    Arguments:
        x: (variables, observations), or one variable.

    Returns: (variables, variables), or a scalar for one.

    Example:
        >>> ops.corrcoef([[1.0, 2.0, 3.0], [6.0, 4.0, 2.0]])
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    x = to_float(x)
    if ndim(x) > 2:
        raise ValueError(f"corrcoef: x must have one or two axes, and has shape {tuple(shape(x))}.")
    rows = reshape(x, (1, -1)) if ndim(x) < 2 else x
    deviation = subtract(rows, mean(rows, axis=1, keepdims=True))
    products = matmul(deviation, moveaxis(deviation, 0, 1))
    size = sqrt(diag(products))
    out = clip(divide(products, outer(size, size)), -1, 1)
    return reshape(out, ()) if ndim(x) < 2 else out


def _correlated(op: str, x1: Any, x2: Any, mode: str = "valid") -> None:
    if 0 in shape_of(x2):
        raise ValueError(f"{op}: x2 is empty. Received: x2.shape={shape_of(x2)}.")


@op(explain=_correlated)
def correlate(x1: Tensor, x2: Tensor, mode: str = "valid") -> Tensor:
    """Sums of products of `x2` with `x1` at each shift, c[k] = sum of x1[n + k] * x2[n].

    Arguments:
        x1, x2: (n,) and (m,).
        mode: "valid" shifts where they overlap wholly, "same" the middle max(n, m), "full" all.

    Returns: floats; (max(n, m) - min(n, m) + 1,), (max(n, m),) or (n + m - 1,).
    Raises: ValueError for another mode or more axes.

    Example:
        >>> ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0])
        tensor([2., 3.])
        >>> ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0], mode="full")
        tensor([1., 2., 3., 0.])
    """
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"correlate: mode={mode!r} is not 'valid', 'same' or 'full'.")
    x1, x2 = to_float(x1, x2)
    x1, x2 = _one_axis(x1, "correlate", "x1"), _one_axis(x2, "correlate", "x2")
    n, m = shape(x1)[0], shape(x2)[0]
    signal = reshape(pad(x1, (m - 1, m - 1)), (1, -1, 1))
    full = reshape(conv(signal, reshape(x2, (-1, 1, 1)), padding="valid"), (-1,))
    if mode == "full":
        return full
    longer, shorter = (n, m) if n >= m else (m, n)
    if mode == "valid":
        return full[shorter - 1 : longer]
    start = (shorter - 1) // 2 if n >= m else shorter // 2
    return full[start : start + longer]


@op(explain=explain_joining.trapezoid)
def trapezoid(y: Tensor, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """Integral along `axis` by the trapezoidal rule.

    Arguments:
        y: values of the integrand.
        x: where they were taken: of the shape of `y`, or (n,) along `axis`; None: `dx` apart.

    Example:
        >>> ops.trapezoid([1.0, 2.0, 3.0])
        tensor(4.)
        >>> ops.trapezoid([0.0, 1.0, 4.0], x=[0.0, 1.0, 3.0])
        tensor(5.5000)
    """
    y = moveaxis(to_float(y), axis, -1)
    if x is not None:
        x = convert_to_tensor(x)
        if is_float(x):  # the differences would round in a narrower dtype
            y, x = to_float(y, x)
        x = x if ndim(x) == 1 else moveaxis(x, axis, -1)
        dx = subtract(x[..., 1:], x[..., :-1])
    return sum(multiply(add(y[..., 1:], y[..., :-1]), dx) / 2, axis=-1)
