"""Images read at other places: pixels between pixels, and beyond the edges."""

from __future__ import annotations

import itertools
from typing import Any

from kdist.core import dtypes
from kdist.ops.checks import dtype_of, one_of, shape_of
from kdist.ops.core import cast, convert_to_tensor, shape
from kdist.ops.declare import op
from kdist.ops.image_filter import bell, blur, like_images
from kdist.ops.image_layout import from_batch, images_shape, to_batch, to_dtype
from kdist.ops.linalg import solve
from kdist.ops.numpy_binary import logical_and, minimum, mod, multiply
from kdist.ops.numpy_creation import arange, ones_like, zeros_like
from kdist.ops.numpy_reductions import where
from kdist.ops.numpy_shaping import concatenate, expand_dims, reshape, stack, take
from kdist.ops.numpy_unary import clip, floor, isfinite, round
from kdist.ops.promotion import to_float
from kdist.random.draws import normal

Tensor = Any

_ORDERS = {"nearest": 0, "bilinear": 1}
_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def _inside(index: Tensor, size: Any, mode: str) -> Tensor:
    """Whole numbers as places 0 .. size - 1."""
    if mode == "wrap":
        index = mod(index, size)
    elif mode == "mirror":  # 3 2 1 [0 1 2 3] 2 1 0
        period = 2 * size - 2 if not isinstance(size, int) else max(2 * size - 2, 1)
        index = mod(index, period)
        index = minimum(index, period - index)
    elif mode == "reflect":  # 1 0 [0 1 2 3] 3 2
        index = mod(index, 2 * size)
        index = minimum(index, 2 * size - 1 - index)
    return cast(clip(index, 0, size - 1), "int32")


def _neighbours(places: Tensor, order: int) -> list[tuple[Tensor, Any]]:
    """The whole numbers next to `places` and the weight of each."""
    places = where(isfinite(places), places, -2.0)  # an infinite place is as good as one outside
    if order == 0:
        return [(round(places), None)]
    below = floor(places)
    rest = places - below
    return [(below, 1 - rest), (below + 1, rest)]


def _read(
    pixels: Tensor, sizes: list, places: list, order: int, mode: str, fill: Any, base: Any = 0
) -> Tensor:
    """Values between pixels.

    Arguments:
        pixels: (number of pixels, ...): the grid of `sizes`, flattened, from row `base` on.
        places: one tensor per axis of the grid, of one shape.

    Returns: (*shape of places, ...).
    """
    extra = len(pixels.shape) - 1
    widen = lambda v: reshape(v, (*shape(v), *([1] * extra))) if extra else v
    axes = [_neighbours(p, order) for p in places]
    out = None
    for corner in itertools.product(*axes):
        index, weight, valid = base, None, None
        for (at, part), size in zip(corner, sizes, strict=True):
            index = index * size + _inside(at, size, mode)
            if part is not None:
                weight = part if weight is None else weight * part
            if mode == "constant":
                within = logical_and(at >= 0, at <= size - 1)
                valid = within if valid is None else logical_and(valid, within)
        value = take(pixels, index, axis=0)
        if valid is not None:
            value = where(widen(valid), value, cast(fill, dtype_of(pixels)))
        if weight is not None:
            value = multiply(value, widen(weight))  # of complex numbers, too
        out = value if out is None else out + value
    return out


def _coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: Any = 0
) -> None:
    grid = shape_of(inputs)
    places = (
        (len(coordinates), *shape_of(coordinates[0]))
        if isinstance(coordinates, list | tuple)
        else shape_of(coordinates)
    )
    if places[:1] != (len(grid),):
        raise ValueError(
            "map_coordinates: First dim of `coordinates` must be the same as the rank of `inputs`. "
            f"Received: inputs.shape={grid}, coordinates.shape={places}."
        )
    if len(places) < 2:
        raise ValueError(
            "map_coordinates: Invalid coordinates rank: expected at least rank 2. Received: "
            f"coordinates.shape={places}."
        )
    one_of("map_coordinates", "fill_mode", fill_mode, _MODES)
    one_of("map_coordinates", "order", order, (0, 1))
    if 0 in grid and 0 not in places:
        raise ValueError(
            f"map_coordinates: inputs have no elements. Received: inputs.shape={grid}, "
            f"coordinates.shape={places}."
        )


