"""`ZeroPadding1D` to `3D` and `Cropping1D` to `3D`."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import config
from kdist.layers.input_spec import InputSpec
from kdist.layers.options import per_axis, spatial_sizes, with_channels
from kdist.layers.reshaping.base import Reshaping


def _pairs(value: Any, rank: int, name: str) -> tuple[tuple[int, int], ...]:
    """An int, `rank` ints, or `rank` pairs (before, after), as `rank` pairs."""
    if isinstance(value, int):
        value = (value,) * rank
    if not hasattr(value, "__len__"):
        raise ValueError(
            f"`{name}` should be an int, {rank} ints, or {rank} pairs (before, after). "
            f"Received: {name}={value!r}."
        )
    if len(value) != rank:
        raise ValueError(f"`{name}` should have {rank} elements. Received: {name}={value!r}.")
    return tuple(per_axis(v, 2, f"{name}[{i}]", allow_zero=True) for i, v in enumerate(value))  # type: ignore[misc]


class Borders(Reshaping):
    """A layer that adds or removes the borders of `rank` spatial axes. Abstract.

    Arguments:
        borders: (before, after) for each axis.
    """

    def __init__(self, borders: tuple, data_format: str | None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self._borders = borders
        self.input_spec = InputSpec(ndim=len(borders) + 2)

    def _resized(self, shape: Any, sizes: tuple) -> tuple:
        channels = shape[-1 if self.data_format == "channels_last" else 1]
        return with_channels(shape[0], sizes, channels, self.data_format)


class ZeroPadding(Borders):
    """Adds borders of zeros. Abstract: the public classes fix the number of axes."""

    def call(self, inputs: Any) -> Any:
        return ops.pad(inputs, with_channels((0, 0), self._borders, (0, 0), self.data_format))

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes = spatial_sizes(input_shape, self.data_format)
        padded = tuple(
            None if s is None else s + sum(b) for s, b in zip(sizes, self._borders, strict=True)
        )
        return self._resized(input_shape, padded)


class Cropping(Borders):
    """Removes borders. Abstract: the public classes fix the number of axes."""

    def call(self, inputs: Any) -> Any:
        self.compute_output_shape(inputs.shape)  # slices alone would give an empty result
        cuts = tuple(slice(before, -after if after else None) for before, after in self._borders)
        return inputs[with_channels(slice(None), cuts, slice(None), self.data_format)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes = spatial_sizes(input_shape, self.data_format)
        if any(s is not None and sum(b) >= s for s, b in zip(sizes, self._borders, strict=True)):
            raise ValueError(
                "Values in `cropping` argument should be smaller than the corresponding spatial "
                "dimension of the input. "
                f"Received: input_shape={tuple(input_shape)}, cropping={self._borders}"
            )
        cut = tuple(
            None if s is None else s - sum(b) for s, b in zip(sizes, self._borders, strict=True)
        )
        return self._resized(input_shape, cut)


class ZeroPadding1D(ZeroPadding):
    """Adds steps of zeros.

    Arguments:
        padding: steps added at both ends, or (before, after).
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Input (batch, steps, channels).
    """

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        self_padding = per_axis(padding, 2, "padding", allow_zero=True)
        super().__init__((self_padding,), data_format, **kwargs)
        self.padding = self_padding

    def get_config(self) -> dict:
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}


class ZeroPadding2D(ZeroPadding):
    """Adds rows and columns of zeros.

    Arguments:
        padding: an int for all four sides, (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Input (batch, height, width, channels).
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(_pairs(padding, 2, "padding"), data_format, **kwargs)
        self.padding = self._borders

    def get_config(self) -> dict:
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}


class ZeroPadding3D(ZeroPadding):
    """Adds planes of zeros around a volume.

    Arguments:
        padding: an int for all six sides, one int per axis, or a pair (before, after) per axis.
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Input (batch, depth, height, width, channels).
    """

    def __init__(
        self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(_pairs(padding, 3, "padding"), data_format, **kwargs)
        self.padding = self._borders

    def get_config(self) -> dict:
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}


class Cropping1D(Cropping):
    """Removes steps from both ends.

    Arguments:
        cropping: steps removed at both ends, or (before, after).

    Input (batch, steps, channels). Raises: ValueError if nothing would remain.
    """

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        both = per_axis(cropping, 2, "cropping", allow_zero=True)
        super().__init__((both,), "channels_last", **kwargs)
        self.cropping = both

    def get_config(self) -> dict:
        return {**super().get_config(), "cropping": self.cropping}


class Cropping2D(Cropping):
    """Removes rows and columns from the sides of images.

    Arguments:
        cropping: an int for all four sides, (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Input (batch, height, width, channels). Raises: ValueError if nothing would remain.
    """

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(_pairs(cropping, 2, "cropping"), data_format, **kwargs)
        self.cropping = self._borders

    def get_config(self) -> dict:
        return {**super().get_config(), "cropping": self.cropping, "data_format": self.data_format}


class Cropping3D(Cropping):
    """Removes planes from the sides of volumes.

    Arguments:
        cropping: an int for all six sides, one int per axis, or a pair (before, after) per axis.
        data_format: "channels_last" or "channels_first"; None: the configured one.

    Input (batch, depth, height, width, channels). Raises: ValueError if nothing would remain.
    """

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(_pairs(cropping, 3, "cropping"), data_format, **kwargs)
        self.cropping = self._borders

    def get_config(self) -> dict:
        return {**super().get_config(), "cropping": self.cropping, "data_format": self.data_format}
