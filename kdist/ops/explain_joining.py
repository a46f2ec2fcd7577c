"""What was wrong with arrays that are joined, split or made; see `explain`."""

from __future__ import annotations

from typing import Any

from kdist.ops.checks import Shape, at_least, shape_of
from kdist.ops.explain import Shaped, broadcast, in_range, joined, split


def _rows(shape: Shape) -> Shape:
    return shape if len(shape) > 1 else (1, *(shape or (1,)))


def _planes(shape: Shape) -> Shape:
    return shape if len(shape) > 2 else (*_rows(shape), 1)


def vstack(op: str, xs: Any) -> None:
    joined(op, [Shaped(_rows(shape_of(x))) for x in xs], axis=0)


def hstack(op: str, xs: Any) -> None:
    shapes = [shape_of(x) or (1,) for x in xs]
    joined(op, [Shaped(s) for s in shapes], axis=0 if shapes and len(shapes[0]) == 1 else 1)


def dstack(op: str, xs: Any) -> None:
    joined(op, [Shaped(_planes(shape_of(x))) for x in xs], axis=2)


def append(op: str, x1: Any, x2: Any, axis: int | None = None) -> None:
    if axis is not None:
        joined(op, [x1, x2], axis)


def array_split(op: str, x: Any, indices_or_sections: Any, axis: int = 0) -> None:
    in_range(op, axis, shape_of(x))


def vsplit(op: str, x: Any, indices_or_sections: Any) -> None:
    at_least(op, x, 2)
    split(op, x, indices_or_sections, 0)


def hsplit(op: str, x: Any, indices_or_sections: Any) -> None:
    split(op, x, indices_or_sections, 1 if len(at_least(op, x, 1)) > 1 else 0)


def dsplit(op: str, x: Any, indices_or_sections: Any) -> None:
    at_least(op, x, 3)
    split(op, x, indices_or_sections, 2)


def rot90(op: str, array: Any, k: int = 1, axes: Any = (0, 1)) -> None:
    shape = at_least(op, array, 2, "array")
    pair = axes if isinstance(axes, list | tuple) else (axes,)
    for axis in pair:
        in_range(op, axis, shape, "array")
    if len({axis % len(shape) for axis in pair}) != 2 or len(pair) != 2:
        raise ValueError(f"{op}: invalid axes={axes}. Name two different ones.")


def triangle(op: str, x: Any, k: int = 0) -> None:
    at_least(op, x, 2)


def eye(op: str, N: int, M: int | None = None, *rest: Any, **named: Any) -> None:
    for name, size in (("N", N), ("M", M)):
        if isinstance(size, int) and size < 0:
            raise ValueError(f"{op}: {name}={size} must not be negative.")


def identity(op: str, n: int, dtype: Any = None) -> None:
    if n < 0:
        raise ValueError(f"{op}: n={n} must not be negative.")


def spaced(
    op: str,
    start: Any,
    stop: Any,
    num: int,
    endpoint: bool,
    *rest: Any,
) -> None:
    """Numbers between `start` and `stop`, along a new axis, the last argument."""
    if isinstance(num, int) and num < 0:
        raise ValueError(f"{op}: num={num} must not be negative.")
    broadcast(op, start, stop)
    shapes = shape_of(start), shape_of(stop)
    in_range(op, rest[-1], max(shapes, key=len), "start and stop", new=1)


def trapezoid(op: str, y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> None:
    in_range(op, axis, at_least(op, y, 1, "y"), "y")
