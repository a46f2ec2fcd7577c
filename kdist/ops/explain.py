"""What was wrong with the arguments of an op, said alike on all backends.

Each function takes the name of an op and its arguments, tensors or `Spec`s, and raises ValueError if
it finds the mistake. Unknown sizes are given the benefit of the doubt.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from kdist.ops.checks import Shape, at_least, one_of, same, shape_of

# How a quantile between two elements is chosen.
QUANTILES = ("linear", "lower", "higher", "midpoint", "nearest")


def in_range(op: str, axis: Any, shape: Shape, argument: str = "x", new: int = 0) -> None:
    """`axis`, an int or several or None, exists in `shape`; `new` axes are to be added."""
    rank = len(shape) + new
    for a in () if axis is None else axis if isinstance(axis, list | tuple) else (axis,):
        if isinstance(a, int) and not -rank <= a < rank:
            raise ValueError(
                f"{op}: axis {a} is out of bounds for {argument} of shape {shape}. "
                f"Use {-rank} .. {rank - 1}."
            )
    if isinstance(axis, list | tuple) and len({a % rank for a in axis}) < len(axis):
        raise ValueError(f"{op}: axis={axis} names an axis twice; {argument} has shape {shape}.")


def axis_of_x(op: str, x: Any, axis: Any = None, *rest: Any, **named: Any) -> None:
    """Reductions, sorts and accumulations."""
    in_range(op, axis, shape_of(x))


def with_axes(op: str, x: Any) -> None:
    at_least(op, x, 1)


def of_some(op: str, x: Any, axis: Any = None, *rest: Any, **named: Any) -> None:
    """What has no value where there are no elements."""
    shape = shape_of(x)
    in_range(op, axis, shape)
    along = (
        range(len(shape)) if axis is None else axis if isinstance(axis, list | tuple) else [axis]
    )
    if any(shape[a] == 0 for a in along):
        raise ValueError(
            f"{op}: there are no elements along the axes that are reduced. Received: "
            f"x.shape={shape}, axis={axis}."
        )


def extremum(
    op: str, x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None
) -> None:
    (of_some if initial is None else axis_of_x)(op, x, axis)


def quantile(op: str, x: Any, q: Any, axis: Any, method: str, *rest: Any) -> None:
    of_some(op, x, axis)
    one_of(op, "method", method, QUANTILES)


def argpartition(op: str, x: Any, kth: int, axis: int | None = -1) -> None:
    in_range(op, axis, shape_of(x))


def diff(op: str, a: Any, n: int = 1, axis: int = -1) -> None:
    in_range(op, axis, shape_of(a), "a")
    if n < 0:
        raise ValueError(f"{op}: n={n} must not be negative.")


def take(op: str, x: Any, indices: Any, axis: int | None = None) -> None:
    shape, at = shape_of(x), shape_of(indices)
    in_range(op, axis, shape)
    if 0 not in at and 0 in (shape if axis is None else (shape[axis],)):
        raise ValueError(
            f"{op}: there is nothing to take. Received: x.shape={shape}, axis={axis}, "
            f"indices.shape={at}."
        )


def take_along_axis(op: str, x: Any, indices: Any, axis: int | None = None) -> None:
    shape, at = shape_of(x), shape_of(indices)
    in_range(op, axis, shape)
    if axis is not None and len(shape) != len(at):
        raise ValueError(
            f"{op}: indices must have as many axes as x. Received: indices.shape={at}, "
            f"x.shape={shape}."
        )
    if axis is not None:
        broadcast(op, Shaped(without(shape, axis)), Shaped(without(at, axis)))


def repeat(op: str, x: Any, repeats: Any, axis: int | None = None) -> None:
    shape = shape_of(x)
    in_range(op, axis, shape)
    tile(op, x, repeats)
    counts = len(repeats) if isinstance(repeats, list | tuple) else None
    size = product_of(shape) if axis is None and None not in shape else None
    size = size if axis is None else shape[axis]
    if None not in (counts, size) and counts not in (1, size):
        raise ValueError(
            f"{op}: repeats={repeats} must be one int, or one for each of {size} elements. "
            f"Received: x.shape={shape}, axis={axis}."
        )


def roll(op: str, x: Any, shift: Any, axis: Any = None) -> None:
    for a in axis if isinstance(axis, list | tuple) else (axis,):  # twice one axis: turned twice
        in_range(op, a, shape_of(x))


def expand_dims(op: str, x: Any, axis: Any) -> None:
    in_range(op, axis, shape_of(x), new=len(axis) if isinstance(axis, list | tuple) else 1)


def squeeze(op: str, x: Any, axis: Any = None) -> None:
    shape = shape_of(x)
    in_range(op, axis, shape)
    for a in () if axis is None else axis if isinstance(axis, list | tuple) else (axis,):
        if shape[a] != 1:
            raise ValueError(
                f"{op}: axis={axis} names an axis that is not of size 1; x has shape {shape}."
            )


def split(op: str, x: Any, indices_or_sections: Any, axis: int = 0) -> None:
    shape = shape_of(x)
    in_range(op, axis, shape)
    if not isinstance(indices_or_sections, int):
        return
    if indices_or_sections < 1 or (shape[axis] or 0) % indices_or_sections:
        raise ValueError(
            f"{op}: indices_or_sections={indices_or_sections} does not divide the size of axis "
            f"{axis} of x, whose shape is {shape}."
        )


def swapaxes(op: str, x: Any, axis1: int, axis2: int) -> None:
    in_range(op, axis1, shape_of(x))
    in_range(op, axis2, shape_of(x))


def moveaxis(op: str, x: Any, source: Any, destination: Any) -> None:
    in_range(op, source, shape_of(x))
    in_range(op, destination, shape_of(x))
    counts = [len(a) if isinstance(a, list | tuple) else 1 for a in (source, destination)]
    if counts[0] != counts[1]:
        raise ValueError(
            f"{op}: source={source} and destination={destination} must name as many axes."
        )


def diagonal(op: str, x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> None:
    shape = shape_of(x)
    if len(shape) < 2:
        raise ValueError(f"{op}: x must have at least two axes, and has shape {shape}.")
    in_range(op, axis1, shape)
    in_range(op, axis2, shape)
    if axis1 % len(shape) == axis2 % len(shape):
        raise ValueError(f"{op}: axis1={axis1} and axis2={axis2} cannot be the same axis.")


def diag(op: str, x: Any, k: int = 0) -> None:
    if len(shape_of(x)) not in (1, 2):
        raise ValueError(f"{op}: x must have one or two axes, and has shape {shape_of(x)}.")


def transpose(op: str, x: Any, axes: Any = None) -> None:
    if axes is None:
        return
    axes = axes if isinstance(axes, list | tuple) else (axes,)
    shape, axes = shape_of(x), list(axes)
    rank = len(shape)
    received = f"Received: axes={axes}, x.shape={shape}."
    if len(axes) != rank:
        raise ValueError(
            f"{op}: axes must be a list of the same length as the input shape. {received}"
        )
    if not all(-rank <= a < rank for a in axes):
        raise ValueError(
            f"{op}: Each axis in `axes` must be an integer in [{-rank}, {rank}). {received}"
        )
    if len({a % rank for a in axes}) != rank:
        raise ValueError(f"{op}: axes must be a valid permutation of all axes of x. {received}")


def reshape(op: str, x: Any, newshape: Any) -> None:
    sizes = newshape if isinstance(newshape, list | tuple) else (newshape,)
    sizes = tuple(sizes)
    known = [int(d) for d in sizes if isinstance(d, int | np.integer)]
    if any(d < -1 for d in known):
        raise ValueError(
            f"{op}: each size must be a non-negative integer, or -1 for what is left. Received: "
            f"newshape={sizes}."
        )
    if known.count(-1) > 1:
        raise ValueError(
            f"{op}: there can be at most one unknown dimension (-1). Received: newshape={sizes}."
        )
    shape = shape_of(x)
    if None in shape or len(known) < len(sizes):
        return
    count, wanted = product_of(shape), product_of(d for d in known if d != -1)
    if (count % wanted if wanted else count) if -1 in known else count != wanted:
        raise ValueError(
            f"{op}: x of shape {shape} has {count} elements and cannot take newshape={sizes}."
        )


def product_of(sizes: Any) -> int:
    return list(itertools.accumulate(sizes, lambda a, b: a * b, initial=1))[-1]


def pad(
    op: str, x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None
) -> None:
    if mode not in ("constant", "reflect", "symmetric"):
        raise ValueError(f"{op}: mode={mode!r} is not 'constant', 'reflect' or 'symmetric'.")
    if constant_values is not None and mode != "constant":
        raise ValueError(
            f"{op}: Argument `constant_values` can only be provided when `mode == 'constant'`. "
            f"Received: constant_values={constant_values}, mode={mode!r}."
        )
    shape = shape_of(x)
    pairs = isinstance(pad_width, list | tuple) and not all(isinstance(n, int) for n in pad_width)
    if pairs and len(pad_width) not in (1, len(shape)):
        raise ValueError(
            f"{op}: pad_width must be (before, after) for every axis of x, or once for all. "
            f"Received: pad_width={pad_width}, x.shape={shape}."
        )


def where(op: str, condition: Any, x1: Any = None, x2: Any = None) -> None:
    if (x1 is None) != (x2 is None):
        missing = "x1" if x1 is None else "x2"
        raise ValueError(
            f"{op}: `x1` and `x2` either both should be `None` or both be given; {missing} is missing."
        )
    if x1 is not None:
        _together(op, {"condition": condition, "x1": x1, "x2": x2})


def clip(op: str, x: Any, x_min: Any, x_max: Any) -> None:
    given = {"x": x, "x_min": x_min, "x_max": x_max}
    _together(op, {name: v for name, v in given.items() if v is not None})


def _together(op: str, given: dict[str, Any]) -> None:
    """Arrays that are broadcast to one shape."""
    shapes = {name: shape_of(x) for name, x in given.items()}
    for sizes in itertools.zip_longest(*(reversed(s) for s in shapes.values()), fillvalue=1):
        if len(set(sizes) - {1, None}) > 1:
            found = ", ".join(f"{name}.shape={s}" for name, s in shapes.items())
            raise ValueError(f"{op}: the shapes do not broadcast. Received: {found}.")


def broadcast_to(op: str, x: Any, shape: Any) -> None:
    given = shape_of(x)
    sizes = [shape] if isinstance(shape, int) else list(shape)
    pairs = zip(reversed(given), reversed(sizes), strict=False)
    if len(given) > len(sizes) or any(
        n not in (1, None) and isinstance(m, int) and m >= 0 and n != m for n, m in pairs
    ):
        raise ValueError(
            f"{op}: x does not broadcast to the shape. Received: x.shape={given}, shape={shape}."
        )


def tile(op: str, x: Any, repeats: Any) -> None:
    counts = repeats if isinstance(repeats, list | tuple) else (repeats,)
    if any(isinstance(n, float | str) for n in counts):
        raise ValueError(f"{op}: repeats={repeats!r} must be an int, or several.")
    if any(isinstance(n, int) and n < 0 for n in counts):
        raise ValueError(f"{op}: repeats={repeats} must not be negative.")


def unstack(op: str, x: Any, num: int | None = None, axis: int = 0) -> None:
    shape = shape_of(x)
    in_range(op, axis, shape)
    if None not in (num, shape[axis]) and num != shape[axis]:
        raise ValueError(
            f"{op}: num={num} is not the size of axis {axis} of x, whose shape is {shape}."
        )


def average(op: str, x: Any, axis: Any = None, weights: Any = None) -> None:
    shape = shape_of(x)
    in_range(op, axis, shape)
    given = shape if weights is None else shape_of(weights)
    along = (shape[axis],) if isinstance(axis, int) else shape
    if not same(given, shape) and not same(given, along):
        raise ValueError(
            f"{op}: weights must have the shape of x, or be a vector along an axis that is one int. "
            f"Received: weights.shape={given}, x.shape={shape}, axis={axis}."
        )


def searchsorted(op: str, sorted_sequence: Any, values: Any, side: str = "left") -> None:
    shape = shape_of(sorted_sequence)
    if len(shape) != 1:
        raise ValueError(
            f"{op}: sorted_sequence must have one axis; for several sequences use vectorized_map. "
            f"Received: sorted_sequence.shape={shape}."
        )
    if side not in ("left", "right"):
        raise ValueError(f"{op}: side={side!r} is not 'left' or 'right'.")


def joined(op: str, xs: Any, axis: int = 0) -> None:
    """Arrays alike in all axes but `axis`."""
    shapes = [shape_of(x) for x in xs]
    if not shapes:
        raise ValueError(f"{op}: xs is empty. Give at least one array.")
    if not isinstance(axis, int):
        raise ValueError(
            f"{op}: axis={axis} must be an int. Flatten the arrays first for one axis."
        )
    for shape in shapes:
        in_range(op, axis, shape, "an array")
    rest = [without(shape, axis) for shape in shapes]
    if not all(same(rest[0], r) for r in rest):
        raise ValueError(f"{op}: shapes {shapes} differ in more than axis {axis}.")


def stacked(op: str, x: Any, axis: int = 0) -> None:
    """Arrays of one shape."""
    shapes = [shape_of(v) for v in x]
    if not shapes:
        raise ValueError(f"{op}: x is empty. Give at least one array.")
    if not all(same(shapes[0], s) for s in shapes):
        raise ValueError(f"{op}: all arrays must have one shape. Received: {shapes}.")
    in_range(op, axis, shapes[0], "arrays", new=1)


def without(shape: Shape, axis: int) -> Shape:
    axis %= len(shape)
    return (*shape[:axis], *shape[axis + 1 :])


def broadcast(op: str, x1: Any, x2: Any, *rest: Any, **named: Any) -> None:
    """Two arrays that are combined element by element."""
    a, b = shape_of(x1), shape_of(x2)
    for p, q in zip(reversed(a), reversed(b), strict=False):
        if p != q and None not in (p, q) and 1 not in (p, q):
            raise ValueError(
                f"{op}: x1 of shape {a} and x2 of shape {b} do not broadcast: {p} against {q}."
            )


class Shaped:
    """Something of a shape."""

    def __init__(self, shape: Shape):
        self.shape = shape
