"""`Masking`: leaves out steps that hold only one value."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import masks, serialization
from kdist.layers.layer import Layer
from kdist.layers.options import needs_no_build


class Masking(Layer):
    """Masks the steps all of whose features equal `mask_value`.

    Later layers that know masks leave them out.

    Arguments:
        mask_value: the value of padding.

    Input and output (batch, steps, features); masked steps become 0.
    """

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(mask_value, dict) and mask_value.get("config") is not None:
            mask_value = serialization.deserialize_keras_object(mask_value)
        self.mask_value = mask_value
        self.supports_masking = True
        self.built = needs_no_build(self)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        kept = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        outputs = ops.where(kept, inputs, ops.zeros_like(inputs))
        masks.set_keras_mask(outputs, ops.squeeze(kept, axis=-1))
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "mask_value": self.mask_value}
