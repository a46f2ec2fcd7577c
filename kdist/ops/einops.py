"""Rearrangement of axes by a pattern of their names."""

from __future__ import annotations

import math
import re
from typing import Any

from kdist.ops.checks import shape_of
from kdist.ops.core import convert_to_tensor
from kdist.ops.declare import op
from kdist.ops.numpy_shaping import reshape, transpose

Tensor = Any
Groups = list[list[str]]


def _groups(side: str, pattern: str) -> Groups:
    """The names of each axis: "b (h w)" gives [["b"], ["h", "w"]]."""
    if not re.fullmatch(r"\s*((\w+|\(\s*\w+(\s+\w+)*\s*\))\s*)*", side):
        raise ValueError(
            f"rearrange: pattern={pattern!r} is not understood at {side.strip()!r}. Write names, "
            "and names in parentheses for an axis made of several, with spaces between."
        )
    return [found.strip("()").split() for found in re.findall(r"\w+|\([^)]*\)", side)]


def _parse(pattern: str) -> tuple[Groups, Groups]:
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f"rearrange: pattern={pattern!r} must be of the form 'a b c -> c (a b)'.")
    before, after = (_groups(side, pattern) for side in sides)
    names = [[n for group in side for n in group] for side in (before, after)]
    if sorted(names[0]) != sorted(names[1]) or len(set(names[0])) != len(names[0]):
        raise ValueError(
            f"rearrange: pattern={pattern!r} must have every name once on each side of '->'."
        )
    return before, after


def _check(tensor: Any, pattern: str, **axes_lengths: Any) -> None:
    shape, (before, _) = shape_of(tensor), _parse(pattern)
    if len(before) != len(shape):
        raise ValueError(
            f"rearrange: pattern={pattern!r} describes {len(before)} axes. Received: "
            f"tensor.shape={shape}."
        )
    for size, group in zip(shape, before, strict=True):
        given = [axes_lengths[n] for n in group if n in axes_lengths]
        product, free = math.prod(given), len(group) - len(given)
        if free > 1 or (
            size is not None and (size % product if free else (given and product != size))
        ):
            raise ValueError(
                f"rearrange: the axis ({' '.join(group)}) of {size} elements does not split by "
                f"{ {n: axes_lengths[n] for n in group if n in axes_lengths} }. Give the length of "
                "all but one of its parts."
            )


@op(check=_check)
def rearrange(tensor: Tensor, pattern: str, **axes_lengths: Any) -> Tensor:
    """Reorder, split and merge axes.

    Rogozhnikov 2022, https://openreview.net/forum?id=oapKSVM2bcj.

    Arguments:
        tensor: with the axes that stand before "->".
        pattern: the names of the axes before and after "->"; parentheses make one axis of several.
        **axes_lengths: lengths of the parts of an axis that is split, all but one.

    Raises: ValueError for a pattern that is not understood or does not fit.

    Example:
        >>> images = ops.ones((2, 8, 12, 3))
        >>> ops.rearrange(images, "b (h p) (w q) c -> b (h w) (p q c)", p=4, q=4).shape
        torch.Size([2, 6, 48])
    """
    tensor = convert_to_tensor(tensor)
    before, after = _parse(pattern)
    sizes: dict[str, Any] = {}
    for size, group in zip(tensor.shape, before, strict=True):
        known = math.prod(axes_lengths[n] for n in group if n in axes_lengths)
        for n in group:
            sizes[n] = axes_lengths[n] if n in axes_lengths else _part(size, known)
    names = [n for group in before for n in group]
    order = [names.index(n) for group in after for n in group]
    if any(len(group) > 1 for group in before):
        tensor = reshape(tensor, [_known(sizes[n]) for n in names])
    if order != sorted(order):
        tensor = transpose(tensor, order)
    if any(len(group) != 1 for group in after):
        tensor = reshape(tensor, [_merged([sizes[n] for n in group]) for group in after])
    return tensor


def _part(size: int | None, known: int) -> int | None:
    return None if size is None else size // known


def _known(size: int | None) -> int:
    return -1 if size is None else size


def _merged(sizes: list) -> int:
    return -1 if None in sizes else math.prod(sizes)
