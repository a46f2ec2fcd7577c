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
from kdist.ops import explain, explain_places
from kdist.ops.declare import op

Tensor = Any
Axis = Any  # int, tuple of int, or None


@op(explain=explain.axis_of_x)
def sum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum. bool and small integers add up in 32 bits.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.sum([[1, 2], [3, 4]], axis=0)
        tensor([4, 6], dtype=torch.int32)
        >>> ops.sum([[1, 2], [3, 4]], axis=1, keepdims=True)
        tensor([[3],
                [7]], dtype=torch.int32)
    """


@op(explain=explain.axis_of_x)
def prod(x: Tensor, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """Product, computed in `dtype` if given.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.
        dtype: None: that of `x`, 32 bits for bool and small integers.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.prod([2, 3, 4])
        tensor(24, dtype=torch.int32)
    """


@op(explain=explain.axis_of_x)
def mean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Arithmetic mean, a float also for integers.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.mean([[1, 2], [3, 6]], axis=1)
        tensor([1.5000, 4.5000])
    """


@op(explain=explain.axis_of_x)
def var(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Variance, mean(|x - mean(x)|^2), over n elements and not n - 1.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.var([1.0, 5.0])
        tensor(4.)
    """


@op(explain=explain.axis_of_x)
def std(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Standard deviation, the root of `var`.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.std([1.0, 5.0])
        tensor(2.)
    """


@op(explain=explain.extremum)
def max(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Largest element; at least `initial` if given, which an empty `x` needs.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.max([[1, 5], [7, 2]], axis=0)
        tensor([7, 5], dtype=torch.int32)
        >>> ops.max([1, 5, 2], initial=9)
        tensor(9, dtype=torch.int32)
    """


@op(explain=explain.extremum)
def min(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Smallest element; at most `initial` if given, which an empty `x` needs.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.min([[1, 5], [7, 2]], axis=0)
        tensor([1, 2], dtype=torch.int32)
    """


@op(explain=explain.extremum)
def amax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The same as `max` without `initial`.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.amax([[1, 5], [7, 2]], axis=1)
        tensor([5, 7], dtype=torch.int32)
    """
    return max(x, axis=axis, keepdims=keepdims)


@op(explain=explain.extremum)
def amin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The same as `min` without `initial`.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.amin([[1, 5], [7, 2]], axis=1)
        tensor([1, 2], dtype=torch.int32)
    """
    return min(x, axis=axis, keepdims=keepdims)


@op(explain=explain.axis_of_x)
def all(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """bool: every element is True (not zero).

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.all([[True, False], [True, True]], axis=1)
        tensor([False,  True])
    """


@op(explain=explain.axis_of_x)
def any(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """bool: some element is True (not zero).

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.any([[False, True], [False, False]], axis=1)
        tensor([ True, False])
    """


@op(explain=explain.axis_of_x)
def median(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle of the sorted elements, or the mean of the middle two.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.median([3, 1, 2, 9])
        tensor(2.5000)
    """


@op(explain=explain.average)
def average(x: Tensor, axis: Axis = None, weights: Any = None) -> Tensor:
    """Weighted mean, sum(x * weights) / sum(weights).

    Arguments:
        weights: of the shape of `x`, or 1-D along one `axis`; None: all equal.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.average([1.0, 3.0], weights=[3.0, 1.0])
        tensor(1.5000)
    """


@op(explain=explain.axis_of_x)
def count_nonzero(x: Tensor, axis: Axis = None) -> Tensor:
    """How many elements are not zero, int32.

    Arguments:
        axis: int, several, or None for all of `x`.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.count_nonzero([[0, 2], [3, 4]], axis=1)
        tensor([1, 2], dtype=torch.int32)
    """


@op(explain=explain.axis_of_x)
def cumsum(x: Tensor, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running sum along `axis` (None: of the flattened array).

    Arguments:
        dtype: what to add up in; None: that of `x`, int32 for bool.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.cumsum([[1, 2], [3, 4]], axis=0)
        tensor([[1, 2],
                [4, 6]], dtype=torch.int32)
        >>> ops.cumsum([[1, 2], [3, 4]])
        tensor([ 1,  3,  6, 10], dtype=torch.int32)
    """


@op(explain=explain.axis_of_x)
def cumprod(x: Tensor, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running product along `axis` (None: of the flattened array).

    Arguments:
        dtype: what to multiply in; None: that of `x`, int32 for bool.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.cumprod([1, 2, 3, 4])
        tensor([ 1,  2,  6, 24], dtype=torch.int32)
    """


@op(explain=explain.diff)
def diff(a: Tensor, n: int = 1, axis: int = -1) -> Tensor:
    """Differences of neighbours along `axis`, taken `n` times; the axis loses `n`.

    Raises: ValueError for an axis that `a` has not, and for a negative `n`.

    Example:
        >>> ops.diff([1, 4, 9])
        tensor([3, 5], dtype=torch.int32)
        >>> ops.diff([1, 4, 9], n=2)
        tensor([2], dtype=torch.int32)
    """


@op(explain=explain.axis_of_x)
def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """int32 position of the first largest element (axis=None: in the flattened array).

    Arguments:
        axis: int; None: the flattened array.
        keepdims: whether `axis` stays, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.argmax([[1, 5, 2], [9, 9, 0]], axis=1)
        tensor([1, 0], dtype=torch.int32)
    """


@op(explain=explain.axis_of_x)
def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """int32 position of the first smallest element.

    Arguments:
        axis: int; None: the flattened array.
        keepdims: whether `axis` stays, with size 1.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.argmin([[3, 1, 2], [4, 0, 0]], axis=1)
        tensor([1, 1], dtype=torch.int32)
    """


@op(explain=explain.axis_of_x)
def argsort(x: Tensor, axis: int | None = -1) -> Tensor:
    """int32 positions that sort `x` along `axis`, stably (None: of the flattened array).

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.argsort([3, 1, 2])
        tensor([1, 2, 0], dtype=torch.int32)
    """


@op(explain=explain.axis_of_x)
def sort(x: Tensor, axis: int | None = -1) -> Tensor:
    """Ascending along `axis`.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.sort([[3, 1], [2, 4]], axis=0)
        tensor([[2, 1],
                [3, 4]], dtype=torch.int32)
    """


@op(explain=explain.searchsorted)
def searchsorted(sorted_sequence: Tensor, values: Tensor, side: str = "left") -> Tensor:
    """Where `values` must be inserted for the sequence to stay sorted.

    Arguments:
        sorted_sequence: (n,), ascending.
        values: any shape.
        side: among equal elements, "left" inserts before them and "right" after.

    Returns: int32 of the shape of `values` (int64 for n beyond int32).

    Example:
        >>> ops.searchsorted([1, 3, 5], [3, 4])
        tensor([1, 2], dtype=torch.int32)
        >>> ops.searchsorted([1, 3, 5], [3, 4], side="right")
        tensor([2, 2], dtype=torch.int32)
    """


def _positions(x: Any) -> tuple[Spec, ...]:
    """How many there are depends on the values."""
    return tuple(Spec((None,), "int32") for _ in x.shape)


@op(rule=_positions, explain=explain.with_axes)
def nonzero(x: Tensor) -> Any:
    """Positions of the elements of `x` that are not zero: one (count,) int array per axis.

    Example:
        >>> ops.nonzero([[0, 7], [8, 0]])
        (tensor([0, 1], dtype=torch.int32), tensor([1, 0], dtype=torch.int32))
    """


def _where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """With a condition alone, how many positions there are depends on the values."""
    return _positions(condition) if x1 is None and x2 is None else None


@op(rule=_where, explain=explain.where)
def where(condition: Tensor, x1: Any = None, x2: Any = None) -> Any:
    """`x1` where `condition` holds, else `x2`; the three broadcast.

    With `condition` alone, the same as `nonzero`.

    Raises: ValueError if exactly one of `x1` and `x2` is given.

    Example:
        >>> ops.where([True, False], [1, 2], 0)
        tensor([1, 0], dtype=torch.int32)
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


@op(rule=_bincount, explain=explain_places.bincount)
def bincount(x: Tensor, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each of 0, 1, 2, ... occurs.

    Arguments:
        x: (n,) or (batch, n), non-negative integers.
        weights: of the shape of `x`, added up instead of counting.
        minlength: least length of the result.
        sparse: False; kdist's tensors are dense.

    Returns: (length,) or (batch, length), length = max(largest of x + 1, minlength).

    Example:
        >>> ops.bincount([1, 1, 3])
        tensor([0, 2, 0, 1], dtype=torch.int32)
        >>> ops.bincount([0, 1, 1], weights=[0.5, 1.0, 2.0], minlength=4)
        tensor([0.5000, 3.0000, 0.0000, 0.0000])
    """
