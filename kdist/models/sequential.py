"""`Sequential`: a chain of layers."""

from __future__ import annotations

from typing import Any

from kdist.core import serialization
from kdist.core.graph import KerasTensor
from kdist.layers.core.input_layer import Input, InputLayer
from kdist.layers.layer import Layer
from kdist.models.graph import Graph
from kdist.models.model import Model


class Sequential(Model):
    """Layers applied one after the other.

    Arguments:
        layers: the layers; an `Input(shape)` at the head fixes the input, so that the model is built at once.
        trainable: whether its variables are trained.
        name: the model's name.

    Example:
        Sequential([Input((28, 28, 1)), layers.Conv2D(32, 3), layers.Flatten(), layers.Dense(10)])
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None):
        super().__init__(trainable=trainable, name=name)
        for layer in layers or []:
            self._append(layer)
        self._maybe_rebuild()

    # ---- the chain
    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Append `layer`; with `rebuild`, make the graph anew if its input is known.

        Raises ValueError for what is none, a name that is taken, or an Input that is not the first.
        """
        self._append(layer)
        if rebuild:
            self._maybe_rebuild()

    def _append(self, layer: Any) -> None:
        if isinstance(layer, KerasTensor):
            origin = layer._keras_history.operation if layer._keras_history else None
            if not isinstance(origin, InputLayer):
                raise ValueError(f"Sequential takes layers; {layer!r} is the output of one.")
            layer = origin
        if not isinstance(layer, Layer):
            if not callable(layer):
                raise ValueError(
                    f"Sequential takes layers, and received {layer!r} of type {type(layer).__name__}."
                )
            raise ValueError(
                f"Sequential takes layers, and received the function {layer!r}. Wrap it: "
                f"layers.Lambda({getattr(layer, '__name__', 'f')})."
            )
        chain = self._layers
        if any(layer.name == other.name and layer is not other for other in chain):
            raise ValueError(
                f"A layer named {layer.name!r} is already in the model. Give one of them another name."
            )
        if isinstance(layer, InputLayer) and chain:
            raise ValueError(
                f"An Input must be the first of a Sequential; {self.name!r} already begins with {chain[0].name!r}."
            )
        shape = getattr(layer, "input_shape_argument", None)
        if not chain and shape is not None and not isinstance(layer, InputLayer):
            self._append(InputLayer(batch_shape=(None, *shape)))
        first_model = not chain and getattr(layer, "_graph", None) is not None
        if first_model and len(layer._graph.flat_inputs) == 1:
            self._append(
                InputLayer(
                    batch_shape=layer._graph.flat_inputs[0].shape,
                    dtype=layer._graph.flat_inputs[0].dtype,
                )
            )
        self._chain_list().append(layer)
        self._track(layer.name, layer)

    def _chain_list(self) -> list:
        # A layer may stand in the chain twice; `_layers` lists it once.
        if "_chain" not in self.__dict__:
            object.__setattr__(self, "_chain", [])
        return self.__dict__["_chain"]

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer and return it; `rebuild` as for `add`."""
        chain = self._chain_list()
        layer = chain.pop()
        if not any(layer is other for other in chain):
            self._untrack(layer)
        self.built = False
        object.__setattr__(self, "_graph", None)
        if rebuild:
            self._maybe_rebuild()
        return layer

    def _maybe_rebuild(self) -> None:
        self.built = False
        object.__setattr__(self, "_graph", None)
        chain = self._chain_list()
        if len(chain) > 1 and isinstance(chain[0], InputLayer):
            self.build(chain[0].batch_shape)

    def build(self, input_shape: Any = None) -> None:
        """Create the variables for inputs of `input_shape`, with the batch."""
        chain = self._chain_list()
        if not chain:
            raise ValueError(
                f"Sequential model {self.name!r} cannot be built before it has a layer."
            )
        if isinstance(chain[0], InputLayer):
            x = chain[0]._inbound_nodes[0].outputs[0]
        else:
            if not isinstance(input_shape, list | tuple):
                return
            x = Input(batch_shape=tuple(input_shape), dtype=chain[0].compute_dtype)
            self._chain_list().insert(0, x._keras_history.operation)
            self._track("input", x._keras_history.operation)
            self._layers.insert(0, self._layers.pop())
        inputs = x
        for layer in self._chain_list()[1:]:
            x = layer(x)
        object.__setattr__(self, "_graph", Graph(inputs, x))
        self.input_spec = self._graph_input_spec()

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the Input."""
        chain = self._chain_list()
        return chain[1:] if chain and isinstance(chain[0], InputLayer) else list(chain)

    # ---- calling
    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if self._graph is not None:
            [inputs] = self._flat_inputs(inputs)
        for layer in self.layers if mask is None else []:
            inputs = layer(inputs)
        if mask is not None:
            return super().call(inputs, training=training, mask=mask)
        return inputs

    def compute_output_spec(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if self._graph is not None:
            return self._graph.specs(self._flat_inputs(inputs))
        return super().compute_output_spec(inputs, training=training, mask=mask)

    def compute_output_shape(self, input_shape: Any) -> Any:
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    # ---- config
    def get_config(self) -> dict:
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialization.serialize_keras_object(self.dtype_policy),
            "layers": [serialization.serialize_keras_object(layer) for layer in self._chain_list()],
        }
        if self._graph is not None:
            config["build_input_shape"] = list(self._chain_list()[0].batch_shape)
        return config

    @classmethod
    def from_config(cls, config: dict, custom_objects: Any = None) -> Any:
        model = cls(name=config["name"])
        for layer in config["layers"]:
            model._append(
                serialization.deserialize_keras_object(layer, custom_objects=custom_objects)
            )
        model._maybe_rebuild()
        if not model.built and config.get("build_input_shape"):
            model.build(tuple(config["build_input_shape"]))
        return model

    def get_build_config(self) -> dict | None:
        return (
            {"input_shape": list(self._chain_list()[0].batch_shape)}
            if self._graph is not None
            else None
        )

    def build_from_config(self, config: dict) -> None:
        if not self.built and config.get("input_shape"):
            self.build(tuple(config["input_shape"]))
