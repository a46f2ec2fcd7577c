"""Normalisation of each sample by itself.

`LayerNormalization`, `RMSNormalization`, `GroupNormalization`, `UnitNormalization`.
"""

from __future__ import annotations

from typing import Any

from kdist import initializers, ops
from kdist.core import dtypes
from kdist.layers.input_spec import InputSpec
from kdist.layers.layer import Layer
from kdist.layers.options import add_weight, needs_no_build, options_config, set_options


def _axes(axis: Any) -> Any:
    if isinstance(axis, list | tuple):
        return list(axis)
    if isinstance(axis, int):
        return axis
    raise TypeError(
        "Invalid value for `axis` argument: expected an int or a list/tuple of ints. "
        f"Received: axis={axis!r}"
    )


def _checked(axis: Any, input_shape: Any) -> list[int]:
    """The axes as a list. Raises ValueError if one is out of bounds."""
    axes = list(axis) if isinstance(axis, list | tuple) else [axis]
    for a in axes:
        if not -len(input_shape) <= a < len(input_shape):
            raise ValueError(
                f"Axis {a} is out of bounds for input shape {tuple(input_shape)}. Received: "
                f"axis={axis}"
            )
    return axes


class PerSample(Layer):
    """A normalisation that keeps shape and mask. Abstract.

    Arguments:
        axis: int or list of ints.
    """

    def __init__(self, axis: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = _axes(axis)
        self.supports_masking = True

    @property
    def is_positionwise(self) -> bool:  # type: ignore[override]
        return self.axis in (-1, [-1])

    def compute_output_shape(self, input_shape: Any) -> Any:
        _checked(self.axis, input_shape)
        return input_shape


class LayerNormalization(PerSample):
    """Gives each sample mean 0 and variance 1 over `axis`, then scales by gamma and adds beta.

    Both have the sizes of these axes. Ba et al. 2016, https://arxiv.org/abs/1607.06450.

    Arguments:
        axis: an int or several.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
            gamma_constraint: of the two.

    Raises: ValueError for an axis that the input lacks.
    """

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        rms_scaling = kwargs.pop("rms_scaling", False)
        super().__init__(axis, **kwargs)
        # Of older models: divides by the deviation alone. RMSNormalization is what it was meant to
        # be.
        self.rms_scaling = rms_scaling
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        set_options(self, "beta", beta_initializer, beta_regularizer, beta_constraint)
        set_options(self, "gamma", gamma_initializer, gamma_regularizer, gamma_constraint)

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape[a] for a in _checked(self.axis, input_shape))
        self.gamma = add_weight(self, "gamma", shape, autocast=False) if self.scale else None
        shifts = self.center and not self.rms_scaling
        self.beta = add_weight(self, "beta", shape, autocast=False) if shifts else None

    def call(self, inputs: Any) -> Any:
        return ops.layer_normalization(
            inputs,
            None if self.gamma is None else self.gamma.value,
            None if self.beta is None else self.beta.value,
            self.axis,
            self.epsilon,
            **({"rms_scaling": True} if self.rms_scaling else {}),
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "rms_scaling": self.rms_scaling,
            **options_config(self, "beta", "gamma"),
        }


class RMSNormalization(PerSample):
    """`x / sqrt(mean(x^2) + epsilon) * scale` over `axis`.

    Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467.

    Arguments:
        axis: an int or several.
        epsilon: added to the mean square.
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(axis, **kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape[a] for a in _checked(self.axis, input_shape))
        self.scale = add_weight(
            self, "scale", shape, initializer=initializers.get("ones"), autocast=False
        )

    def call(self, inputs: Any) -> Any:
        return ops.rms_normalization(inputs, self.scale.value, self.axis, self.epsilon)

    def get_config(self) -> dict:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class GroupNormalization(Layer):
    """Gives each group of channels of each sample mean 0 and variance 1, then scales and shifts.

    Each channel has its own scale and shift. Wu and He 2018, https://arxiv.org/abs/1803.08494.

    Arguments:
        groups: number of groups, which divides the number of channels; -1: each channel by itself.
        axis: the channels' axis.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
            gamma_constraint: of the two.

    Raises: ValueError if the groups do not divide the channels.
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ValueError(
                "Received an invalid value for argument `groups`: expected a positive integer, "
                f"or -1 for each channel by itself. Received: groups={groups!r}"
            )
        super().__init__(**kwargs)
        self.autocast = False  # inputs are wanted before they lose range; the result is cast
        self.groups = groups
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        set_options(self, "beta", beta_initializer, beta_regularizer, beta_constraint)
        set_options(self, "gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(
                f"Axis {self.axis} of the input tensor should have a defined dimension but "
                f"the layer received an input with shape {tuple(input_shape)}."
            )
        groups = channels if self.groups == -1 else self.groups
        if channels < groups:
            raise ValueError(
                f"Number of groups ({groups}) cannot be more than the number of channels "
                f"({channels})."
            )
        if channels % groups:
            raise ValueError(
                f"Number of groups ({groups}) must be a multiple of the number of channels "
                f"({channels})."
            )
        self.groups = groups
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self.gamma = add_weight(self, "gamma", (channels,), autocast=False) if self.scale else None
        self.beta = add_weight(self, "beta", (channels,), autocast=False) if self.center else None

    def call(self, inputs: Any) -> Any:
        wide = dtypes.result_type(ops.dtype(inputs), "float32")
        rank = len(inputs.shape)
        axis = self.axis % rank
        sizes = list(ops.shape(inputs))
        per_group = inputs.shape[axis] // self.groups
        # (..., channels, ...) -> (..., groups, channels / groups, ...)
        x = ops.reshape(
            ops.cast(inputs, wide), [*sizes[:axis], self.groups, per_group, *sizes[axis + 1 :]]
        )
        reduced = [i for i in range(1, rank + 1) if i != axis]
        mean, variance = ops.moments(x, reduced, keepdims=True)
        x = ops.multiply(ops.subtract(x, mean), ops.rsqrt(ops.add(variance, self.epsilon)))
        x = ops.reshape(x, sizes)
        shape = [-1 if i == axis else 1 for i in range(rank)]
        if self.gamma is not None:
            x = ops.multiply(x, ops.reshape(ops.cast(self.gamma.value, wide), shape))
        if self.beta is not None:
            x = ops.add(x, ops.reshape(ops.cast(self.beta.value, wide), shape))
        return ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        _checked(self.axis, input_shape)
        return input_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "groups": self.groups,
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **options_config(self, "beta", "gamma"),
        }


class UnitNormalization(PerSample):
    """Divides each sample by its Euclidean norm over `axis`.

    Arguments:
        axis: an int or several.
    """

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(axis, **kwargs)
        self.built = needs_no_build(self)

    def call(self, inputs: Any) -> Any:
        axis = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        return ops.normalize(inputs, axis=axis, order=2, epsilon=1e-12)

    def get_config(self) -> dict:
        return {**super().get_config(), "axis": self.axis}
