"""Functions that join, cut and turn arrays, made of those of `numpy_shaping`."""

from __future__ import annotations

import builtins
from typing import Any

from kdist.core import dtypes
from kdist.core.spec import Spec
from kdist.ops import explain
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
from kdist.ops.promotion import kind

Tensor = Any


@op
def append(x1: Tensor, x2: Tensor, axis: int | None = None) -> Tensor:
    """`x2` after `x1` along `axis`; None flattens both first.

    Example: `append([1, 2], [[3], [4]])` gives `[1, 2, 3, 4]`.
    """
    if axis is None:
        return concatenate([ravel(x1), ravel(x2)], axis=0)
    return concatenate([x1, x2], axis=axis)


@op
def dstack(xs: Any) -> Tensor:
    """Join along the third axis: (n,) counts as (1, n, 1), and (n, m) as (n, m, 1).

    Example: `dstack([[1, 2], [3, 4]])` has shape (1, 2, 2).
    """
    return concatenate([_three_axes(x) for x in xs], axis=2)


def _three_axes(x: Any) -> Tensor:
    x = convert_to_tensor(x)
    if ndim(x) == 0:
        return reshape(x, (1, 1, 1))
    if ndim(x) == 1:
        return expand_dims(x, (0, 2))
    return expand_dims(x, 2) if ndim(x) == 2 else x


@op
def array_split(x: Tensor, indices_or_sections: Any, axis: int = 0) -> Any:
    """As `split`, into parts that may differ by one in size: the first ones are the larger.

    Returns: list of tensors. Raises: ValueError for less than one part.
    Example: `array_split([1, 2, 3], 2)` gives `[[1, 2], [3]]`.
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


@op
def vsplit(x: Tensor, indices_or_sections: Any) -> Any:
    """`split` along the first axis of two or more.

    Example: shape (4, 3) in 2 gives two of shape (2, 3).
    """
    return split(_at_least(x, 2, "vsplit"), indices_or_sections, axis=0)


@op
def hsplit(x: Tensor, indices_or_sections: Any) -> Any:
    """`split` along the second axis, or along the only one.

    Example: shape (3, 4) in 2 gives two of shape (3, 2).
    """
    x = _at_least(x, 1, "hsplit")
    return split(x, indices_or_sections, axis=0 if ndim(x) == 1 else 1)


@op
def dsplit(x: Tensor, indices_or_sections: Any) -> Any:
    """`split` along the third axis. Example: shape (2, 3, 4) in 2 gives two of shape (2, 3, 2)."""
    return split(_at_least(x, 3, "dsplit"), indices_or_sections, axis=2)


@op
def flipud(x: Tensor) -> Tensor:
    """The first axis in reverse order. Example: `flipud([[1], [2]])` gives `[[2], [1]]`."""
    return flip(_at_least(x, 1, "flipud"), axis=0)


@op
def fliplr(x: Tensor) -> Tensor:
    """The second axis in reverse order. Example: `fliplr([[1, 2]])` gives `[[2, 1]]`."""
    return flip(_at_least(x, 2, "fliplr"), axis=1)


@op
def rot90(array: Tensor, k: int = 1, axes: Any = (0, 1)) -> Tensor:
    """Turn by `k` times 90 degrees in the plane of two axes, from the first towards the second.

    Raises: ValueError if `axes` are not two different ones of `array`.
    Example: `rot90([[1, 2], [3, 4]])` gives `[[2, 4], [1, 3]]`.
    """
    array = convert_to_tensor(array)
    rank = ndim(array)
    if rank < 2:
        raise ValueError(
            f"rot90: the input array must have at least 2 dimensions, and array has {rank}."
        )
    if len(axes) != 2 or axes[0] % rank == axes[1] % rank:
        raise ValueError(f"rot90: invalid axes={tuple(axes)}. Name two different ones.")
    first, second = axes
    turns = k % 4
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

    Example: `diagonal([[1, 2], [3, 4]])` gives `[1, 4]`.
    """


@op
def diagflat(x: Tensor, k: int = 0) -> Tensor:
    """The matrix with the flattened `x` on its k-th diagonal.

    Example: `diagflat([[1, 2]])` gives `[[1, 0], [0, 2]]`.
    """
    return diag(ravel(x), k=k)


@op
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """(N, M) with 1 on and below the k-th diagonal and 0 above; M = N by default.

    Example: `tri(2)` gives `[[1, 0], [1, 1]]`.
    """
    return tril(ones((N, N if M is None else M), dtype=dtype), k=k)


@op
def empty_like(x: Tensor, dtype: Any = None) -> Tensor:
    """Of arbitrary values in the shape of `x`, and its dtype unless given.

    Example: `empty_like([1, 2])` has shape (2,).
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
    Example: `select([[True, False], [True, True]], [[1, 2], [3, 4]])` gives `[1, 4]`.
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


@op
def unravel_index(indices: Tensor, shape: Any) -> Any:
    """Positions in the flattened array as positions along each axis of `shape`.

    Arguments:
        indices: integers of any shape; negative ones count from the end.
        shape: tuple of int.

    Returns: tuple of arrays of the shape and dtype of `indices`.
    Example: `unravel_index([5], (2, 3))` gives `([1], [2])`.
    """
    if not dtypes.is_int(kind(indices)):
        raise TypeError(f"unravel_index: indices must be integers, and are {kind(indices)}.")
    out = []
    for size in reversed(tuple(shape)):
        out.append(mod(indices, size))
        indices = floor_divide(indices, size)
    return tuple(reversed(out))


@op(explain=explain.argpartition)
def argpartition(x: Tensor, kth: int, axis: int | None = -1) -> Tensor:
    """int32 positions along `axis` that partition the elements at `kth`.

    The element there is where sorting would put it, with none larger before it and none smaller
    behind. axis=None: of the flattened array.

    Raises: ValueError if `kth` is not one int. Example: `argpartition([3, 1, 2], 0)` gives
    `[1, 2, 0]`.
    """
    if not isinstance(kth, int):
        raise ValueError(f"argpartition: kth={kth} must be an int.")
    return argsort(x, axis=axis)  # any order on either side is allowed, a sorted one too
