"""Functions that join, cut and turn arrays, made of those of `numpy_shaping`."""

from __future__ import annotations

import builtins
import operator
from typing import Any

from kdist.core.spec import Spec
from kdist.ops import explain, explain_dtypes, explain_joining
from kdist.ops.checks import at_least
from kdist.ops.core import convert_to_tensor, ndim, shape
from kdist.ops.declare import op
from kdist.ops.numpy_binary import floor_divide, minimum, mod
from kdist.ops.numpy_creation import ones, zeros_like
from kdist.ops.numpy_reductions import argsort, where
from kdist.ops.numpy_shaping import (
    concatenate,
    diag,
    diagonal_size,
    expand_dims,
    flip,
    ravel,
    reshape,
    split,
    swapaxes,
    tril,
)

Tensor = Any


@op(explain=explain_joining.append)
def append(x1: Tensor, x2: Tensor, axis: int | None = None) -> Tensor:
    """`x2` after `x1` along `axis`; None flattens both first.

    Example:
        >>> ops.append([1, 2], [[3], [4]])
        tensor([1, 2, 3, 4], dtype=torch.int32)
        >>> ops.append([[1, 2]], [[3, 4]], axis=0)
        tensor([[1, 2],
                [3, 4]], dtype=torch.int32)
    """
    if axis is None:
        return concatenate([ravel(x1), ravel(x2)], axis=0)
    return concatenate([x1, x2], axis=axis)


@op(explain=explain_joining.dstack)
def dstack(xs: Any) -> Tensor:
    """Join the arrays `xs` along the third axis: (n,) counts as (1, n, 1), and (n, m) as (n, m, 1).

    Example:
        >>> ops.dstack([[1, 2], [3, 4]])
        tensor([[[1, 3],
                 [2, 4]]], dtype=torch.int32)
    """
    return concatenate([_three_axes(x) for x in xs], axis=2)


def _three_axes(x: Any) -> Tensor:
    x = convert_to_tensor(x)
    if ndim(x) == 0:
        return reshape(x, (1, 1, 1))
    if ndim(x) == 1:
        return expand_dims(x, (0, 2))
    return expand_dims(x, 2) if ndim(x) == 2 else x


@op(explain=explain_joining.array_split)
def array_split(x: Tensor, indices_or_sections: Any, axis: int = 0) -> Any:
    """As `split`, into parts that may differ by one in size: the first ones are the larger.

    Arguments:
        x: any shape.
        indices_or_sections: int, how many parts; or the positions before which to cut.
        axis: int.

    Returns: list of tensors. Raises: ValueError for less than one part.

    Example:
        >>> ops.array_split([1, 2, 3, 4, 5], 3)
        [tensor([1, 2], dtype=torch.int32), tensor([3, 4], dtype=torch.int32), tensor([5],
         dtype=torch.int32)]
    """
    if not isinstance(indices_or_sections, int):
        return split(x, indices_or_sections, axis=axis)
    parts = indices_or_sections
    if parts < 1:
        raise ValueError(f"array_split: indices_or_sections={parts} must be at least 1.")
    x = convert_to_tensor(x)
    size = shape(x)[axis]
    whole, over = size // parts, size % parts
    fewer = builtins.min if isinstance(size, int) else minimum
    return split(x, [i * whole + fewer(i, over) for i in range(1, parts)], axis=axis)


def _at_least(x: Any, rank: int, name: str, argument: str = "x") -> Tensor:
    x = convert_to_tensor(x)
    if ndim(x) < rank:
        raise ValueError(
            f"{name}: {argument} needs at least {rank} axes, and has shape {tuple(shape(x))}."
        )
    return x


@op(explain=explain_joining.vsplit)
def vsplit(x: Tensor, indices_or_sections: Any) -> Any:
    """`split` of `x` along the first axis of two or more.

    Arguments:
        indices_or_sections: int or positions, as for `split`.

    Example:
        >>> [part.shape for part in ops.vsplit(ops.ones((4, 3)), 2)]
        [torch.Size([2, 3]), torch.Size([2, 3])]
    """
    return split(_at_least(x, 2, "vsplit"), indices_or_sections, axis=0)


@op(explain=explain_joining.hsplit)
def hsplit(x: Tensor, indices_or_sections: Any) -> Any:
    """`split` of `x` along the second axis, or along the only one.

    Arguments:
        indices_or_sections: int or positions, as for `split`.

    Example:
        >>> ops.hsplit([[1, 2, 3]], [1])
        [tensor([[1]], dtype=torch.int32), tensor([[2, 3]], dtype=torch.int32)]
    """
    x = _at_least(x, 1, "hsplit")
    return split(x, indices_or_sections, axis=0 if ndim(x) == 1 else 1)


@op(explain=explain_joining.dsplit)
def dsplit(x: Tensor, indices_or_sections: Any) -> Any:
    """`split` of `x` along the third axis.

    Arguments:
        indices_or_sections: int or positions, as for `split`.

    Example:
        >>> [part.shape for part in ops.dsplit(ops.ones((2, 3, 4)), 2)]
        [torch.Size([2, 3, 2]), torch.Size([2, 3, 2])]
    """
    return split(_at_least(x, 3, "dsplit"), indices_or_sections, axis=2)


@op
def flipud(x: Tensor) -> Tensor:
    """The first axis of `x` in reverse order.

    Example:
        >>> ops.flipud([[1, 2], [3, 4]])
        tensor([[3, 4],
                [1, 2]], dtype=torch.int32)
    """
    return flip(_at_least(x, 1, "flipud"), axis=0)