@op(check=_coordinates)
def map_coordinates(
    inputs: Tensor,
    coordinates: Tensor,
    order: int,
    fill_mode: str = "constant",
    fill_value: Any = 0,
) -> Tensor:
    """Values of `inputs` at places that may lie between elements and outside.

    Arguments:
        inputs: a tensor of any rank r.
        coordinates: (r, ...), indices along each axis, fractions included.
        order: 0 the nearest element, 1 linear interpolation.
        fill_mode: what lies outside of [a b c d]: "constant" `fill_value`, "nearest" a a [..] d d,
            "wrap" c d [..] a b, "mirror" c b [..] c b, "reflect" b a [..] d c.

    Returns: `coordinates.shape[1:]`, in the dtype of `inputs`; integers are rounded.
    Raises: ValueError if `coordinates` are not for r axes.

    Example:
        >>> ops.image.map_coordinates([0.0, 10.0], [[0.5, 0.9, 3.0]], 1, fill_value=-1.0)
        tensor([ 5.,  9., -1.])
    """
    x = convert_to_tensor(inputs)
    places = (
        coordinates if isinstance(coordinates, list | tuple) else convert_to_tensor(coordinates)
    )
    places = [to_float(places[i], least="float32") for i in range(len(x.shape))]
    pixels = reshape(to_float(x, least=dtype_of(places[0])), (-1,))
    out = _read(pixels, list(shape(x)), places, order, fill_mode, fill_value)
    return to_dtype(out, dtype_of(x))


def _grid(height: Any, width: Any, dtype: str) -> tuple[Tensor, Tensor]:
    """Column and row of each pixel, (1, 1, width) and (1, height, 1)."""
    return (
        reshape(arange(width, dtype=dtype), (1, 1, -1)),
        reshape(arange(height, dtype=dtype), (1, -1, 1)),
    )


def _warp(
    images: Any, move: Any, dtype: str, interpolation: str, mode: str, fill: Any, data_format: Any
) -> Tensor:
    """Each output pixel read at the place `move(column, row)` of the input, (n, height, width)."""
    x = to_batch(images, data_format)
    n, height, width, channels = shape(x)
    column, row = move(*_grid(height, width, dtype))
    first = reshape(arange(n, dtype="int32"), (-1, 1, 1))  # of the pixels of each image
    pixels = reshape(to_float(x, least=dtype), (-1, channels))
    order = _ORDERS[interpolation]
    out = _read(pixels, [height, width], [row, column], order, mode, fill, base=first)
    return to_dtype(from_batch(out, images, data_format), dtype_of(x))


def _projection(numbers: Tensor) -> Any:
    """The function (column, row) of the eight numbers (n, 8) of a projective map."""
    a0, a1, a2, b0, b1, b2, c0, c1 = (reshape(numbers[:, i], (-1, 1, 1)) for i in range(8))

    def move(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        k = c0 * x + c1 * y + 1
        return (a0 * x + a1 * y + a2) / k, (b0 * x + b1 * y + b2) / k

    return move


def _affine(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Any = 0,
    data_format: Any = None,
) -> None:
    one_of("affine_transform", "interpolation", interpolation, tuple(_ORDERS))
    one_of("affine_transform", "fill_mode", fill_mode, _MODES)
    images_shape("affine_transform", images, data_format)
    numbers = shape_of(transform)
    if len(numbers) not in (1, 2) or numbers[-1] not in (8, None):
        raise ValueError(
            "affine_transform: Invalid transform rank: expected rank 1 (single transform) or rank "
            f"2 (batch of transforms), of 8 numbers. Received: transform.shape={numbers}."
        )
    n = shape_of(images)[0]
    if (
        len(numbers) == 2
        and len(shape_of(images)) == 4
        and numbers[0] not in (n, 1, None)
        and n not in (1, None)
    ):
        raise ValueError(
            "affine_transform: transform must be one for all images, or one for each. Received: "
            f"images.shape={shape_of(images)}, transform.shape={numbers}."
        )


@op(check=_affine)
def affine_transform(
    images: Tensor,
    transform: Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Any = 0,
    data_format: Any = None,
) -> Tensor:
    """Images moved, turned, sheared and scaled.

    Arguments:
        images: (height, width, channels) or a batch; channels first by `data_format`.
        transform: (8,) or (n, 8), the numbers a0, a1, a2, b0, b1, b2, c0, c1: the output at column
            x and row y is the input at column (a0 x + a1 y + a2) / k and row (b0 x + b1 y + b2) / k
            with k = c0 x + c1 y + 1.
        interpolation: "bilinear" or "nearest".
        fill_mode, fill_value: what lies outside of the image, as for `map_coordinates`.

    Raises: ValueError for another mode or rank, or other than 8 numbers.

    Example:
        >>> x = ops.reshape(ops.arange(4.0), (1, 4, 1))
        >>> two_to_the_left = [1.0, 0, 2, 0, 1, 0, 0, 0]
        >>> ops.image.affine_transform(x, two_to_the_left)[0, :, 0]
        tensor([2., 3., 0., 0.])
    """
    numbers = to_float(transform, least="float32")
    numbers = expand_dims(numbers, 0) if len(numbers.shape) == 1 else numbers
    move = _projection(numbers)
    return _warp(images, move, dtype_of(numbers), interpolation, fill_mode, fill_value, data_format)


def _corners(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: Any = 0,
    data_format: Any = None,
) -> None:
    one_of("perspective_transform", "interpolation", interpolation, tuple(_ORDERS))
    images_shape("perspective_transform", images, data_format)
    shapes = {"start_points": shape_of(start_points), "end_points": shape_of(end_points)}
    for name, found in shapes.items():
        if len(found) not in (2, 3) or found[-2:] != (4, 2):
            raise ValueError(
                f"perspective_transform: Invalid {name} shape: expected (4,2) for a single image "
                f"or (N,4,2) for a batch. Received shape: {found}"
            )
    if shapes["start_points"] != shapes["end_points"]:
        raise ValueError(
            "perspective_transform: start_points and end_points must have the same shape. "
            f"Received: {shapes}."
        )


@op(check=_corners)
def perspective_transform(
    images: Tensor,
    start_points: Tensor,
    end_points: Tensor,
    interpolation: str = "bilinear",
    fill_value: Any = 0,
    data_format: Any = None,
) -> Tensor:
    """Images seen from elsewhere: the four `start_points` come to lie at the `end_points`.

    Arguments:
        images: (height, width, channels) or a batch; channels first by `data_format`.
        start_points, end_points: (4, 2) or (n, 4, 2), pairs (column, row) in pixels.
        interpolation: "bilinear" or "nearest".
        fill_value: of pixels that come from outside.

    Raises: ValueError for points of other shapes, and for images of another rank.

    Example:
        >>> x = ops.reshape(ops.arange(9.0), (3, 3, 1))
        >>> corners = [[0, 0], [0, 2], [2, 0], [2, 2]]
        >>> mirrored = [[2, 0], [2, 2], [0, 0], [0, 2]]
        >>> ops.image.perspective_transform(x, corners, mirrored)[..., 0]
        tensor([[2., 1., 0.],
                [5., 4., 3.],
                [8., 7., 6.]])
    """
    start, end = to_float(start_points, end_points, least="float32")
    if len(start.shape) == 2:
        start, end = expand_dims(start, 0), expand_dims(end, 0)
    numbers = _homography(end, start)
    move = _projection(numbers)
    return _warp(
        images, move, dtype_of(numbers), interpolation, "constant", fill_value, data_format
    )


def _homography(source: Tensor, target: Tensor) -> Tensor:
    """The projective map (n, 8) that takes four points (n, 4, 2) to four others: eight linear
    equations (Heckbert 1989, Fundamentals of Texture Mapping and Image Warping, section 2.2.3)."""
    x, y, u, v = source[..., 0], source[..., 1], target[..., 0], target[..., 1]
    one, zero = ones_like(x), zeros_like(x)
    columns = stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=-1)
    rows = stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=-1)
    matrix = concatenate([columns, rows], axis=1)
    right = concatenate([u, v], axis=1)
    return solve(matrix, expand_dims(right, -1))[..., 0]


