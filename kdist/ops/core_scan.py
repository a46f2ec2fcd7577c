"""Scans of associative functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdist.core import tree
from kdist.ops.checks import shape_of
from kdist.ops.declare import op


def _check(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> None:
    shapes = [shape_of(x) for x in tree.flatten(elems)]
    if not callable(f):
        raise TypeError(f"associative_scan: f={f!r} must be a function of two arguments.")
    for shape in shapes:
        if not -len(shape) <= axis < len(shape):
            raise ValueError(
                f"associative_scan: axis={axis} is out of range. Received: elems of {shapes}."
            )
    if len({shape[axis] for shape in shapes}) > 1:
        raise ValueError(
            f"associative_scan: elems must have one size along axis={axis} (by default the first dimension). Received: "
            f"elems of {shapes}."
        )


@op(check=_check)
def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """f(f(x0, x1), x2)... for every prefix of `axis`, in a logarithmic number of steps.

    Arguments:
        f: associative, of two structures like `elems`, working elementwise along `axis`.
        elems: an array or a structure of arrays of one size along `axis`.
        reverse: of every suffix, from the end.

    Returns: a structure like `elems`. Hillis and Steele 1986, doi:10.1145/7902.7903.
    Raises: TypeError if `f` is no function; ValueError where the sizes along `axis` differ.

    Example:
        >>> ops.associative_scan(ops.add, ops.array([1, 2, 3, 4]))
        tensor([ 1,  3,  6, 10], dtype=torch.int32)
        >>> ops.associative_scan(ops.maximum, ops.array([1, 5, 2, 4]), reverse=True)
        tensor([5, 5, 4, 4], dtype=torch.int32)
    """
