"""Rows that reshape, join and cut tensors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kdist.backend.tensorflow.tensors import (
    as_tensor,
    normalize_axis,
    promote,
    static_or_dynamic_shape,
)


def reshape(x: Any, newshape: Any) -> Any:
    return tf.reshape(as_tensor(x), [newshape] if isinstance(newshape, int) else newshape)


def ravel(x: Any) -> Any:
    return tf.reshape(as_tensor(x), [-1])


def transpose(x: Any, axes: Any = None) -> Any:
    return tf.transpose(as_tensor(x), axes)


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    x = as_tensor(x)
    perm = list(range(x.shape.rank))
    perm[axis1], perm[axis2] = perm[axis2], perm[axis1]
    return tf.transpose(x, perm)


def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    x = as_tensor(x)
    rank = x.shape.rank
    sources = [normalize_axis(a, rank) for a in ([source] if isinstance(source, int) else source)]
    targets = [
        normalize_axis(a, rank)
        for a in ([destination] if isinstance(destination, int) else destination)
    ]
    perm = [i for i in range(rank) if i not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        perm.insert(target, origin)
    return x if perm == list(range(rank)) else tf.transpose(x, perm)


def expand_dims(x: Any, axis: Any) -> Any:
    x = as_tensor(x)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    rank = x.shape.rank + len(axes)
    for a in sorted(normalize_axis(a, rank) for a in axes):
        x = tf.expand_dims(x, a)
    return x


def squeeze(x: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    axes = None if axis is None else [axis] if isinstance(axis, int) else list(axis)
    for a in axes or ():
        if x.shape[a] not in (1, None):
            raise ValueError(
                f"axis={a} cannot be squeezed: its size is {x.shape[a]} and not 1. The shape is {tuple(x.shape)}."
            )
    return x if axes == [] else tf.squeeze(x, axes)


def broadcast_to(x: Any, shape: Any) -> Any:
    return tf.broadcast_to(as_tensor(x), shape)


def flip(x: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    axes = range(x.shape.rank) if axis is None else [axis] if isinstance(axis, int) else axis
    return tf.reverse(x, list(axes))


def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    if axis is None:
        return tf.reshape(tf.roll(tf.reshape(x, [-1]), shift, 0), tf.shape(x))
    axes = [axis] if isinstance(axis, int) else list(axis)
    shifts = [shift] * len(axes) if isinstance(shift, int) else shift
    return tf.roll(x, shifts, axes)


def tile(x: Any, repeats: Any) -> Any:
    x = as_tensor(x)
    repeats = (
        [repeats]
        if isinstance(repeats, int)
        else list(repeats)
        if not tf.is_tensor(repeats)
        else tf.unstack(repeats)
    )
    rank = max(x.shape.rank, len(repeats))
    repeats = [1] * (rank - len(repeats)) + repeats
    x = tf.reshape(x, [1] * (rank - x.shape.rank) + static_or_dynamic_shape(x))
    if x.dtype == tf.uint16:  # Tile has no kernel for it
        return tf.cast(tf.tile(tf.cast(x, tf.int32), repeats), tf.uint16)
    return tf.tile(x, repeats)


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    x = as_tensor(x)
    if x.dtype == tf.uint16:
        return tf.cast(tf.repeat(tf.cast(x, tf.int32), repeats, axis=axis), tf.uint16)
    if isinstance(repeats, list | tuple) and len(repeats) == 1:
        repeats = repeats[0]
    return tf.repeat(x, repeats, axis=axis)


def _pairs(pad_width: Any, rank: int) -> Any:
    """Padding as `numpy.pad` takes it, as a pair per dim.

    That is an int, (n,), (a, b), ((a, b),) or a pair per dim.
    """
    if tf.is_tensor(pad_width):
        return pad_width
    if isinstance(pad_width, int):
        return [[pad_width, pad_width]] * rank
    if all(isinstance(p, int) for p in pad_width):
        pad_width = [list(pad_width) * 2] if len(pad_width) == 1 else [list(pad_width)]
    pairs = [list(p) if isinstance(p, list | tuple | np.ndarray) else [p, p] for p in pad_width]
    pairs = [p * 2 if len(p) == 1 else p for p in pairs]
    if len(pairs) not in (1, rank):
        raise ValueError(
            f"pad_width={pad_width} must hold one pair, or one for each of the {rank} dims."
        )
    return pairs * rank if len(pairs) == 1 else pairs


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    x = as_tensor(x)
    if mode != "constant":
        if constant_values is not None:
            raise ValueError(
                f"constant_values={constant_values} belongs to mode='constant', and mode is {mode!r}."
            )
        return _mirrored(x, _pairs(pad_width, x.shape.rank), mode.upper())
    value = as_tensor(0 if constant_values is None else constant_values, x.dtype.name)
    return tf.pad(x, _pairs(pad_width, x.shape.rank), constant_values=value)


def _mirrored(x: Any, pairs: list, mode: str) -> Any:
    """`tf.pad`, whose kernels take five dims and none that is empty."""
    sizes = static_or_dynamic_shape(x)
    front = next((i for i, pair in enumerate(pairs) if pair != [0, 0]), len(pairs))
    if 0 in x.shape[:front]:
        return tf.zeros([n + sum(pair) for n, pair in zip(sizes, pairs, strict=True)], x.dtype)
    if len(pairs) <= 5 or front < 2:
        return tf.pad(x, pairs, mode)
    x = tf.pad(
        tf.reshape(x, [math.prod(sizes[:front]), *sizes[front:]]), [[0, 0], *pairs[front:]], mode
    )
    return tf.reshape(x, [*sizes[:front], *static_or_dynamic_shape(x)[1:]])


# ---- joining and cutting -------------------------------------------------------------------------
def _alike(xs: Any) -> list:
    xs = [x if type(x) in (int, float, bool) else as_tensor(x) for x in xs]
    return (
        xs
        if tf.is_tensor(xs[0]) and all(tf.is_tensor(x) and x.dtype == xs[0].dtype for x in xs)
        else promote(*xs)
    )


def concatenate(xs: Any, axis: int | None = 0) -> Any:
    xs = _alike(xs)
    return tf.concat([tf.reshape(x, [-1]) for x in xs], 0) if axis is None else tf.concat(xs, axis)


def stack(x: Any, axis: int = 0) -> Any:
    return tf.stack(_alike(x), axis)


def hstack(xs: Any) -> Any:
    xs = _alike(xs)
    xs = [tf.reshape(x, [1]) if x.shape.rank == 0 else x for x in xs]
    return tf.concat(xs, 0 if xs[0].shape.rank == 1 else 1)


def vstack(xs: Any) -> Any:
    return tf.concat([tf.reshape(x, [1, -1]) if x.shape.rank < 2 else x for x in _alike(xs)], 0)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    x = as_tensor(x)
    if isinstance(indices_or_sections, int):
        return tf.split(x, indices_or_sections, axis)
    total = static_or_dynamic_shape(x)[axis]
    if tf.is_tensor(indices_or_sections):
        indices_or_sections = tf.unstack(indices_or_sections)
    cuts = [c if tf.is_tensor(c) else int(c) for c in indices_or_sections]
    if all(isinstance(c, int) and c >= 0 for c in [*cuts, total]):
        ends = [0, *(min(c, total) for c in cuts), total]
        if ends == sorted(ends):
            return tf.split(x, [b - a for a, b in itertools.pairwise(ends)], axis)
    # Slices take, as NumPy does, what is counted from the end, beyond it or not in order.
    before = (slice(None),) * normalize_axis(axis, x.shape.rank)
    return [x[(*before, slice(a, b))] for a, b in itertools.pairwise([0, *cuts, None])]


def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    return tf.unstack(as_tensor(x), num=num, axis=axis)


OPS: dict[str, Callable] = {
    f.__name__: f
    for f in (
        reshape,
        ravel,
        transpose,
        swapaxes,
        moveaxis,
        expand_dims,
        squeeze,
        broadcast_to,
        flip,
        roll,
        tile,
        repeat,
        pad,
        concatenate,
        stack,
        hstack,
        vstack,
        split,
        unstack,
    )
}
