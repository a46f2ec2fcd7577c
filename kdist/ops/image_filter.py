"""Filters of images, and the similarity that one of them measures."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.core import dtypes
from kdist.core.spec import Spec
from kdist.ops.checks import dtype_of, positive_int, same, shape_of
from kdist.ops.core import cast, convert_to_tensor
from kdist.ops.declare import op
from kdist.ops.image_layout import from_batch, images_shape, to_batch, to_dtype
from kdist.ops.nn_conv import depthwise_conv
from kdist.ops.numpy_binary import divide
from kdist.ops.numpy_reductions import mean
from kdist.ops.numpy_reductions import sum as total
from kdist.ops.numpy_shaping import broadcast_to, pad, reshape, stack
from kdist.ops.numpy_unary import exp, square
from kdist.ops.promotion import to_float

Tensor = Any


def bell(size: int, sigma: Any, dtype: str) -> Tensor:
    """Gaussian weights (size,) around the middle that sum to 1; `sigma` in pixels."""
    places = np.arange(size, dtype="float32") - (size - 1) / 2
    weights = exp(-0.5 * square(divide(places, cast(convert_to_tensor(sigma), dtype))))
    return cast(weights / total(weights), dtype)


def blur(x: Tensor, vertical: Tensor, horizontal: Tensor, padding: str = "same") -> Tensor:
    """Images (n, height, width, channels), each channel weighted along height and along width.

    The two-dimensional kernel is the product of the two, and needs not be formed.
    """
    channels = x.shape[-1]
    for weights, axis in ((vertical, 0), (horizontal, 1)):
        size = weights.shape[0]
        kernel = reshape(weights, (size, 1, 1, 1) if axis == 0 else (1, size, 1, 1))
        kernel = broadcast_to(kernel, (*kernel.shape[:2], channels, 1))
        x = depthwise_conv(x, kernel, padding=padding, data_format="channels_last")
    return x


def _blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: Any = None
) -> None:
    images_shape("gaussian_blur", images, data_format)
    for name, value in (("kernel_size", kernel_size), ("sigma", sigma)):
        if shape_of(value) != (2,):
            raise ValueError(
                f"gaussian_blur: {name} must be two numbers, for width and height. Received: "
                f"{name}={value}."
            )


def like_images(images: Any, *_: Any, **__: Any) -> Spec:
    """The kernel's size is a value where a symbolic tensor gives it; and a probe would draw from a
    seed generator while jax traces, which it refuses."""
    return Spec(images.shape, images.dtype)


@op(rule=like_images, check=_blur)
def gaussian_blur(
    images: Tensor,
    kernel_size: Any = (3, 3),
    sigma: Any = (1.0, 1.0),
    data_format: Any = None,
) -> Tensor:
    """Images blurred by a Gaussian, zeros beyond their edges.

    Arguments:
        images: (height, width, channels) or a batch; channels first by `data_format`.
        kernel_size: pixels along width and along height that take part.
        sigma: standard deviation along width and along height, in pixels. (Keras's documentation
            names the height first; this is the order in which it takes them.)

    Raises: ValueError for images of another rank, and unless size and sigma are pairs.

    Example:
        >>> dot = ops.scatter([[1, 1, 0]], [1.0], (3, 3, 1))
        >>> ops.image.gaussian_blur(dot, (3, 3), (1.0, 1.0))[..., 0]
        tensor([[0.0751, 0.1238, 0.0751],
                [0.1238, 0.2042, 0.1238],
                [0.0751, 0.1238, 0.0751]])
    """
    x = to_float(to_batch(images, data_format))
    horizontal, vertical = (bell(int(kernel_size[i]), sigma[i], dtype_of(x)) for i in range(2))
    x = blur(x, vertical, horizontal)
    return to_dtype(from_batch(x, images, data_format), dtype_of(images))


def _batch(images: Any, data_format: Any = None) -> None:
    if len(shape_of(images)) != 4:
        raise ValueError(
            "sobel_edges: Invalid images rank: expected rank 4 (batch of images). Received: "
            f"images.shape={shape_of(images)}."
        )


@op(check=_batch)
def sobel_edges(images: Tensor, data_format: Any = None) -> Tensor:
    """Slopes of brightness by Sobel's filter, images mirrored at their edges.

    Arguments:
        images: (n, height, width, channels); channels first by `data_format`.

    Returns: (*images.shape, 2): along height, along width.
    Raises: ValueError for images without a batch axis.

    Example:
        >>> ramp = ops.reshape(ops.arange(9.0), (1, 3, 3, 1))  # 3 a row, 1 a column
        >>> ops.image.sobel_edges(ramp)[0, 1, 1, 0]
        tensor([24.,  8.])
    """
    x = to_float(to_batch(images, data_format))
    slope, smooth = (convert_to_tensor(np.float32(v), dtype_of(x)) for v in ([-1, 0, 1], [1, 2, 1]))
    x = pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect")
    edges = [blur(x, slope, smooth, "valid"), blur(x, smooth, slope, "valid")]
    return stack(
        [to_dtype(from_batch(e, images, data_format), dtype_of(images)) for e in edges], -1
    )


def _similar(
    image1: Any,
    image2: Any,
    max_val: Any = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: Any = None,
) -> None:
    a = images_shape("ssim", image1, data_format, "image1")
    b = images_shape("ssim", image2, data_format, "image2")
    positive_int("ssim", "filter_size", filter_size)
    if not same(a, b):
        raise ValueError(
            "ssim: image1 and image2 must have the same shape. Received: "
            f"image1.shape={a}, image2.shape={b}."
        )


@op(check=_similar)
def ssim(
    image1: Tensor,
    image2: Tensor,
    max_val: Any = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: Any = None,
) -> Tensor:
    """Structural similarity of images, 1 where they are equal (Wang et al. 2004,
    doi:10.1109/TIP.2003.819861).

    Arguments:
        image1, image2: (height, width, channels) or batches; channels first by `data_format`.
        max_val: the largest value that a pixel can take, 255 for bytes.
        filter_size, filter_sigma: size and standard deviation, in pixels, of the Gaussian window.
        k1, k2: constants of the formula.

    Returns: a scalar, or (n,) for batches: floats, also for images of integers.
    Raises: ValueError for images of different ranks.

    Example:
        >>> x = random.uniform((16, 16, 1), seed=0)
        >>> ops.image.ssim(x, x), bool(ops.image.ssim(x, 1 - x) < 0)
        (tensor(1.), True)
    """
    x, y = to_float(to_batch(image1, data_format), to_batch(image2, data_format))
    weights = bell(filter_size, filter_sigma, dtype_of(x))
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    around = lambda v: blur(v, weights, weights, "valid")
    mx, my = around(x), around(y)
    vx, vy = around(x * x) - mx * mx, around(y * y) - my * my
    both = around(x * y) - mx * my
    ratio = (2 * mx * my + c1) * (2 * both + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    out = mean(ratio, axis=(1, 2, 3))
    out = out[0] if len(shape_of(image1)) == 3 else out
    return cast(out, dtype_of(image1)) if dtypes.is_float(dtype_of(image1)) else out
