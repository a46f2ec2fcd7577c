"""How a layer is called: what its `call` and `build` accept, and what nested calls inherit from the outermost one."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

from kdist.backend import bound as backend
from kdist.core import tree
from kdist.core.graph import KerasTensor


class CallContext(threading.local):
    """What the layers inside one outermost call share."""

    entry: Any = None  # the outermost layer being called
    training: Any = None
    token: Any = None  # identifies the outermost call, so that losses of an earlier one are known to be stale


context = CallContext()


def is_tensor_like(x: Any) -> bool:
    return isinstance(x, KerasTensor) or backend.is_tensor(x)


class CallSignature:
    """What can be read off the signatures of a layer's `call`, once."""

    def __init__(self, call: Callable):
        self.signature = inspect.signature(call)
        parameters = self.signature.parameters
        self.names = tuple(parameters)
        self.takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        self.has_training = "training" in parameters
        self.training_default = parameters["training"].default if self.has_training else None
        if self.training_default is inspect.Parameter.empty:
            self.training_default = None
        self.first = self.names[0] if self.names else None

    def tensor_arguments(self, args: tuple, kwargs: dict) -> dict[str, Any]:
        """name -> argument, for the arguments that are tensors or structures of them.

        Raises: TypeError where the arguments do not fit `call`.
        """
        bound = self.signature.bind(*args, **kwargs)
        found = {}
        for name, value in bound.arguments.items():
            if self.signature.parameters[name].kind in (
                inspect.Parameter.VAR_POSITIONAL,
                inspect.Parameter.VAR_KEYWORD,
            ):
                continue
            if is_tensor_like(value):
                found[name] = value
            elif tree.is_nested(value):
                leaves = tree.flatten(value)
                if (
                    leaves
                    and all(x is None or is_tensor_like(x) for x in leaves)
                    and any(x is not None for x in leaves)
                ):
                    found[name] = value
        return found


def shapes_of(arguments: dict[str, Any]) -> dict[str, Any]:
    """`{"inputs_shape": (2, 3)}` for `{"inputs": tensor}`; masks have no part in building."""
    shape = lambda x: None if x is None else tuple(x.shape)
    return {
        f"{k}_shape": tree.map_structure(shape, v)
        for k, v in arguments.items()
        if k != "mask" and not k.endswith("_mask")
    }


def fit_shapes(fn: Callable, shapes: dict[str, Any], layer_name: str) -> dict[str, Any]:
    """The shapes that `fn` (a `build` or `compute_output_shape`) asks for by name; a single parameter takes the first
    shape.

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
