"""`Dense`: the fully connected layer."""

from __future__ import annotations

from typing import Any

from kdist import activations, constraints, initializers, ops, regularizers
from kdist.distribution import LinearSplit
from kdist.layers.input_spec import InputSpec
from kdist.layers.layer import Layer
from kdist.layers.options import warn_of_one_value


class Dense(Layer):
    """`activation(inputs @ kernel + bias)`.

    Arguments:
        units: size of the output's last dim.
        activation: name or function; None for none.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: how the (in, units) kernel and the (units,) bias begin.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: projections after each update.
        lora_rank, lora_alpha, quantization_config: only None; they are not supported.

    Input (..., in); output (..., units).
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        if not isinstance(units, int) or units <= 0:
            raise ValueError(f"units={units!r} of Dense must be a positive int.")
        if lora_rank or lora_alpha or quantization_config:
            raise ValueError(
                "Dense does not support lora_rank, lora_alpha and quantization_config. Leave them out."
            )
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        warn_of_one_value(self, self.activation, (self.units,), -1)
        size = input_shape[-1]
        self.kernel = self.add_weight(
            (size, self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})

    is_positionwise = True

    def call(self, inputs: Any, training: Any = None) -> Any:
        x = ops.linear(inputs, self.kernel.value, None if self.bias is None else self.bias.value)
        return x if self.activation is None else self.activation(x)

    def tensor_split(self) -> LinearSplit | None:
        if not self.built:
            return None
        bias = () if self.bias is None else ((self.bias, 0),)
        inputs, outputs = self.kernel.shape
        return LinearSplit(
            inputs, outputs, columns=((self.kernel, 1), *bias), rows=((self.kernel, 0),)
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "quantization_config": None,
        }
