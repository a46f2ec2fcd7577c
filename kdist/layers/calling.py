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

        A `training` that `call` does not take is left out, as it is in the call itself.

        Raises: TypeError where the arguments do not fit `call`.
        """
        if "training" in kwargs and not self.has_training and not self.takes_any:
            kwargs = {k: v for k, v in kwargs.items() if k != "training"}
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
