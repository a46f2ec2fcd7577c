"""What ops ask of their arguments before they compute, in eager and in symbolic calls alike."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from kdist.backend import bound as backend
from kdist.core.spec import Spec

Shape = tuple[int | None, ...]


class OutOfRangeError(ValueError, IndexError):
    """A key that a shape does not have: an IndexError of Python, and a ValueError as all bad arguments of ops."""


def shape_of(x: Any) -> Shape:
    """Sizes of a tensor, array, `Spec` or nested list; None where unknown."""
    if isinstance(x, str):  # a tensor of text, on some backends
        raise TypeError(f"A tensor is wanted. Received: {x!r}.")
    shape = getattr(x, "shape", None)
    return tuple(backend.convert_to_tensor(x).shape if shape is None else shape)


def dtype_of(x: Any) -> str:
    """Dtype name of a tensor, array, `Spec` or nested list."""
    dtype = getattr(x, "dtype", None)
    if isinstance(dtype, str):
        return dtype
    return backend.dtype_of(x if backend.is_tensor(x) else backend.convert_to_tensor(x))


def same(a: Shape, b: Shape) -> bool:
    """Whether two shapes may be equal, as far as they are known."""
    return len(a) == len(b) and all(p == q or None in (p, q) for p, q in zip(a, b, strict=True))


def at_least(op: str, x: Any, rank: int, name: str = "x") -> Shape:
    """The shape of `x`, which has at least `rank` axes."""
    shape = shape_of(x)
    if len(shape) < rank:
        raise ValueError(
            f"{op}: {name} must have at least {rank} axes. Input should have rank >= {rank}. "
            f"Received: {name}.shape={shape}."
        )
    return shape


def square(op: str, x: Any, name: str = "x") -> Shape:
    """The shape of `x`, square matrices (..., n, n)."""
    shape = at_least(op, x, 2, name)
    if shape[-1] != shape[-2]:
        raise ValueError(
            f"{op}: {name} must be square matrices (..., n, n). Received: {name}.shape={shape}."
        )
    return shape


def known_matrices(op: str, x: Any) -> None:
    """Matrices whose sizes the output depends on: a symbolic call must know them."""
    shape = at_least(op, x, 2)
    if isinstance(x, Spec) and None in shape[-2:]:
        raise ValueError(
            f"{op}: Input should have its last 2 dimensions fully-defined. Received: "
            f"x.shape={shape}."
        )


def system(op: str, a: Any, b: Any) -> None:
    """a (..., n, n) and b (..., n) or (..., n, k) of a linear system."""
    left, right = square(op, a, "a"), at_least(op, b, 1, "b")
    rows = right[-1] if len(right) == len(left) - 1 else right[-2] if len(right) > 1 else None
    if len(right) not in (len(left), len(left) - 1) or rows != left[-1]:
        raise ValueError(
            f"{op}: b must be (..., n) or (..., n, k) for a of (..., n, n), with as many leading "
            f"axes as a. Received: a.shape={left}, b.shape={right}."
        )
    if len(right) == len(left) and left[:-2] != right[:-2]:
        leading(op, {"a": a, "b": b}, 2)


def positive_int(op: str, name: str, value: Any) -> None:
    """`value` is an integer above 0."""
    if not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{op}: `{name}` must be a positive integer. Received: {name}={value}.")


def one_of(op: str, name: str, value: Any, allowed: tuple) -> None:
    """`value` is one of `allowed`."""
    if value not in allowed:
        raise ValueError(f"{op}: {name}={value!r} is not known. Expected one of {allowed}.")


def leading(op: str, given: dict[str, Any], axes: int) -> None:
    """All but the last `axes` axes of these arrays broadcast."""
    shapes = {name: shape_of(x) for name, x in given.items()}
    batches = [s[: len(s) - axes] for s in shapes.values()]
    for sizes in itertools.zip_longest(*(reversed(b) for b in batches), fillvalue=1):
        if len(set(sizes) - {1, None}) > 1:
            found = ", ".join(f"{name}.shape={s}" for name, s in shapes.items())
            raise ValueError(
                f"{op}: the axes before the last {axes} do not broadcast. Received: {found}."
            )
