"""`UpSampling1D` to `3D`."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import config
from kdist.layers.input_spec import InputSpec
from kdist.layers.options import per_axis, spatial_sizes, with_channels
from kdist.layers.reshaping.base import Reshaping


class UpSampling(Reshaping):
    """Repeats each element along `rank` spatial axes. Abstract: the public classes fix the rank."""

    def __init__(self, factors: tuple[int, ...], data_format: str | None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self._factors = factors
        self.input_spec = InputSpec(ndim=len(factors) + 2)

    def call(self, inputs: Any) -> Any:
        first = 1 if self.data_format == "channels_last" else 2
        for i, factor in enumerate(self._factors):
            if factor > 1:
                inputs = ops.repeat(inputs, factor, axis=first + i)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes = spatial_sizes(input_shape, self.data_format)
        grown = tuple(
            None if s is None else s * f for s, f in zip(sizes, self._factors, strict=True)
        )
        channels = input_shape[-1 if self.data_format == "channels_last" else 1]
        return with_channels(input_shape[0], grown, channels, self.data_format)


class UpSampling1D(UpSampling):
    """Repeats each step.

    Arguments:
        size: how often.

    Input (batch, steps, channels); output (batch, steps * size, channels).
    """

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(per_axis(size, 1, "size"), "channels_last", **kwargs)
        self.size = int(size)

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size}


class UpSampling2D(UpSampling):
    """Repeats rows and columns.

    Arguments:
        size: how often, an int or one for rows and one for columns.
        data_format: "channels_last" or "channels_first"; None: the configured one.
        interpolation: "nearest".

    Input (batch, height, width, channels). Raises: ValueError for another interpolation.
    """

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ):
        super().__init__(per_axis(size, 2, "size"), data_format, **kwargs)
        self.size = self._factors
        self.interpolation = str(interpolation).lower()
        if self.interpolation != "nearest":
            raise ValueError(
                f"interpolation={interpolation!r} of UpSampling2D is not supported. Use 'nearest'."
            )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "size": self.size,
            "data_format": self.data_format,
            "interpolation": self.interpolation,
        }


class UpSampling3D(UpSampling):
    """Repeats the planes of a volume.

    Arguments:
        size: how often, an int or one per axis.
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Input (batch, depth, height, width, channels).
    """

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(per_axis(size, 3, "size"), data_format, **kwargs)
        self.size = self._factors

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}
