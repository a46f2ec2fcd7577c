"""Structures of shapes: what layers are built for, and what `compute_output_shape` takes and gives."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from kdist.core import tree


def is_shape(value: Any) -> bool:
    """Whether `value` is one shape: a tuple or list of int and None."""
    return isinstance(value, list | tuple) and all(d is None or isinstance(d, int) for d in value)


def map_shapes(fn: Callable, shapes: Any) -> Any:
    """Apply `fn` to every shape, as a tuple, in a structure of shapes. What is no shape stays as it is.

    Example: map_shapes(len, {"a": [None, 3], "b": None}) is {"a": 2, "b": None}.
    """
    if is_shape(shapes):
        return fn(tuple(shapes))
    if isinstance(shapes, dict):
        return {k: map_shapes(fn, v) for k, v in shapes.items()}
    if isinstance(shapes, list | tuple):
        return type(shapes)(map_shapes(fn, s) for s in shapes)
    return shapes


def shapes_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """`{"inputs_shape": (2, 3)}` for `{"inputs": tensor}`; masks have no part in building."""
    shape = lambda x: None if x is None else tuple(x.shape)
    return {
        f"{k}_shape": tree.map_structure(shape, v)
        for k, v in arguments.items()
        if k != "mask" and not k.endswith("_mask")
    }


def fit_shapes(fn: Callable, shapes: dict[str, Any], layer_name: str) -> dict[str, Any]:
    """The shapes that `fn`, a `build` or `compute_output_shape`, asks for by the names of its parameters.

    A single parameter takes the first shape, whatever it is called.

    Raises: ValueError for a parameter that does not end in `_shape`.
    """
    parameters = inspect.signature(fn).parameters
    wanted = [n for n, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if len(wanted) == 1:
        return {wanted[0]: next(iter(shapes.values()), None)}
    for name in wanted:
        if not name.endswith("_shape"):
            raise ValueError(
                f"{fn.__name__}() of layer {layer_name!r} has the parameter {name!r}. With several parameters "
                "each must be named after an argument of call(), with '_shape' appended."
            )
    return {name: shapes[name] for name in wanted if name in shapes}