@op
def fliplr(x: Tensor) -> Tensor:
    """The second axis of `x` in reverse order.

    Example:
        >>> ops.fliplr([[1, 2], [3, 4]])
        tensor([[2, 1],
                [4, 3]], dtype=torch.int32)
    """
    return flip(_at_least(x, 2, "fliplr"), axis=1)


@op(explain=explain_joining.rot90)
def rot90(array: Tensor, k: int = 1, axes: Any = (0, 1)) -> Tensor:
    """Turn by `k` times 90 degrees in the plane of two axes, from the first towards the second.

    Raises: ValueError if `axes` are not two different ones of `array`.

    Example:
        >>> ops.rot90([[1, 2], [3, 4]])
        tensor([[2, 4],
                [1, 3]], dtype=torch.int32)
    """
    array = convert_to_tensor(array)
    rank = ndim(array)
    if rank < 2:
        raise ValueError(
            f"rot90: the input array must have at least 2 dimensions, and array has {rank}."
        )
    if len(axes) != 2 or axes[0] % rank == axes[1] % rank:
        raise ValueError("Two different axes are wanted.")
    first, second = axes
    turns = operator.index(k) % 4
    if turns == 0:
        return array
    if turns == 2:
        return flip(array, axis=(first, second))
    if turns == 1:
        return swapaxes(flip(array, axis=second), first, second)
    return flip(swapaxes(array, first, second), axis=second)


def _diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Spec:
    """As for `diagonal_size`."""
    axis1, axis2 = axis1 % len(x.shape), axis2 % len(x.shape)
    left = [n for i, n in enumerate(x.shape) if i not in (axis1, axis2)]
    return Spec((*left, diagonal_size(x.shape[axis1], x.shape[axis2], offset)), x.dtype)


@op(rule=_diagonal, explain=explain.diagonal)
def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The `offset`-th diagonal of two axes, as a last axis in their place.

    Arguments:
        offset: above the main diagonal if positive, below if negative.
        axis1, axis2: the two axes.

    Raises: ValueError for axes that `x` has not, or twice the same.

    Example:
        >>> ops.diagonal([[1, 2], [3, 4]])
        tensor([1, 4], dtype=torch.int32)
        >>> ops.diagonal([[1, 2], [3, 4]], offset=1)
        tensor([2], dtype=torch.int32)
    """


@op
def diagflat(x: Tensor, k: int = 0) -> Tensor:
    """The matrix with the flattened `x` on its `k`-th diagonal, as for `diag`.

    Example:
        >>> ops.diagflat([1, 2], k=1)
        tensor([[0, 1, 0],
                [0, 0, 2],
                [0, 0, 0]], dtype=torch.int32)
    """
    return diag(ravel(x), k=k)


@op(explain=explain_joining.eye)
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """(N, M) with 1 on and below the k-th diagonal and 0 above.

    Arguments:
        N, M, k: as for `eye`.
        dtype: None: the float default.

    Example:
        >>> ops.tri(2, 3)
        tensor([[1., 0., 0.],
                [1., 1., 0.]])
    """
    rows, columns = (operator.index(n) for n in (N, N if M is None else M))
    return tril(ones((rows, columns), dtype=dtype), k=k)


@op
def empty_like(x: Tensor, dtype: Any = None) -> Tensor:
    """Of arbitrary values in the shape of `x`, and in its dtype unless `dtype` is given.

    Example:
        >>> ops.empty_like([[1, 2]]).shape
        torch.Size([1, 2])
    """
    return zeros_like(x, dtype=dtype)


@op
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Tensor:
    """From the first of the conditions that holds, the element of the choice beside it.

    Arguments:
        condlist: list of bool arrays.
        choicelist: list of as many arrays; all broadcast, and their dtypes promote.
        default: where no condition holds.

    Raises: ValueError if the lists are empty or of different lengths.

    Example:
        >>> x = ops.arange(6)
        >>> ops.select([x < 2, x > 3], [x, 10 * x], default=-1)
        tensor([ 0,  1, -1, -1, 40, 50], dtype=torch.int32)
    """
    if not len(condlist) or len(condlist) != len(choicelist):
        raise ValueError(
            f"select: condlist has {len(condlist)} and choicelist {len(choicelist)} entries. "
            "Give as many choices as conditions, at least one."
        )
    out = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        out = where(condition, choice, out)
    return out


@op(integers=("indices",))
def unravel_index(indices: Tensor, shape: Any) -> Any:
    """Positions in the flattened array as positions along each axis of `shape`.

    Arguments:
        indices: integers of any shape; negative ones count from the end.
        shape: tuple of int.

    Returns: tuple of arrays of the shape and dtype of `indices`.

    Example:
        >>> ops.unravel_index([5, 1], (2, 3))
        (tensor([1, 0], dtype=torch.int32), tensor([2, 1], dtype=torch.int32))
    """
    indices = convert_to_tensor(indices)
    explain_dtypes.unfit("unravel_index", {"indices": indices})
    out = []
    for size in reversed(tuple(shape)):
        out.append(mod(indices, size))
        indices = floor_divide(indices, size)
    return tuple(reversed(out))


@op(explain=explain.argpartition)
def argpartition(x: Tensor, kth: int, axis: int | None = -1) -> Tensor:
    """int32 positions along `axis` that partition the elements of `x` at `kth`.

    The element there is where sorting would put it, with none larger before it and none smaller
    behind. axis=None: of the flattened array.

    Raises: ValueError if `kth` is not one int.

    Example:
        >>> x = ops.array([7, 1, 9, 3])
        >>> ops.take(x, ops.argpartition(x, 1))[1]  # the second smallest
        tensor(3, dtype=torch.int32)
    """
    operator.index(kth)
    if axis is not None:
        at_least("argpartition", x, 1)  # which a sort takes
    return argsort(x, axis=axis)  # any order on either side is allowed, a sorted one too
