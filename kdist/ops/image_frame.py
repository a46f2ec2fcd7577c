"""Padding, cropping and cutting images into patches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kdist.core.spec import Spec
from kdist.ops.checks import shape_of
from kdist.ops.core import convert_to_tensor, shape
from kdist.ops.declare import op
from kdist.ops.image_layout import from_batch, images_shape, spatial_axes, to_batch
from kdist.ops.numpy_shaping import pad, reshape, take, transpose

Tensor = Any


def _ends(op: str, names: tuple, values: tuple, size: Any) -> tuple:
    """(before, after, target) of one axis of `size`, of which two are given.

    Raises: ValueError if not exactly one is None, or one is negative.
    """
    if values.count(None) != 1:
        given = ", ".join(f"{n}={v}" for n, v in zip(names, values, strict=True))
        raise ValueError(
            f"{op}: Must specify exactly two of {', '.join(names)}. Received: {given}."
        )
    before, after, target = values
    for name, value in zip(names, values, strict=True):
        _not_negative(op, name, value)
    if size is None:
        return before, after, target
    # Padding adds to the size and cropping takes from it.
    sign = 1 if op == "pad_images" else -1
    if target is None:
        target = size + sign * (before + after)
    elif before is None:
        before = sign * (target - size) - after
    else:
        after = sign * (target - size) - before
    for name, value in zip(names, (before, after, target), strict=True):
        _not_negative(op, name, value)
    return before, after, target


def _not_negative(op: str, name: str, value: Any) -> None:
    if isinstance(value, int) and value < 0:
        raise ValueError(f"{op}: {name} must be >= 0. Received: {name}={value}.")


def _frame(op: str, how: str, images: Any, sizes: Any, edges: tuple, data_format: Any) -> list:
    """`_ends` of height and of width."""
    images_shape(op, images, data_format)
    top, left, bottom, right, height, width = edges
    return [
        _ends(op, (f"{a}_{how}", f"{b}_{how}", f"target_{n}"), values, sizes[axis])
        for (a, b, n), values, axis in zip(
            (("top", "bottom", "height"), ("left", "right", "width")),
            ((top, bottom, height), (left, right, width)),
            spatial_axes(data_format),
            strict=True,
        )
    ]


def _framed(op: str, how: str) -> Any:
    def rule(images: Any, *edges: Any, data_format: Any = None, **named: Any) -> Spec:
        """The target sizes stand in the call, and no probe finds sizes of images that they fit."""
        names = [f"{side}_{how}" for side in ("top", "left", "bottom", "right")]
        names += ["target_height", "target_width", "data_format"]
        values = {**dict(zip(names, edges, strict=False)), **named}
        data_format = values.pop("data_format", data_format)
        given = tuple(values.get(n) for n in names[:6])
        found = _frame(op, how, images, images.shape, given, data_format)
        sizes = list(images.shape)
        for axis, (_, _, target) in zip(spatial_axes(data_format), found, strict=True):
            sizes[axis] = target
        return Spec(tuple(sizes), images.dtype)

    return rule


@op(rule=_framed("pad_images", "padding"))
def pad_images(
    images: Tensor,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: Any = None,
) -> Tensor:
    """Images with zeros around.

    Arguments:
        images: (height, width, channels) or a batch of them; channels first by `data_format`.
        top_padding, bottom_padding, target_height: two of the three, in pixels.
        left_padding, right_padding, target_width: two of the three, in pixels.

    Raises: ValueError for none or three of three, and where a padding would be negative.

    Example:
        >>> ops.image.pad_images(ops.ones((4, 4, 3)), 1, 2, target_height=6, target_width=8).shape
        torch.Size([6, 8, 3])
    """
    x = convert_to_tensor(images)
    sizes = shape(x)
    edges = (top_padding, left_padding, bottom_padding, right_padding, target_height, target_width)
    widths: list = [(0, 0)] * len(sizes)
    found = _frame("pad_images", "padding", x, sizes, edges, data_format)
    for axis, (before, after, _) in zip(spatial_axes(data_format), found, strict=True):
        widths[axis] = (before, after)
    return pad(x, widths)


@op(rule=_framed("crop_images", "cropping"))
def crop_images(
    images: Tensor,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: Any = None,
) -> Tensor:
    """A part of each image.

    Arguments:
        images: (height, width, channels) or a batch of them; channels first by `data_format`.
        top_cropping, bottom_cropping, target_height: two of the three, in pixels: what goes at the
            edges, and what stays between them.
        left_cropping, right_cropping, target_width: two of the three, alike.

    Raises: ValueError for none or three of three, and where a cropping would be negative.

    Example:
        >>> x = ops.reshape(ops.arange(16), (4, 4, 1))
        >>> ops.image.crop_images(x, 1, 1, target_height=2, target_width=2)[..., 0]
        tensor([[ 5,  6],
                [ 9, 10]], dtype=torch.int32)
    """
    x = convert_to_tensor(images)
    sizes = shape(x)
    edges = (
        *(top_cropping, left_cropping, bottom_cropping, right_cropping),
        *(target_height, target_width),
    )
    kept: list = [slice(None)] * len(sizes)
    found = _frame("crop_images", "cropping", x, sizes, edges, data_format)
    for axis, (before, _, target) in zip(spatial_axes(data_format), found, strict=True):
        kept[axis] = slice(before, before + target)
    return x[tuple(kept)]


# ---- patches -------------------------------------------------------------------------------------
def _sizes(op: str, name: str, value: Any, dims: int) -> tuple[int, ...]:
    """One positive size per axis, from an int or a tuple."""
    sizes = (value,) * dims if isinstance(value, int) else tuple(value)
    if len(sizes) != dims or not all(isinstance(v, int) and v > 0 for v in sizes):
        raise ValueError(
            f"{op}: {name} must be a positive int or {dims} of them. Received: {name}={value}."
        )
    return sizes


def _check(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: Any = None,
) -> None:
    if not isinstance(size, int):
        if not isinstance(size, tuple | list):
            raise TypeError(
                "extract_patches: Invalid `size` argument. Expected an int or a tuple. Received: "
                f"size={size!r} of type {type(size).__name__}."
            )
        if len(size) not in (2, 3):
            raise ValueError(
                "extract_patches: Invalid `size` argument. Expected a tuple of length 2 or 3. "
                f"Received: size={size}."
            )
    dims = 2 if isinstance(size, int) else len(size)
    _check_patches("extract_patches", images, dims, size, strides, dilation_rate, padding)


def _check_3d(
    volumes: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: Any = None,
) -> None:
    if not isinstance(size, int) and (not isinstance(size, list | tuple) or len(size) != 3):
        raise TypeError(
            "extract_patches_3d: Invalid `size` argument. Expected an int or a tuple of length 3. "
            f"Received: size={size}."
        )
    _check_patches("extract_patches_3d", volumes, 3, size, strides, dilation_rate, padding)


def _check_patches(
    op: str, x: Any, dims: int, size: Any, strides: Any, dilation_rate: Any, padding: str
) -> None:
    found = shape_of(x)
    if len(found) not in (dims + 1, dims + 2):
        raise ValueError(
            f"{op}: size={size} needs images of {dims + 1} axes, or {dims + 2} with the batch. "
            f"Received: shape {found}."
        )
    _sizes(op, "size", size, dims)
    _sizes(op, "strides", size if strides is None else strides, dims)
    _sizes(op, "dilation_rate", dilation_rate, dims)
    if padding not in ("valid", "same"):
        raise ValueError(f"{op}: padding={padding!r} must be 'valid' or 'same'.")


@op(check=_check)
def extract_patches(
    images: Tensor,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: Any = None,
) -> Tensor:
    """Patches of images (or of volumes, if `size` has three numbers), each one flattened.

    Arguments:
        images: (height, width, channels) or a batch; channels first by `data_format`.
        size: of a patch in pixels, one number or one per axis.
        strides: distance of one patch to the next; default `size`, which makes them a tiling.
        dilation_rate: distance of one pixel of a patch to the next.
        padding: "valid": patches inside of the image; "same": one every `strides` pixels, zeros
            beyond the image.

    Returns: (..., rows, columns, size * channels): in each patch row by row, channels together.
    Raises: ValueError for sizes below 1, and for images of another rank or too small for a patch.

    Example:
        >>> ops.image.extract_patches(ops.ones((1, 20, 20, 3)), (5, 5)).shape
        torch.Size([1, 4, 4, 75])
        >>> ops.image.extract_patches(ops.reshape(ops.arange(16), (4, 4, 1)), 2)[0, 1]
        tensor([2, 3, 6, 7], dtype=torch.int32)
    """
    dims = 2 if isinstance(size, int) else len(size)
    return _patches(
        "extract_patches", images, dims, size, strides, dilation_rate, padding, data_format
    )


@op(check=_check_3d)
def extract_patches_3d(
    volumes: Tensor,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: Any = None,
) -> Tensor:
    """`extract_patches` of `volumes`, (depth, height, width, channels) or a batch.

    Arguments:
        size, strides, dilation_rate, padding, data_format: as for `extract_patches`, with three
            numbers.

    Raises: TypeError for another `size`; ValueError for volumes that do not fit.

    Example:
        >>> ops.image.extract_patches_3d(ops.ones((1, 20, 20, 20, 3)), 5).shape
        torch.Size([1, 4, 4, 4, 375])
    """
    return _patches(
        "extract_patches_3d", volumes, 3, size, strides, dilation_rate, padding, data_format
    )


def _patches(
    op: str,
    images: Any,
    dims: int,
    size: Any,
    strides: Any,
    dilation_rate: Any,
    padding: str,
    data_format: Any,
) -> Tensor:
    size, steps, rates = (
        _sizes(op, "size", v, dims)
        for v in (size, size if strides is None else strides, dilation_rate)
    )
    x = to_batch(images, data_format, dims + 2)
    for i in range(dims):  # each axis becomes two: which patch, and where in it
        x = _windows(x, 1 + 2 * i, size[i], steps[i], rates[i], padding)
    which, where = range(1, 2 * dims, 2), range(2, 2 * dims + 1, 2)
    x = transpose(x, (0, *which, *where, 2 * dims + 1))
    counts, channels = x.shape[1 : 1 + dims], x.shape[-1]
    x = reshape(x, (-1, *counts, math.prod(size) * channels))
    return from_batch(x, images, data_format, dims + 2)


def _windows(x: Tensor, axis: int, size: int, step: int, rate: int, padding: str) -> Tensor:
    """One axis of n elements as two, (windows, size)."""
    n, reach = x.shape[axis], (size - 1) * rate + 1
    if padding == "same":
        missing = max((-(-n // step) - 1) * step + reach - n, 0)
        if missing:
            widths = [(0, 0)] * len(x.shape)
            widths[axis] = (missing // 2, missing - missing // 2)
            x, n = pad(x, widths), n + missing
    count = (n - reach) // step + 1
    if count < 1:
        raise ValueError(
            f"extract_patches: a patch of {reach} pixels does not fit into {n}. Use a smaller "
            "size, or padding='same'."
        )
    if step == size and rate == 1:  # a tiling needs no copies
        x = x[(slice(None),) * axis + (slice(0, count * size),)]
    else:
        places = step * np.arange(count)[:, None] + rate * np.arange(size)
        x = take(x, places.reshape(-1).astype("int32"), axis=axis)
    return reshape(x, (-1, *x.shape[1:axis], count, size, *x.shape[axis + 1 :]))
