"""`Operation`: what can be called on tensors, of values or symbolic; the base of users' own ops, and of layers."""

from __future__ import annotations

import inspect
from typing import Any

from kdist.core import graph, serialization, tree
from kdist.core.graph import KerasTensor, Node, any_symbolic
from kdist.core.spec import Spec
from kdist.ops import infer


class Operation(graph.Operation):
    """A computation of tensors, which may stand in a graph of symbolic ones.

    A subclass gives `call`. Its outputs for symbolic tensors are inferred by running that abstractly, unless it
    gives `compute_output_spec`, too. Its configuration is the arguments it was made with, as long as they are plain
    data or have a configuration themselves; else it gives `get_config`.

    Arguments:
        name: made up from the class if absent.

    Raises: ValueError for a name that is no string, or has a "/" in it.

    Example:
        class Scale(kdist.Operation):
            def __init__(self, factor, *, name=None):
                super().__init__(name=name)
                self.factor = factor
            def call(self, x):
                return self.factor * x

        Scale(2.0)(kdist.KerasTensor((None, 3)))  # symbolic, of (None, 3)
    """

    _init_arguments: tuple[tuple, dict]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        operation = super().__new__(cls)
        # Past a subclass's own __setattr__, which may need what its __init__ makes.
        object.__setattr__(operation, "_init_arguments", (args, kwargs))
        return operation

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args) or any_symbolic(kwargs.values()):
            return self.symbolic_call(*args, **kwargs)
        if getattr(self, "quantization_mode", None) is not None:
            return self.quantized_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic outputs for symbolic arguments, and a node in the graph that they belong to."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute. A subclass gives this."""
        raise NotImplementedError(
            f"{type(self).__name__} (operation {self.name!r}) does not define call()."
        )

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute in place of `call`, once `quantization_mode` is set. A subclass that can be quantized gives this."""
        raise NotImplementedError(
            f"{type(self).__name__} (operation {self.name!r}) has a quantization_mode, and does not define "
            "quantized_call()."
        )

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors like the outputs of `call`; unless a subclass says otherwise, by running it abstractly."""
        return probe_call(self.call, args, kwargs)

    def get_config(self) -> dict:
        """The arguments of `__init__`, as plain data; enough for `from_config` to make an equal operation.

        Raises: NotImplementedError if that cannot be known: one of them is no plain data and has no configuration,
            or `__init__` takes any number of them.
        """
        if type(self).get_config is not Operation.get_config:
            return {"name": self.name}  # a subclass adds its own
        config = self._init_config()
        parameters = inspect.signature(type(self).__init__).parameters
        open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        return {**config, "name": self.name} if "name" in parameters or open_ended else config

    def _init_config(self) -> dict:
        """The arguments that `__init__` received, for a class that has no `get_config` of its own."""
        args, kwargs = self._init_arguments
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        bound.apply_defaults()
        config: dict = {}
        for name, value in list(bound.arguments.items())[1:]:
            kind = bound.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                config.update(value)
            elif kind is inspect.Parameter.VAR_POSITIONAL:
                if value:
                    raise NotImplementedError(
                        f"{type(self).__name__} takes *{name}: give it a get_config() so that it can be saved."
                    )
            else:
                config[name] = value
        try:
            return {k: serialization.serialize_keras_object(v) for k, v in config.items()}
        except TypeError as e:
            raise NotImplementedError(
                f"{type(self).__name__} needs a get_config() that returns the arguments of __init__: {e}"
            ) from e

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """An operation from `config`, what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def probe_call(call: Any, args: tuple, kwargs: dict) -> Any:
    """Symbolic outputs of `call`, which runs on specs or small tensors."""
    given_args, given_kwargs = tree.map_structure(to_spec, (args, kwargs))
    return tree.map_structure(to_symbolic, infer.probe(call, given_args, given_kwargs))


def to_spec(x: Any) -> Any:
    """The spec of a symbolic tensor; anything else as it is."""
    return Spec(x.shape, x.dtype) if isinstance(x, KerasTensor) else x


def to_symbolic(x: Any) -> Any:
    """A symbolic tensor of a spec; anything else as it is."""
    return KerasTensor(x.shape, x.dtype) if isinstance(x, Spec) else x
