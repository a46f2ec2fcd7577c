"""`Wrapper`: the base of layers that hold another one."""

from __future__ import annotations

from typing import Any

from kdist.core import serialization
from kdist.layers.layer import Layer


class Wrapper(Layer):
    """Holds one layer as `self.layer` and builds and saves it. Abstract: a subclass gives `call`.

    Arguments:
        layer: the layer inside.

    Raises: ValueError if it is no layer.
    """

    def __init__(self, layer: Any, **kwargs: Any):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"Layer {layer!r} supplied to {type(self).__name__} isn't a supported layer type. "
                "Pass an instance of a Layer."
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self) -> dict:
        return {**super().get_config(), "layer": serialization.serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict, custom_objects: Any = None) -> Any:
        config = dict(config)
        layer = serialization.deserialize_keras_object(
            config.pop("layer"), custom_objects=custom_objects
        )
        return cls(layer, **config)
