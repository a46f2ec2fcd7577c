"""What the layers that move elements about share."""

from __future__ import annotations

from typing import Any

from kdist.core.graph import KerasTensor
from kdist.layers.layer import Layer
from kdist.layers.options import needs_no_build


class Reshaping(Layer):
    """A layer that keeps its input's dtype, ints included.

    Abstract: a subclass gives `call` and `compute_output_shape`.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.built = needs_no_build(self)

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), inputs.dtype)
