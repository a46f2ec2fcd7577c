"""`Rescaling`."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist import ops
from kdist.core import config, serialization
from kdist.layers.layer import Layer
from kdist.layers.options import needs_no_build


class Rescaling(Layer):
    """`inputs * scale + offset`, in the layer's compute dtype.

    Arguments:
        scale, offset: a number, or one per channel.

    Example: `Rescaling(1 / 127.5, offset=-1.0)` takes 0..255 to -1..1.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True
        self.built = needs_no_build(self)

    def call(self, inputs: Any) -> Any:
        dtype = self.compute_dtype
        scale, offset = (self._constant(v) for v in (self.scale, self.offset))
        return ops.add(ops.multiply(ops.cast(inputs, dtype), scale), offset)

    def _constant(self, value: Any) -> Any:
        array = np.asarray(value, dtype="float32")
        if array.ndim and config.image_data_format() == "channels_first":
            array = array.reshape(array.shape + (1,) * (3 - array.ndim))
        return ops.convert_to_tensor(array, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "scale": serialization.serialize_keras_object(self.scale),
            "offset": serialization.serialize_keras_object(self.offset),
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: Any = None) -> Any:
        config = dict(config)
        for key in ("scale", "offset"):
            config[key] = serialization.deserialize_keras_object(
                config[key], custom_objects=custom_objects
            )
        return super().from_config(config)
