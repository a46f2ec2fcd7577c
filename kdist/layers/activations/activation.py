"""Layers that apply one function to each element."""

from __future__ import annotations

from typing import Any

from kdist import activations, ops
from kdist.layers.layer import Layer
from kdist.layers.options import needs_no_build, warn_of_one_value


class Elementwise(Layer):
    """A layer whose output has its input's shape and mask. Abstract."""

    keeps_tensor_split = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class Activation(Elementwise):
    """Applies an activation function.

    Arguments:
        activation: name, such as "relu", or function.
    """

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.built = needs_no_build(self)

    def compute_output_shape(self, input_shape: Any) -> Any:
        warn_of_one_value(self, self.activation, input_shape, -1)
        return input_shape

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def get_config(self) -> dict:
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


def _at_least_zero(layer: str, name: str, value: Any) -> float:
    if value is None or value < 0:
        raise ValueError(
            f"{name} of a {layer} layer cannot be None or a negative value. Received: "
            f"{name}={value}"
        )
    return value


class ReLU(Elementwise):
    """Rectified linear unit: x above `threshold`, up to `max_value`.

    Below the threshold it is `negative_slope * (x - threshold)`.

    Arguments:
        max_value: the largest output; None for no limit.
        negative_slope: slope below the threshold.
        threshold: where the unit begins to pass its input.

    Raises: ValueError if one of them is negative. Formula: https://arxiv.org/abs/1502.01852,
    extended by the two limits.
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if max_value is not None:
            _at_least_zero("ReLU", "max_value", max_value)
        self.max_value = max_value
        self.negative_slope = _at_least_zero("ReLU", "negative_slope", negative_slope)
        self.threshold = _at_least_zero("ReLU", "threshold", threshold)
        self.built = needs_no_build(self)

    def call(self, inputs: Any) -> Any:
        return activations.relu(
            inputs,
            negative_slope=self.negative_slope,
            max_value=self.max_value,
            threshold=self.threshold,
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class LeakyReLU(Elementwise):
    """x where it is positive, `negative_slope * x` elsewhere.

    Arguments:
        negative_slope: at least 0.

    Raises: ValueError for a negative slope.
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        if "alpha" in kwargs:  # its name in older files
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.negative_slope = _at_least_zero("LeakyReLU", "negative_slope", negative_slope)
        self.built = needs_no_build(self)

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)

    def get_config(self) -> dict:
        return {**super().get_config(), "negative_slope": self.negative_slope}


class ELU(Elementwise):
    """x where it is positive, `alpha * (exp(x) - 1)` elsewhere.

    Clevert et al. 2015, https://arxiv.org/abs/1511.07289.

    Arguments:
        alpha: the limit for large negative x, with its sign turned.
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha
        self.built = needs_no_build(self)

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, alpha=self.alpha)

    def get_config(self) -> dict:
        return {**super().get_config(), "alpha": self.alpha}


class Softmax(Elementwise):
    """exp(x) / sum(exp(x)) over `axis`.

    Arguments:
        axis: an int, or several over which to normalise together.

    `call(inputs, mask=None)`: mask (bool, broadcasts to the inputs) is False where the probability
    shall be 0.
    """

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis
        self.built = needs_no_build(self)

    def compute_output_shape(self, input_shape: Any) -> Any:
        warn_of_one_value(self, activations.softmax, input_shape, self.axis)
        return input_shape

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            _check_broadcasts(mask, inputs)
            if ops.dtype(mask) != "bool":
                mask = ops.greater(mask, 0.5)
            # A large finite number: a row that is masked throughout must not give NaN.
            low = -3e4 if ops.dtype(inputs) == "float16" else -1e9
            inputs = ops.where(mask, inputs, ops.full_like(inputs, low))
        if isinstance(self.axis, list) and len(self.axis) > 1:
            total = ops.logsumexp(inputs, axis=tuple(self.axis), keepdims=True)
            out = ops.exp(ops.subtract(inputs, total))
        else:
            axis = self.axis[0] if isinstance(self.axis, list) else self.axis
            out = activations.softmax(inputs, axis=axis)
        return out if mask is None else ops.where(mask, out, ops.zeros_like(out))

    def get_config(self) -> dict:
        return {**super().get_config(), "axis": self.axis}


def _check_broadcasts(mask: Any, inputs: Any) -> None:
    sizes = zip(tuple(mask.shape)[::-1], tuple(inputs.shape)[::-1], strict=False)
    fits = all(m in (1, None) or i in (m, None) for m, i in sizes)
    if len(mask.shape) > len(inputs.shape) or not fits:
        raise ValueError(
            "The `mask` must be broadcastable to the inputs, and must not have more dimensions. "
            f"Received: inputs.shape={tuple(inputs.shape)}, mask.shape={tuple(mask.shape)}"
        )
