"""Images of another size, by weights that say how much of each old pixel a new one takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kdist.backend import bound as backend
from kdist.core import dtypes
from kdist.ops.checks import dtype_of, one_of, same, shape_of
from kdist.ops.core import cast, convert_to_tensor, shape
from kdist.ops.declare import op
from kdist.ops.image_layout import channels_first, images_shape, spatial_axes, to_dtype
from kdist.ops.numpy_binary import logical_and, maximum, minimum
from kdist.ops.numpy_creation import arange
from kdist.ops.numpy_products import tensordot
from kdist.ops.numpy_reductions import sum as total
from kdist.ops.numpy_reductions import where
from kdist.ops.numpy_shaping import expand_dims, moveaxis, pad, squeeze, take
from kdist.ops.numpy_unary import absolute, sin
from kdist.ops.promotion import to_float

Tensor = Any


# ---- kernels: the weight of an old pixel at distance x >= 0 from the new one -----------------------
def _triangle(x: Tensor) -> Tensor:
    return maximum(1 - x, 0.0)


def _cubic(x: Tensor) -> Tensor:
    """Keys 1981, doi:10.1109/TASSP.1981.1163711, with a = -1/2."""
    near = ((1.5 * x - 2.5) * x) * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return where(x >= 2, 0.0, where(x >= 1, far, near))


def _lanczos(radius: int) -> Callable:
    """Duchon 1979, doi:10.1175/1520-0450(1979)018<1016:LFIOAT>2.0.CO;2."""

    def kernel(x: Tensor) -> Tensor:
        apart = x > 1e-12  # the formula is 0 / 0 at 0
        safe = where(apart, x, 1.0)
        product = radius * sin(np.pi * safe) * sin(np.pi * safe / radius) / (np.pi * safe) ** 2
        return where(x > radius, 0.0, where(apart, product, 1.0))

    return kernel


_KERNELS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear"), _triangle),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
}
_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


def _weights(
    old: Any, new: int, scale: Any, shift: Any, kernel: Callable, antialias: bool, dtype: str
) -> Tensor:
    """(old, new): how much of each old pixel a new one takes; 0 where it lies outside.

    Arguments:
        scale, shift: a pixel at p moves to p * scale + shift, counted from the image's edge.
        antialias: widen the kernel where the image shrinks, so that every old pixel counts.
    """
    # Of new pixels in the old image.
    places = (arange(new, dtype=dtype) + 0.5 - shift) / scale - 0.5
    distance = absolute(expand_dims(places, 0) - expand_dims(arange(old, dtype=dtype), 1))
    weights = kernel(distance * _least(scale, 1.0) if antialias else distance)
    sums = total(weights, axis=0, keepdims=True)
    some = absolute(sums) > 1000 * float(np.finfo("float32").eps)
    inside = expand_dims(logical_and(places >= -0.5, places <= old - 0.5), 0)
    return where(logical_and(some, inside), weights / where(some, sums, 1.0), 0.0)


def _apply(x: Tensor, weights: Tensor, axis: int) -> Tensor:
    return moveaxis(tensordot(x, cast(weights, dtype_of(x)), axes=([axis], [0])), -1, axis)


def _resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: Any = None,
) -> None:
    if not isinstance(size, list | tuple) or len(size) != 2:
        raise ValueError(
            f"resize: Expected `size` to be a tuple of 2 integers. Received: size={size}."
        )
    if size[0] <= 0 or size[1] <= 0:
        raise ValueError(
            f"resize: `size` must have positive height and width. Received: size={size}."
        )
    images_shape("resize", images, data_format)
    one_of("resize", "interpolation", interpolation, _INTERPOLATIONS)
    one_of("resize", "fill_mode", fill_mode, ("constant",))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "resize: Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`."
        )


@op(check=_resize)
def resize(
    images: Tensor,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: Any = None,
) -> Tensor:
    """Images of another height and width.

    Arguments:
        images: (height, width, channels) or a batch; channels first by `data_format`.
        size: (height, width) of the result.
        interpolation: "bilinear", "nearest", "bicubic" (Keys, a = -1/2), "lanczos3", "lanczos5".
        antialias: average over all old pixels of a new one where the image shrinks.
        crop_to_aspect_ratio: first crop to the middle of the shape of `size`.
        pad_to_aspect_ratio: first pad to the shape of `size`, with `fill_value`.
        fill_mode: "constant".

    Returns: images in the same dtype; integers are rounded and stay in their range.
    Raises: ValueError for another size, mode or rank, and where both cropping and padding are asked
    for.

    Example:
        >>> ops.image.resize(ops.ones((2, 8, 8, 3)), (4, 6)).shape
        torch.Size([2, 4, 6, 3])
        >>> ops.image.resize([[[0.0], [1.0]]], (1, 4))[0, :, 0]
        tensor([0.0000, 0.2500, 0.7500, 1.0000])
    """
    x = convert_to_tensor(images)
    target = (int(size[0]), int(size[1]))
    axes = tuple(len(x.shape) + a for a in spatial_axes(data_format))
    if crop_to_aspect_ratio:
        x = _cropped(x, axes, target)
    elif pad_to_aspect_ratio:
        x = _padded(x, axes, target, fill_value)
    sizes = tuple(shape(x)[a] for a in axes)
    if sizes == target:
        return x
    if interpolation == "nearest":
        for axis, old, new in zip(axes, sizes, target, strict=True):
            # Pixel i has its middle at (i + 1/2) old / new; in whole numbers, so without rounding.
            x = take(x, (2 * np.arange(new, dtype="int32") + 1) * old // (2 * new), axis=axis)
        return x
    out = to_float(x, least="float32")
    native = backend.OPS.get(f"resize_{interpolation}{'_antialias' if antialias else ''}")
    if native is not None:
        single = len(out.shape) == 3
        found = native(expand_dims(out, 0) if single else out, target, channels_first(data_format))
        if found is not None:  # a kernel may not know the dtype
            return to_dtype(squeeze(found, 0) if single else found, dtype_of(x))
    kernel, dtype = _KERNELS[interpolation], dtype_of(out)
    for axis, old, new in zip(axes, sizes, target, strict=True):
        scale = new / cast(old, dtype) if backend.is_tensor(old) else new / old
        weights = _weights(old, new, scale, 0.0, kernel, antialias, dtype)
        out = out if old is new else _apply(out, weights, axis)
    return to_dtype(out, dtype_of(x))


def _cropped(x: Tensor, axes: tuple, target: tuple) -> Tensor:
    """The largest part in the middle that has the proportions of `target`."""
    kept: list = [slice(None)] * len(x.shape)
    for axis, size, wanted in _proportions(x, axes, target):
        wanted = _most(_least(size, wanted), 1)
        start = (size - wanted) // 2
        kept[axis] = slice(start, start + wanted)
    return x[tuple(kept)]


def _padded(x: Tensor, axes: tuple, target: tuple, value: Any) -> Tensor:
    """The smallest frame around that has the proportions of `target`."""
    widths: list = [(0, 0)] * len(x.shape)
    for axis, size, wanted in _proportions(x, axes, target):
        edge = _most((wanted - size) // 2, 0)
        widths[axis] = (edge, edge)
    return pad(x, widths, constant_values=value)


def _proportions(x: Tensor, axes: tuple, target: tuple) -> list:
    """(axis, its size, the size that would fit the other axis) of height and width."""
    sizes = shape(x)
    height, width = sizes[axes[0]], sizes[axes[1]]
    return [
        (axes[0], height, width * target[0] // target[1]),
        (axes[1], width, height * target[1] // target[0]),
    ]


def _least(a: Any, b: Any) -> Any:
    """The smaller of two sizes or scales, which a graph may not know yet."""
    return min(a, b) if isinstance(a, int | float) and isinstance(b, int | float) else minimum(a, b)


def _most(a: Any, b: Any) -> Any:
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else maximum(a, b)


def _moved(
    images: Any,
    output_shape: Any,
    scale: Any,
    translation: Any,
    spatial_dims: Any,
    method: str,
    antialias: bool = True,
) -> None:
    one_of("scale_and_translate", "method", method, tuple(_KERNELS))
    rank, dims = len(shape_of(images)), len(spatial_dims)
    if len(output_shape) != rank or not all(-rank <= d < rank for d in spatial_dims):
        raise ValueError(
            "scale_and_translate: output_shape must have a size, and spatial_dims be among, the axes of "
            f"images. Received: images.shape={shape_of(images)}, output_shape={output_shape}, "
            f"spatial_dims={spatial_dims}."
        )
    for name, x in (("scale", scale), ("translation", translation)):
        if not same(shape_of(x), (dims,)):
            raise ValueError(
                f"scale_and_translate: {name} must be a vector, of a number for each of "
                f"spatial_dims={spatial_dims}. Received: {name}.shape={shape_of(x)}."
            )


@op(check=_moved)
def scale_and_translate(
    images: Tensor,
    output_shape: Any,
    scale: Tensor,
    translation: Tensor,
    spatial_dims: Any,
    method: str,
    antialias: bool = True,
) -> Tensor:
    """A pixel at p goes to p * scale + translation along each of `spatial_dims`; 0 outside.

    Arguments:
        images: a tensor of any rank.
        output_shape: sizes of the result.
        scale, translation: one number per spatial axis; they may be differentiated.
        spatial_dims: the axes that are scaled and moved.
        method: "linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3" or
            "lanczos5".
        antialias: as for `resize`.

    Returns: images in the same dtype; integers are rounded and stay in the range of the values.
    Raises: ValueError for another method.

    Example:
        >>> x = ops.array([1.0, 2.0, 3.0])
        >>> ops.image.scale_and_translate(x, (4,), [1.0], [1.0], (0,), "linear")
        tensor([0., 1., 2., 3.])
    """
    x = convert_to_tensor(images)
    scale, translation = to_float(scale, translation)
    out, dtype = to_float(x), dtype_of(scale)
    for i, dim in enumerate(spatial_dims):
        axis = dim % len(x.shape)
        weights = _weights(
            *(shape(x)[axis], output_shape[axis], scale[i], translation[i]),
            *(_KERNELS[method], antialias, dtype),
        )
        out = _apply(out, weights, axis)
    if dtypes.is_float(dtype_of(x)):
        return out
    return to_dtype(out, dtype_of(x))
