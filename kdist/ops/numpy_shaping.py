"""Functions that rearrange, join, cut, repeat or pick elements and compute nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kdist.core.spec import Spec
from kdist.ops import explain, explain_joining
from kdist.ops.checks import dtype_of, one_of, shape_of
from kdist.ops.declare import op

Tensor = Any


def _reshape(x: Any, newshape: Any) -> Any:
    """What -1 stands for may be no whole number at a probe's sizes, and a symbolic `newshape` has
    no values."""
    if isinstance(newshape, Spec):  # its values are the sizes
        return Spec((None,) * (newshape.shape[0] or 0), dtype_of(x))
    sizes = (newshape,) if isinstance(newshape, int) else tuple(newshape)
    sizes = tuple(int(d) if isinstance(d, int | np.integer) else -1 for d in sizes)
    rest = math.prod(d for d in sizes if d != -1)
    shape = shape_of(x)
    if sizes.count(-1) == 1 and None not in shape and rest:
        sizes = tuple(math.prod(shape) // rest if d == -1 else d for d in sizes)
    return Spec(tuple(None if d == -1 else d for d in sizes), dtype_of(x))


@op(rule=_reshape, explain=explain.reshape)
def reshape(x: Tensor, newshape: Any) -> Tensor:
    """The elements of `x`, in row-major order, in another shape.

    Arguments:
        newshape: int or tuple of int; one of them may be -1, for what is left.

    Raises: ValueError, or the framework's own error, where the number of elements differs.

    Example:
        >>> ops.reshape([[1, 2], [3, 4], [5, 6]], (2, -1))
        tensor([[1, 2, 3],
                [4, 5, 6]], dtype=torch.int32)
    """


@op
def ravel(x: Tensor) -> Tensor:
    """All elements of `x` in row-major order, 1-D.

    Example:
        >>> ops.ravel([[1, 2], [3, 4]])
        tensor([1, 2, 3, 4], dtype=torch.int32)
    """


@op(explain=explain.transpose)
def transpose(x: Tensor, axes: Any = None) -> Tensor:
    """The axes of `x` in the order `axes`; None reverses them.

    Raises: ValueError if `axes` is no permutation of all axes.

    Example:
        >>> ops.transpose([[1, 2], [3, 4]])
        tensor([[1, 3],
                [2, 4]], dtype=torch.int32)
        >>> ops.transpose(ops.ones((2, 3, 4)), (1, 0, 2)).shape
        torch.Size([3, 2, 4])
    """


@op(explain=explain.swapaxes)
def swapaxes(x: Tensor, axis1: int, axis2: int) -> Tensor:
    """Exchange two axes.

    Arguments:
        axis1, axis2: int.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.swapaxes(ops.ones((2, 3, 4)), 0, 2).shape
        torch.Size([4, 3, 2])
    """


@op(explain=explain.moveaxis)
def moveaxis(x: Tensor, source: Any, destination: Any) -> Tensor:
    """Move axes (an int or several) from `source` to `destination`; the others keep their order.

    Raises: ValueError for axes that `x` has not, or of different numbers.

    Example:
        >>> ops.moveaxis(ops.ones((2, 3, 4)), 0, -1).shape
        torch.Size([3, 4, 2])
    """


@op(explain=explain.expand_dims)
def expand_dims(x: Tensor, axis: Any) -> Tensor:
    """`x` with new axes of size 1 at `axis`, an int or tuple.

    Raises: ValueError for a place that the result has not.

    Example:
        >>> ops.expand_dims(ops.ones((2, 3)), -1).shape
        torch.Size([2, 3, 1])
    """


@op(explain=explain.squeeze)
def squeeze(x: Tensor, axis: Any = None) -> Tensor:
    """Drop axes of `x` of size 1: those in `axis`, or all. Raises if one of `axis` is larger.

    Example:
        >>> ops.squeeze(ops.ones((1, 3, 1))).shape
        torch.Size([3])
        >>> ops.squeeze(ops.ones((1, 3, 1)), axis=0).shape
        torch.Size([3, 1])
    """


def _broadcast_to(x: Any, shape: Any) -> Any:
    """An unknown size becomes the one in `shape`, which a probe does not try."""
    if not isinstance(x, Spec) or None not in x.shape:
        return None
    return Spec(tuple(shape), x.dtype)


@op(rule=_broadcast_to, explain=explain.broadcast_to)
def broadcast_to(x: Tensor, shape: Any) -> Tensor:
    """Repeat `x` along axes of size 1, and along new leading ones, to `shape`.

    Example:
        >>> ops.broadcast_to([1, 2], (2, 2))
        tensor([[1, 2],
                [1, 2]], dtype=torch.int32)
    """


@op(explain=explain.axis_of_x)
def flip(x: Tensor, axis: Any = None) -> Tensor:
    """Reverse the order along `axis`, an int or tuple (None: all).

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.flip([[1, 2], [3, 4]])
        tensor([[4, 3],
                [2, 1]], dtype=torch.int32)
        >>> ops.flip([[1, 2], [3, 4]], axis=0)
        tensor([[3, 4],
                [1, 2]], dtype=torch.int32)
    """


@op(explain=explain.roll)
def roll(x: Tensor, shift: Any, axis: Any = None) -> Tensor:
    """Rotate by `shift` places along `axis` (None: the flattened array).

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.roll([1, 2, 3], 1)
        tensor([3, 1, 2], dtype=torch.int32)
    """


def _repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """One number per element: their sum is the size, and unknown sizes of a probe do not fit them."""
    each = isinstance(repeats, list | tuple) and len(repeats) > 1
    if not isinstance(repeats, Spec) and not each:
        return None
    # Whether an unknown size fits is seen at the call.
    given = math.prod(x.shape) if axis is None and None not in x.shape else None
    given = given if axis is None else x.shape[axis]
    if each and given is not None and given != len(repeats):
        raise ValueError(f"repeat: repeats={repeats} must hold one entry, or {given} of them.")
    size = sum(repeats) if each and given is not None else None
    if axis is None:
        return Spec((size,), x.dtype)
    axis %= len(x.shape)
    return Spec((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype)


@op(rule=_repeat, explain=explain.repeat)
def repeat(x: Tensor, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element `repeats` times along `axis`.

    `repeats` is an int, or one per element; axis=None: of the flattened array.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.repeat([1, 2], 2)
        tensor([1, 1, 2, 2], dtype=torch.int32)
        >>> ops.repeat([1, 2], [3, 1])
        tensor([1, 1, 1, 2], dtype=torch.int32)
    """


