"""How images lie in tensors: (height, width, channels) or (channels, height, width), alone or in a
batch."""

from __future__ import annotations

from typing import Any

from kdist.core import config, dtypes
from kdist.ops.checks import Shape, shape_of
from kdist.ops.core import cast, convert_to_tensor, saturate_cast
from kdist.ops.numpy_shaping import expand_dims, moveaxis, squeeze
from kdist.ops.numpy_unary import round

Tensor = Any


def images_shape(op: str, images: Any, data_format: Any = None, name: str = "images") -> Shape:
    """The shape of `images`, one or a batch."""
    shape = shape_of(images)
    if len(shape) not in (3, 4):
        raise ValueError(
            f"{op}: Invalid {name} rank: expected rank 3 (single image) or rank 4 (batch of "
            f"images). Received: {name}.shape={shape}."
        )
    config.standardize_data_format(data_format)
    return shape


def channels_first(data_format: Any) -> bool:
    return config.standardize_data_format(data_format) == "channels_first"


def spatial_axes(data_format: Any) -> tuple[int, int]:
    """Axes of height and width, counted from the end."""
    return (-2, -1) if channels_first(data_format) else (-3, -2)


def channel_axis(data_format: Any) -> int:
    return -3 if channels_first(data_format) else -1


def channels_of(op: str, images: Any, data_format: Any, allowed: tuple) -> None:
    """The images have one of the `allowed` numbers of channels, as far as it is known."""
    shape = images_shape(op, images, data_format)
    found = shape[channel_axis(data_format)]
    if found is not None and found not in allowed:
        wanted = " or ".join(f"{n} ({'RGB' if n == 3 else 'Grayscale'})" for n in allowed)
        raise ValueError(
            f"{op}: Invalid channel size: expected {wanted}. Input images must have "
            f"{allowed[0]} channels, but received images with {found} channels. Received input "
            f"with shape: images.shape={shape}"
        )


def to_batch(images: Any, data_format: Any = "channels_last", rank: int = 4) -> Tensor:
    """Images as one batch with the channels last: (n, height, width, channels)."""
    x = convert_to_tensor(images)
    if len(x.shape) == rank - 1:
        x = expand_dims(x, 0)
    return moveaxis(x, 1, -1) if channels_first(data_format) else x


def from_batch(x: Tensor, like: Any, data_format: Any = "channels_last", rank: int = 4) -> Tensor:
    """`to_batch` undone: the rank and layout of `like`."""
    x = moveaxis(x, -1, 1) if channels_first(data_format) else x
    return squeeze(x, 0) if len(shape_of(like)) == rank - 1 else x


def to_dtype(x: Tensor, dtype: str) -> Tensor:
    """Computed numbers in the dtype of the images: integers are rounded and kept in range."""
    if dtypes.is_float(dtype) or dtype in dtypes.COMPLEX:
        return cast(x, dtype)
    return saturate_cast(round(x), dtype)
