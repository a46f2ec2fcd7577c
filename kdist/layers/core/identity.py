"""`Identity`: passes its input on."""

from __future__ import annotations

from typing import Any

from kdist.core import tree
from kdist.core.graph import KerasTensor
from kdist.layers.layer import Layer
from kdist.layers.options import needs_no_build


class Identity(Layer):
    """Returns its input, of any structure, as it is: a placeholder where nothing is to be done."""

    keeps_tensor_split = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = needs_no_build(self)

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        return tree.map_structure(lambda x: KerasTensor(x.shape, x.dtype), inputs)
