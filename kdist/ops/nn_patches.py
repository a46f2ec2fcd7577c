"""Rearrangements between pixels, channels and windows of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.core import config
from kdist.ops.checks import one_of, shape_of
from kdist.ops.core import shape
from kdist.ops.declare import op
from kdist.ops.math import segment_sum
from kdist.ops.numpy_shaping import pad, reshape, take, transpose

Tensor = Any


def _image(name: str, x: Any, block_size: int, data_format: Any) -> tuple:
    """(height, width, channels) of the images `x`."""
    if not isinstance(block_size, int) or block_size < 2:
        raise ValueError(
            f"{name}: `block_size` must be at least 2. Received: block_size={block_size}."
        )
    one_of(
        name,
        "data_format",
        config.standardize_data_format(data_format),
        ("channels_last", "channels_first"),
    )
    sizes = shape_of(x)
    if len(sizes) != 4:
        raise ValueError(f"{name}: x must be images, of 4 axes. Received: x.shape={sizes}.")
    last = config.standardize_data_format(data_format) == "channels_last"
    return sizes[1:] if last else (*sizes[2:], sizes[1])


def _check_channels(x: Any, block_size: int, data_format: Any = "channels_last") -> None:
    channels = _image("depth_to_space", x, block_size, data_format)[2]
    if channels is not None and channels % block_size**2:
        raise ValueError(
            f"depth_to_space: the {channels} channels of x must be divisible by block_size**2 = "
            f"{block_size**2}. Received: x.shape={shape_of(x)}, block_size={block_size}."
        )


def _check_pixels(x: Any, block_size: int, data_format: Any = "channels_last") -> None:
    for what, size in zip(
        ("height", "width"), _image("space_to_depth", x, block_size, data_format), strict=False
    ):
        if size is not None and size % block_size:
            raise ValueError(
                f"space_to_depth: the {what} {size} of x must be divisible by block_size = "
                f"{block_size}. Received: x.shape={shape_of(x)}."
            )


@op(check=_check_channels)
def depth_to_space(x: Tensor, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Channels spread over blocks of `block_size` x `block_size` pixels ("pixel shuffle").

    Arguments:
        x: (batch, height, width, block_size**2 * channels), or channels first.
        data_format: "channels_last" or "channels_first".

    Returns: (batch, height * block_size, width * block_size, channels). It undoes
    `space_to_depth`. Raises: ValueError if the channels cannot be divided so.

    Example:
        >>> ops.nn.depth_to_space(ops.ones((1, 2, 2, 12)), 2).shape
        torch.Size([1, 4, 4, 3])
        >>> ops.nn.depth_to_space([[[[1, 2, 3, 4]]]], 2)[0, :, :, 0]
        tensor([[1, 2],
                [3, 4]], dtype=torch.int32)
    """
    b = block_size
    if config.standardize_data_format(data_format) == "channels_last":
        n, h, w, c = shape(x)
        x = transpose(reshape(x, (n, h, w, b, b, c // b**2)), (0, 1, 3, 2, 4, 5))
        return reshape(x, (n, h * b, w * b, c // b**2))
    n, c, h, w = shape(x)
    x = transpose(reshape(x, (n, b, b, c // b**2, h, w)), (0, 3, 4, 1, 5, 2))
    return reshape(x, (n, c // b**2, h * b, w * b))


@op(check=_check_pixels)
def space_to_depth(x: Tensor, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Blocks of `block_size` x `block_size` pixels stacked as channels.

    Arguments:
        x: (batch, height, width, channels), or channels first.
        data_format: "channels_last" or "channels_first".

    Returns: (batch, height / block_size, width / block_size, block_size**2 * channels). Raises:
    ValueError if the sizes cannot be divided so.

    Example:
        >>> ops.nn.space_to_depth(ops.ones((1, 4, 4, 3)), 2).shape
        torch.Size([1, 2, 2, 12])
    """
    b = block_size
    if config.standardize_data_format(data_format) == "channels_last":
        n, h, w, c = shape(x)
        x = transpose(reshape(x, (n, h // b, b, w // b, b, c)), (0, 1, 3, 2, 4, 5))
        return reshape(x, (n, h // b, w // b, b**2 * c))
    n, c, h, w = shape(x)
    x = transpose(reshape(x, (n, c, h // b, b, w // b, b)), (0, 3, 5, 1, 2, 4))
    return reshape(x, (n, b**2 * c, h // b, w // b))


def _pair(x: Any) -> tuple[int, int]:
    return (x, x) if isinstance(x, int) else tuple(x)


def _counts(size: Any, kernel: tuple, dilation: tuple, padding: tuple, stride: tuple) -> list[int]:
    """How many windows fit along height and width."""
    return [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, d, p, s in zip(size, kernel, dilation, padding, stride, strict=True)
    ]


def _places(size: Any, kernel: tuple, dilation: tuple, padding: tuple, stride: tuple) -> np.ndarray:
    """Where in the flat, padded image each element of each window lies: (kh * kw, windows)."""
    rows, columns = (
        np.arange(k)[:, None] * d + np.arange(count)[None, :] * s
        for k, d, s, count in zip(
            kernel, dilation, stride, _counts(size, kernel, dilation, padding, stride), strict=True
        )
    )
    width = size[1] + 2 * padding[1]
    flat = rows[:, None, :, None] * width + columns[None, :, None, :]
    return flat.reshape(kernel[0] * kernel[1], -1).astype("int32")


def _check_pairs(op: str, **settings: Any) -> None:
    """An int each, or one for the height and one for the width."""
    for name, value in settings.items():
        pair = value if isinstance(value, list | tuple) else (value, value)
        least = 0 if name == "padding" else 1
        if len(pair) != 2 or any(not isinstance(n, int) or n < least for n in pair):
            raise ValueError(
                f"{op}: {name} must be an int of at least {least}, or two. Received: {name}={value!r}."
            )


def _check_unfold(
    x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> None:
    _check_pairs(
        "unfold", kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride
    )
    sizes = shape_of(x)
    if len(sizes) != 4 or None in sizes[2:]:
        raise ValueError(
            "unfold: x must be a 4D tensor (batch, channels, height, width) of known height and "
            f"width. Received: x.shape={sizes}."
        )


@op(check=_check_unfold)
def unfold(
    x: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """The windows of images as columns ("im2col").

    Arguments:
        x: (batch, channels, height, width), always channels first.
        kernel_size, dilation, stride: of the windows, an int or (vertical, horizontal).
        padding: zeros around the image, likewise.

    Returns: (batch, channels * kernel_h * kernel_w, windows).
    Raises: ValueError if `x` has other than four axes.

    Example:
        >>> ops.nn.unfold(ops.reshape(ops.arange(9.0), (1, 1, 3, 3)), 2)[0]
        tensor([[0., 1., 3., 4.],
                [1., 2., 4., 5.],
                [3., 4., 6., 7.],
                [4., 5., 7., 8.]])
    """
    kernel, dilation, padding, stride = map(_pair, (kernel_size, dilation, padding, stride))
    n, channels, *size = shape(x)
    x = pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    places = _places(size, kernel, dilation, padding, stride)
    area = int(np.prod([s + 2 * p for s, p in zip(size, padding, strict=True)]))
    columns = take(reshape(x, (n, channels, area)), places, axis=-1)
    return reshape(columns, (n, channels * places.shape[0], places.shape[1]))


def _check_fold(
    x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> None:
    sizes = shape_of(x)
    if len(sizes) != 3:
        raise ValueError(
            "fold: x must be a 3D tensor (batch, channels * kernel_h * kernel_w, windows). "
            f"Received: x.shape={sizes}."
        )
    _check_pairs(
        "fold",
        output_size=output_size,
        kernel_size=kernel_size,
        dilation=dilation,
        padding=padding,
        stride=stride,
    )
    kernel, *others = map(_pair, (kernel_size, dilation, padding, stride))
    window = kernel[0] * kernel[1]
    count = int(np.prod(_counts(_pair(output_size), kernel, *others)))
    if (sizes[1] is not None and sizes[1] % window) or sizes[2] not in (None, count):
        raise ValueError(
            f"fold: axis 1 of x must be divisible by the {window} elements of a window, and axis 2 "
            f"must be the {count} windows of output_size={output_size}. Received: x.shape={sizes}."
        )


@op(check=_check_fold)
def fold(
    x: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Tensor:
    """Images from windows, which add up where they overlap: the adjoint of `unfold`.

    Arguments:
        x: (batch, channels * kernel_h * kernel_w, windows).
        output_size: (height, width) of the images, or an int for both.
        kernel_size, dilation, padding, stride: as for `unfold`.

    Returns: (batch, channels, height, width). Raises: ValueError if x does not fit the sizes.

    Example:
        >>> ops.nn.fold(ops.ones((1, 4, 4)), 3, 2)[0, 0]  # how many windows see each pixel
        tensor([[1., 2., 1.],
                [2., 4., 2.],
                [1., 2., 1.]])
    """
    size, kernel, dilation, padding, stride = map(
        _pair, (output_size, kernel_size, dilation, padding, stride)
    )
    n, depth, _ = shape(x)
    channels = depth // (kernel[0] * kernel[1])
    places = _places(size, kernel, dilation, padding, stride).reshape(-1)
    height, width = (s + 2 * p for s, p in zip(size, padding, strict=True))
    rows = transpose(reshape(x, (n * channels, places.size)))  # (window elements, images)
    image = transpose(segment_sum(rows, places, num_segments=height * width))
    image = reshape(image, (n, channels, height, width))
    (top, left), (h, w) = padding, size
    return image[:, :, top : top + h, left : left + w]