def _elastic(
    images: Any,
    alpha: Any = 20.0,
    sigma: Any = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: Any = 0.0,
    seed: Any = None,
    data_format: Any = None,
) -> None:
    one_of("elastic_transform", "interpolation", interpolation, tuple(_ORDERS))
    one_of("elastic_transform", "fill_mode", fill_mode, _MODES)
    images_shape("elastic_transform", images, data_format)


@op(rule=like_images, check=_elastic)
def elastic_transform(
    images: Tensor,
    alpha: Any = 20.0,
    sigma: Any = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: Any = 0.0,
    seed: Any = None,
    data_format: Any = None,
) -> Tensor:
    """Images distorted by smooth random shifts.

    Simard et al. 2003, doi:10.1109/ICDAR.2003.1227801.

    Arguments:
        images: (height, width, channels) or a batch; channels first by `data_format`.
        alpha: factor of the shifts.
        sigma: standard deviation in pixels of the Gaussian that smooths them, and their factor too.
        interpolation: "bilinear" or "nearest".
        fill_mode, fill_value: what lies outside of the image, as for `map_coordinates`.
        seed: an int, a `kdist.random.SeedGenerator` or None.

    Raises: ValueError for another mode, and for images of another rank.

    Example:
        >>> x = ops.reshape(ops.arange(64.0), (8, 8, 1))
        >>> once = ops.image.elastic_transform(x, alpha=10.0, seed=0)
        >>> again = ops.image.elastic_transform(x, alpha=10.0, seed=0)
        >>> once.shape, bool(ops.all(once == again)), bool(ops.all(once == x))
        (torch.Size([8, 8, 1]), True, False)
    """
    n, height, width, _ = shape(to_batch(images, data_format))
    dtype = dtypes.result_type(dtype_of(convert_to_tensor(images)), "float32")
    size = int(6 * sigma) | 1  # odd, and three standard deviations to either side
    weights = bell(size, sigma, dtype)
    noise = blur(normal((2 * n, height, width, 1), 0.0, sigma, dtype, seed), weights, weights)
    shifts = reshape(alpha * noise, (2, n, height, width))

    def move(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return x + shifts[0], y + shifts[1]

    return _warp(images, move, dtype, interpolation, fill_mode, fill_value, data_format)
