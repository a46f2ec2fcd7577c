"""Layers that zero part of their input while training."""

from __future__ import annotations

from typing import Any

from kdist import ops, random
from kdist.core import config
from kdist.layers.input_spec import InputSpec
from kdist.layers.layer import Layer
from kdist.layers.options import needs_no_build


def check_rate(rate: Any) -> float:
    if not 0 <= rate <= 1:
        raise ValueError(
            "Invalid value received for argument `rate`. Expected a float value between 0 "
            f"and 1. Received: rate={rate}"
        )
    return rate


class Noisy(Layer):
    """A layer that changes its input at random while training. Abstract.

    Arguments:
        active: whether it does so at all; one that does not needs no seed.
        seed: int, or None for one drawn from Python's `random`.
    """

    keeps_tensor_split = is_positionwise = True

    def __init__(self, active: bool, seed: int | None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed
        self._active = bool(active)
        if self._active:
            self.seed_generator = random.SeedGenerator(seed)
        self.supports_masking = True
        self.built = needs_no_build(self)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class Dropping(Noisy):
    """Drops single elements, or those that share a place in a mask of `noise_shape`. Abstract."""

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(check_rate(rate) > 0, seed, **kwargs)
        self.rate = rate
        self.noise_shape = check_noise_shape(noise_shape)

    def _mask_shape(self, inputs: Any) -> tuple | None:
        """The noise shape with the input's sizes in place of None; None if there is no noise shape."""
        if self.noise_shape is None:
            return None
        sizes = ops.shape(inputs)
        return tuple(sizes[i] if d is None else d for i, d in enumerate(self.noise_shape))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": self.noise_shape,
        }


class Dropout(Dropping):
    """While training, sets each element to 0 with probability `rate`.

    The others are divided by 1 - rate, so that the mean stays. Srivastava et al. 2014,
    https://jmlr.org/papers/v15/srivastava14a.html.

    Arguments:
        rate: fraction that is dropped, 0 to 1.
        noise_shape: sizes of the mask, which broadcasts to the input; None among them: the input's
            size.
        seed: int, or None.

    Raises: ValueError for a rate outside of 0 to 1. Example: `Dropout(0.2)(x, training=True)`.
    """

    def call(self, inputs: Any, training: Any = False) -> Any:
        if not training or not self._active:
            return inputs
        return random.dropout(
            inputs,
            self.rate,
            noise_shape=self._mask_shape(inputs),
            seed=self.seed_generator,
        )


def check_noise_shape(noise_shape: Any) -> tuple | None:
    if noise_shape is None:
        return None
    if not isinstance(noise_shape, list | tuple):
        raise ValueError(
            "Invalid value received for argument `noise_shape`. Expected a tuple or list of "
            f"integers. Received: noise_shape={noise_shape}"
        )
    for d in noise_shape:
        if d is not None and (not isinstance(d, int) or d <= 0):
            whole = isinstance(d, int)
            what = "dimensions to be positive integers" if whole else "elements to be integers"
            raise ValueError(
                "Invalid value received for argument `noise_shape`. "
                f"Expected all {what} or None. Received: noise_shape={noise_shape}"
            )
    return tuple(noise_shape)


class SpatialDropout(Noisy):
    """Drops whole channels. Abstract: the public classes fix the number of spatial axes.

    Arguments:
        rank: number of spatial axes.
        rate: fraction of channels that is dropped, 0 to 1.
        data_format: "channels_last" or "channels_first"; None: the configured one.
    """

    def __init__(
        self,
        rank: int,
        rate: float,
        data_format: str | None,
        seed: int | None,
        name: str | None,
        dtype: Any,
    ):
        super().__init__(check_rate(rate) > 0, seed, name=name, dtype=dtype)
        self.rate = rate
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=rank + 2)

    def call(self, inputs: Any, training: Any = False) -> Any:
        if not training or not self._active:
            return inputs
        sizes = ops.shape(inputs)
        ones = (1,) * (len(sizes) - 2)
        last = self.data_format == "channels_last"
        noise_shape = (sizes[0], *ones, sizes[-1]) if last else (sizes[0], sizes[1], *ones)
        return random.dropout(inputs, self.rate, noise_shape=noise_shape, seed=self.seed_generator)


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels of a sequence.

    Tompson et al. 2014, https://arxiv.org/abs/1411.4280.

    Arguments:
        rate: fraction of channels that is dropped while training, 0 to 1.
        seed: int, or None.

    Input and output (batch, steps, channels).
    """

    def __init__(
        self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None
    ):
        super().__init__(1, rate, "channels_last", seed, name, dtype)

    def get_config(self) -> dict:
        return _spatial_config(self)


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels of an image. Tompson et al. 2014, https://arxiv.org/abs/1411.4280.

    Arguments:
        rate: fraction of channels that is dropped while training, 0 to 1.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        seed: int, or None.

    Input and output (batch, height, width, channels).
    """

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(2, rate, data_format, seed, name, dtype)

    def get_config(self) -> dict:
        return {**_spatial_config(self), "data_format": self.data_format}


class SpatialDropout3D(SpatialDropout):
    """Dropout of whole channels of a volume. Tompson et al. 2014, https://arxiv.org/abs/1411.4280.

    Arguments:
        rate: fraction of channels that is dropped while training, 0 to 1.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        seed: int, or None.

    Input and output (batch, depth, height, width, channels).
    """

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(3, rate, data_format, seed, name, dtype)

    def get_config(self) -> dict:
        return {**_spatial_config(self), "data_format": self.data_format}


def _spatial_config(layer: SpatialDropout) -> dict:
    """These layers take no `trainable`, and files hold their policy's name alone."""
    return {
        "rate": layer.rate,
        "seed": layer.seed,
        "name": layer.name,
        "dtype": layer.dtype_policy.name,
    }
