"""Colours of images."""

from __future__ import annotations

from typing import Any

from kdist.core import dtypes
from kdist.ops.checks import dtype_of
from kdist.ops.core import cast, convert_to_tensor, unstack
from kdist.ops.declare import op
from kdist.ops.image_layout import channel_axis, channels_of, images_shape
from kdist.ops.numpy_binary import maximum, minimum, mod
from kdist.ops.numpy_reductions import where
from kdist.ops.numpy_shaping import expand_dims, stack
from kdist.ops.numpy_unary import absolute, clip
from kdist.ops.promotion import to_float

Tensor = Any

# Luma of ITU-R BT.601.
_LUMA = (0.2989, 0.5870, 0.1140)


@op(
    check=lambda images, data_format=None: channels_of(
        "rgb_to_grayscale", images, data_format, (3, 1)
    )
)
def rgb_to_grayscale(images: Tensor, data_format: Any = None) -> Tensor:
    """Brightness of RGB images, 0.2989 R + 0.5870 G + 0.1140 B (ITU-R BT.601).

    Arguments:
        images: (height, width, 3) or (n, height, width, 3); channels before height and width with
            `data_format="channels_first"`. Images of one channel stay as they are.
        data_format: default the configured one.

    Returns: images of one channel in the same dtype; integers are cut towards 0.
    Raises: ValueError for images of another rank or number of channels.

    Example:
        >>> ops.image.rgb_to_grayscale([[[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]])
        tensor([[[0.2989],
                 [0.9999]]])
    """
    x, axis = convert_to_tensor(images), channel_axis(data_format)
    if x.shape[axis] == 1:
        return x
    red, green, blue = unstack(to_float(x), 3, axis=axis)
    gray = red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2]
    return cast(expand_dims(gray, axis), dtype_of(x))


def _floats(op: str, images: Any, data_format: Any) -> None:
    images_shape(op, images, data_format)
    if not dtypes.is_float(dtype_of(images)):
        raise ValueError(
            f"{op}: Invalid images dtype: expected float dtype. Received: "
            f"images.dtype={dtype_of(images)}. Divide integers by their largest value first."
        )
    channels_of(op, images, data_format, (3,))


@op(check=lambda images, data_format=None: _floats("rgb_to_hsv", images, data_format))
def rgb_to_hsv(images: Tensor, data_format: Any = None) -> Tensor:
    """Hue, saturation and value of RGB images in [0, 1] (Smith 1978, doi:10.1145/800248.807361).

    Arguments:
        images: floats, (height, width, 3) or a batch; channels first by `data_format`.
        data_format: default the configured one.

    Raises: ValueError for images of another rank or dtype.

    Example:
        >>> ops.image.rgb_to_hsv([[[1.0, 0.0, 0.0], [0.0, 0.5, 0.0]]])  # red, dark green
        tensor([[[0.0000, 1.0000, 1.0000],
                 [0.3333, 1.0000, 0.5000]]])
    """
    axis = channel_axis(data_format)
    red, green, blue = unstack(convert_to_tensor(images), 3, axis=axis)
    value = maximum(maximum(red, green), blue)
    spread = value - minimum(minimum(red, green), blue)
    sixth = 1 / (6 * where(spread > 0, spread, 1))
    hue = where(value == green, (blue - red) * sixth + 1 / 3, (red - green) * sixth + 2 / 3)
    hue = where(value == red, (green - blue) * sixth, hue)
    hue = where(spread > 0, where(hue < 0, hue + 1, hue), 0)
    saturation = where(value > 0, spread / where(value > 0, value, 1), 0)
    return stack([hue, saturation, value], axis=axis)


@op(check=lambda images, data_format=None: _floats("hsv_to_rgb", images, data_format))
def hsv_to_rgb(images: Tensor, data_format: Any = None) -> Tensor:
    """Inverse of `rgb_to_hsv`; the hue counts modulo 1.

    Arguments:
        images, data_format: as for `rgb_to_hsv`.

    Raises: ValueError for images of another rank or dtype.

    Example:
        >>> ops.image.hsv_to_rgb([[[0.0, 1.0, 1.0], [1 / 3, 1.0, 0.5]]])  # red, dark green
        tensor([[[1.0000, 0.0000, 0.0000],
                 [0.0000, 0.5000, 0.0000]]])
    """
    axis = channel_axis(data_format)
    hue, saturation, value = unstack(convert_to_tensor(images), 3, axis=axis)
    angle = 6 * mod(hue, 1.0)
    # How much of each pure colour the hue has, a trapezoid around the colour's own angle.
    red = clip(absolute(angle - 3) - 1, 0.0, 1.0)
    green = clip(2 - absolute(angle - 2), 0.0, 1.0)
    blue = clip(2 - absolute(angle - 4), 0.0, 1.0)
    parts = [value * (1 - saturation + saturation * pure) for pure in (red, green, blue)]
    return stack(parts, axis=axis)