@op(explain=explain.tile)
def tile(x: Tensor, repeats: Any) -> Tensor:
    """The whole of `x`, `repeats` times along each axis.

    Example:
        >>> ops.tile([1, 2], 2)
        tensor([1, 2, 1, 2], dtype=torch.int32)
        >>> ops.tile([1, 2], (2, 1))
        tensor([[1, 2],
                [1, 2]], dtype=torch.int32)
    """


@op(explain=explain.pad)
def pad(x: Tensor, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Tensor:
    """Add a border to `x`.

    Arguments:
        pad_width: int; or (before, after); or one such pair per axis.
        mode: "constant", "reflect" or "symmetric".
        constant_values: what fills a constant border, 0 by default.

    Raises: ValueError if `constant_values` is given with another mode.

    Example:
        >>> ops.pad([1, 2, 3], (1, 2))
        tensor([0, 1, 2, 3, 0, 0], dtype=torch.int32)
        >>> ops.pad([1, 2, 3], (1, 2), mode="reflect")
        tensor([2, 1, 2, 3, 2, 1], dtype=torch.int32)
    """


@op(explain=explain.joined)
def concatenate(xs: Any, axis: int = 0) -> Tensor:
    """Join the arrays `xs`, alike in all other axes, along `axis`; their dtypes promote.

    Raises: ValueError if there are none, or they differ in another axis.

    Example:
        >>> ops.concatenate([[1], [2, 3]])
        tensor([1, 2, 3], dtype=torch.int32)
        >>> ops.concatenate([[[1], [2]], [[3.0], [4.0]]], axis=1)
        tensor([[1., 3.],
                [2., 4.]])
    """


@op(explain=explain.stacked)
def stack(x: Any, axis: int = 0) -> Tensor:
    """Join the arrays `x`, of one shape, along a new axis that stands at `axis`.

    Raises: ValueError if there are none, or their shapes differ.

    Example:
        >>> ops.stack([[1, 2], [3, 4]], axis=1)
        tensor([[1, 3],
                [2, 4]], dtype=torch.int32)
    """


@op(explain=explain_joining.vstack)
def vstack(xs: Any) -> Tensor:
    """Join the arrays `xs` as rows: 1-D arrays become (1, n), then along axis 0.

    Example:
        >>> ops.vstack([[1, 2], [3, 4]])
        tensor([[1, 2],
                [3, 4]], dtype=torch.int32)
    """


@op(explain=explain_joining.hstack)
def hstack(xs: Any) -> Tensor:
    """Join the arrays `xs` side by side: along axis 1, or axis 0 for 1-D arrays.

    Example:
        >>> ops.hstack([[1], [2, 3]])
        tensor([1, 2, 3], dtype=torch.int32)
    """


@op(explain=explain.split)
def split(x: Tensor, indices_or_sections: Any, axis: int = 0) -> Any:
    """Cut `x` along `axis`.

    Into that many equal parts (int), or before each of the positions (sequence).

    Arguments:
        indices_or_sections: int, how many equal parts; or the positions before which to cut.
        axis: int.

    Returns: list of tensors. Raises: an error where equal parts do not come out.

    Example:
        >>> ops.split([1, 2, 3, 4], 2)
        [tensor([1, 2], dtype=torch.int32), tensor([3, 4], dtype=torch.int32)]
        >>> ops.split([1, 2, 3, 4], [1, 3])
        [tensor([1], dtype=torch.int32), tensor([2, 3], dtype=torch.int32), tensor([4],
         dtype=torch.int32)]
    """


@op(explain=explain.take, integers=("indices",))
def take(x: Tensor, indices: Any, axis: int | None = None) -> Tensor:
    """Elements at `indices` along `axis` (None: of the flattened array).

    Negative ones count from the end.

    Returns: the shape of `x` with `axis` replaced by the shape of `indices`.
    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.take([10, 20, 30], [2, 0, -1])
        tensor([30, 10, 30], dtype=torch.int32)
        >>> ops.take([[1, 2], [3, 4]], 0, axis=1)
        tensor([1, 3], dtype=torch.int32)
    """


@op(explain=explain.take_along_axis, integers=("indices",))
def take_along_axis(x: Tensor, indices: Any, axis: int | None = None) -> Tensor:
    """For each position of `indices` the element of `x` at that index along `axis`, all else alike.

    Raises: ValueError for an axis that `x` has not, or another number of axes.

    Example:
        >>> ops.take_along_axis([[1, 2], [3, 4]], [[1], [0]], axis=1)
        tensor([[2],
                [3]], dtype=torch.int32)
    """


def diagonal_size(rows: int | None, columns: int | None, offset: int) -> int | None:
    """The length of a diagonal, which a probe at large sizes would take from the known size alone."""
    if rows is None or columns is None:
        return None
    return max(0, min(rows + min(offset, 0), columns - max(offset, 0)))


def _diag(x: Any, k: int = 0) -> Any:
    """As for `diagonal_size`."""
    if len(x.shape) == 1:
        return None
    return Spec((diagonal_size(*x.shape, k),), x.dtype)


@op(rule=_diag, explain=explain.diag)
def diag(x: Tensor, k: int = 0) -> Tensor:
    """The `k`-th diagonal of a matrix `x`; or, of a vector, the matrix that has it there.

    Number 0 is the main diagonal; positive ones are above it, negative ones below.

    Raises: ValueError if `x` has other than one or two axes.

    Example:
        >>> ops.diag([1, 2])
        tensor([[1, 0],
                [0, 2]], dtype=torch.int32)
        >>> ops.diag([[1, 2], [3, 4]])
        tensor([1, 4], dtype=torch.int32)
    """


@op(explain=explain_joining.triangle)
def tril(x: Tensor, k: int = 0) -> Tensor:
    """`x` with zeros above the `k`-th diagonal (see `diag`) of the last two axes.

    Example:
        >>> ops.tril([[1, 2], [3, 4]])
        tensor([[1, 0],
                [3, 4]], dtype=torch.int32)
    """


@op(explain=explain_joining.triangle)
def triu(x: Tensor, k: int = 0) -> Tensor:
    """`x` with zeros below the `k`-th diagonal (see `diag`) of the last two axes.

    Example:
        >>> ops.triu([[1, 2], [3, 4]])
        tensor([[1, 2],
                [0, 4]], dtype=torch.int32)
    """


@op(check=lambda *x, indexing="xy": one_of("meshgrid", "indexing", indexing, ("xy", "ij")))
def meshgrid(*x: Tensor, indexing: str = "xy") -> Any:
    """Coordinate grids of 1-D axes.

    Arguments:
        *x: (n_i,) each; a grid has the dtype of its axis.
        indexing: "xy" gives shape (n_2, n_1, n_3, ...), "ij" gives (n_1, n_2, ...).

    Returns: list of as many arrays.
    Raises: ValueError for another `indexing`.

    Example:
        >>> ops.meshgrid([1, 2], [3, 4, 5])
        [tensor([[1, 2],
                [1, 2],
                [1, 2]], dtype=torch.int32), tensor([[3, 3],
                [4, 4],
                [5, 5]], dtype=torch.int32)]
    """
