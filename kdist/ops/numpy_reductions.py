"""Functions that reduce axes, accumulate along one, or look for positions.

Everywhere: `x` has any shape, `axis` is an int or a tuple of them (None: all axes), negative ones
    count from the end, and with
`keepdims` a reduced axis stays with size 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.core import dtypes
from kdist.core.spec import Spec
from kdist.ops import explain
from kdist.ops.declare import op

Tensor = Any
Axis = Any  # int, tuple of int, or None


@op(explain=explain.axis_of_x)
def sum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum. bool and small integers add up in 32 bits.

    Example: `sum([[1, 2], [3, 4]], axis=0)` gives `[4, 6]`.
    """


@op(explain=explain.axis_of_x)
def prod(x: Tensor, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """Product, computed in `dtype` if given. Example: `prod([2, 3, 4])` gives 24."""


@op(explain=explain.axis_of_x)
def mean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Arithmetic mean, a float also for integers. Example: `mean([1, 2])` gives 1.5."""


@op(explain=explain.axis_of_x)
def var(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Variance, mean(|x - mean(x)|^2), over n elements and not n - 1.

    Example: `var([1.0, 3.0])` gives 1.0.
    """


@op(explain=explain.axis_of_x)
def std(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Standard deviation, the root of `var`. Example: `std([1.0, 3.0])` gives 1.0."""


@op(explain=explain.axis_of_x)
def max(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Largest element; at least `initial` if given, which an empty `x` needs.

    Example: `max([1, 5, 2])` gives 5.
    """


@op(explain=explain.axis_of_x)
def min(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Smallest element; at most `initial` if given, which an empty `x` needs.

    Example: `min([1, 5, 2])` gives 1.
    """


@op(explain=explain.axis_of_x)
def amax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The same as `max` without `initial`."""
    return max(x, axis=axis, keepdims=keepdims)


@op(explain=explain.axis_of_x)
def amin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The same as `min` without `initial`."""
    return min(x, axis=axis, keepdims=keepdims)


@op(explain=explain.axis_of_x)
def all(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """bool: every element is True (not zero). Example: `all([True, False])` gives False."""


@op(explain=explain.axis_of_x)
def any(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """bool: some element is True (not zero). Example: `any([True, False])` gives True."""


@op(explain=explain.axis_of_x)
def median(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle of the sorted elements, or the mean of the middle two.

    Example: `median([3, 1, 2, 9])` gives 2.5.
    """


@op(explain=explain.axis_of_x)
def average(x: Tensor, axis: Axis = None, weights: Any = None) -> Tensor:
    """Weighted mean, sum(x * weights) / sum(weights).

    Arguments:
        weights: of the shape of `x`, or 1-D along one `axis`; None: all equal.

    Example: `average([1.0, 3.0], weights=[3.0, 1.0])` gives 1.5.
    """


@op(explain=explain.axis_of_x)
def count_nonzero(x: Tensor, axis: Axis = None) -> Tensor:
    """How many elements are not zero, int32. Example: `count_nonzero([0, 2, 3])` gives 2."""


@op(explain=explain.axis_of_x)
def cumsum(x: Tensor, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running sum along `axis` (None: of the flattened array).

    Example: `cumsum([1, 2, 3])` gives `[1, 3, 6]`.
    """


@op(explain=explain.axis_of_x)
def cumprod(x: Tensor, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running product along `axis` (None: of the flattened array).

    Example: `cumprod([1, 2, 3])` gives `[1, 2, 6]`.
    """


@op(explain=explain.diff)
def diff(a: Tensor, n: int = 1, axis: int = -1) -> Tensor:
    """Differences of neighbours along `axis`, taken `n` times; the axis loses `n`.

    Example: `diff([1, 4, 9])` gives `[3, 5]`.
    """


@op(explain=explain.axis_of_x)
def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """int32 position of the first largest element (axis=None: in the flattened array).

    Example: `argmax([1, 5, 2])` gives 1.
    """


@op(explain=explain.axis_of_x)
def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """int32 position of the first smallest element. Example: `argmin([3, 1, 2])` gives 1."""


@op(explain=explain.axis_of_x)
def argsort(x: Tensor, axis: int | None = -1) -> Tensor:
    """int32 positions that sort `x` along `axis`, stably (None: of the flattened array).

    Example: `argsort([3, 1, 2])` gives `[1, 2, 0]`.
    """


@op(explain=explain.axis_of_x)
def sort(x: Tensor, axis: int | None = -1) -> Tensor:
    """Ascending along `axis`. Example: `sort([3, 1, 2])` gives `[1, 2, 3]`."""


@op
def searchsorted(sorted_sequence: Tensor, values: Tensor, side: str = "left") -> Tensor:
    """Where `values` must be inserted for the sequence to stay sorted.

    Arguments:
        sorted_sequence: (n,), ascending.
        values: any shape.
        side: among equal elements, "left" inserts before them and "right" after.

    Returns: int32 of the shape of `values` (int64 for n beyond int32). Example: `searchsorted([1,
    3, 5], [3, 4])` gives `[1, 2]`.
    """


def _positions(x: Any) -> tuple[Spec, ...]:
    """How many there are depends on the values."""
    return tuple(Spec((None,), "int32") for _ in x.shape)


@op(rule=_positions)
def nonzero(x: Tensor) -> Any:
    """Positions of the elements that are not zero: one (count,) int array per axis.

    Example: `nonzero([0, 7, 8])` gives `([1, 2],)`.
    """


def _where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """With a condition alone, how many positions there are depends on the values."""
    return _positions(condition) if x1 is None and x2 is None else None


@op(rule=_where, explain=explain.where)
def where(condition: Tensor, x1: Any = None, x2: Any = None) -> Any:
    """`x1` where `condition` holds, else `x2`; the three broadcast.

    With `condition` alone, the same as `nonzero`.

    Raises: ValueError if exactly one of `x1` and `x2` is given.
    Example: `where([True, False], [1, 2], 0)` gives `[1, 0]`.
    """


def _bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Spec:
    """How many there are depends on the largest of the values."""
    counted = (
        "int32"
        if weights is None
        else dtypes.result_type(
            x.dtype,
            np.asarray(weights).dtype if isinstance(weights, list | tuple) else weights.dtype,
        )
    )
    return Spec((*x.shape[:-1], None), counted)


@op(rule=_bincount)
def bincount(x: Tensor, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each of 0, 1, 2, ... occurs.

    Arguments:
        x: (n,) or (batch, n), non-negative integers.
        weights: of the shape of `x`, added up instead of counting.
        minlength: least length of the result.

    Returns: (length,) or (batch, length), length = max(largest of x + 1, minlength).
    Example: `bincount([1, 1, 3])` gives `[0, 2, 0, 1]`.
    """
