"""`PReLU`: a leaky rectifier whose slope is trained."""

from __future__ import annotations

from typing import Any

from kdist import activations, ops
from kdist.layers.activations.activation import Elementwise
from kdist.layers.input_spec import InputSpec
from kdist.layers.options import add_weight, options_config, set_options


class PReLU(Elementwise):
    """x where it is positive, `alpha * x` elsewhere, with a trained alpha for each position.

    He et al. 2015, https://arxiv.org/abs/1502.01852.

    Arguments:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the slopes, which have the
            input's shape without the batch.
        shared_axes: axes (1 is the first after the batch) along which positions share a slope.
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        set_options(self, "alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        if shared_axes is None or isinstance(shared_axes, list | tuple):
            self.shared_axes = shared_axes if shared_axes is None else list(shared_axes)
        else:
            self.shared_axes = [shared_axes]

    def build(self, input_shape: Any) -> None:
        shape = list(input_shape[1:])
        for axis in self.shared_axes or ():
            shape[axis - 1] = 1
        self.alpha = add_weight(self, "alpha", tuple(shape))
        own = {
            i: size
            for i, size in enumerate(input_shape)
            if i > 0 and i not in (self.shared_axes or ())
        }
        self.input_spec = InputSpec(ndim=len(input_shape), axes=own)

    def call(self, inputs: Any) -> Any:
        negative = ops.multiply(
            ops.negative(self.alpha.value), activations.relu(ops.negative(inputs))
        )
        return ops.add(activations.relu(inputs), negative)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            **options_config(self, "alpha"),
            "shared_axes": self.shared_axes,
        }
