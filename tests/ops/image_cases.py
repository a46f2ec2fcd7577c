"""Cases of images, each with a reference that looks at one pixel at a time."""

from __future__ import annotations

import colorsys
import itertools

import numpy as np
from op_cases import case, ints, normal, positive

IMAGES = normal(2, 6, 5, 3)
FIRST = IMAGES.transpose(0, 3, 1, 2).copy()


def first(reference):
    """The reference of channels last on images of channels first."""

    def run(x, *args, data_format, **kwargs):
        return np.moveaxis(reference(np.moveaxis(x, -3, -1), *args, **kwargs), -1, -3)

    return run


def both(op, *args, ref, **kwargs):
    case(op, IMAGES, *args, ref=ref, rtol=1e-4, **kwargs)
    case(op, FIRST, *args, ref=first(ref), rtol=1e-4, data_format="channels_first", **kwargs)


# ---- colours -------------------------------------------------------------------------------------
def colours(convert):
    return lambda x: np.apply_along_axis(lambda c: convert(*c), -1, x)


_colours = positive(2, 3, 4, 3) / 2
_luma = lambda x: (x * [0.2989, 0.5870, 0.1140]).sum(-1, keepdims=True)
both("rgb_to_grayscale", ref=_luma)
case("rgb_to_grayscale", normal(3, 4, 3), ref=_luma, grad=True)
case("rgb_to_grayscale", normal(3, 4, 1), ref=lambda x: x)
case("rgb_to_grayscale", ints(3, 4, 3, high=255), ref=lambda x: np.floor(_luma(x)))
case("rgb_to_hsv", _colours, ref=colours(colorsys.rgb_to_hsv), grad=True)
case("rgb_to_hsv", np.float32([[[0, 0, 0], [0.5, 0.5, 0.5]]]), ref=colours(colorsys.rgb_to_hsv))
case("hsv_to_rgb", _colours, ref=colours(colorsys.hsv_to_rgb), grad=True)
case(
    "hsv_to_rgb",
    np.moveaxis(_colours, -1, -3).copy(),
    ref=first(colours(colorsys.hsv_to_rgb)),
    data_format="channels_first",
)

# ---- frames and patches --------------------------------------------------------------------------
both(
    "pad_images",
    ref=lambda x, **_: np.pad(x, [(0, 0), (1, 3), (2, 1), (0, 0)]),
    top_padding=1,
    left_padding=2,
    target_height=10,
    target_width=8,
)
both(
    "crop_images",
    ref=lambda x, **_: x[:, 1:4, 2:4],
    top_cropping=1,
    right_cropping=1,
    target_height=3,
    target_width=2,
)
case(
    "pad_images",
    IMAGES[0],
    1,
    1,
    1,
    1,
    ref=lambda x, *_: np.pad(x, [(1, 1), (1, 1), (0, 0)]),
    grad=True,
)
case("crop_images", IMAGES[0], 1, 1, 2, 1, ref=lambda x, *_: x[1:4, 1:4], grad=True)


def patches(x, size, strides=None, dilation_rate=1, padding="valid"):
    dims = x.ndim - 2
    many = lambda v: (v,) * dims if isinstance(v, int) else v
    size, rates = many(size), many(dilation_rate)
    steps = size if strides is None else many(strides)
    reach = [(s - 1) * r + 1 for s, r in zip(size, rates, strict=True)]
    if padding == "same":
        missing = [
            max((-(-n // t) - 1) * t + r - n, 0)
            for n, t, r in zip(x.shape[1:-1], steps, reach, strict=True)
        ]
        x = np.pad(x, [(0, 0), *[(m // 2, m - m // 2) for m in missing], (0, 0)])
    counts = [(n - r) // t + 1 for n, r, t in zip(x.shape[1:-1], reach, steps, strict=True)]
    out = np.zeros((len(x), *counts, int(np.prod(size)) * x.shape[-1]))
    for at in itertools.product(*map(range, counts)):
        part = [
            slice(i * t, i * t + r, d) for i, t, r, d in zip(at, steps, reach, rates, strict=True)
        ]
        out[(slice(None), *at)] = x[(slice(None), *part)].reshape(len(x), -1)
    return out


both("extract_patches", (2, 2), ref=patches)
both("extract_patches", 3, ref=patches, strides=(1, 2), padding="same")
both("extract_patches", 2, ref=patches, strides=1, dilation_rate=2)
case("extract_patches", IMAGES[0], 2, ref=lambda x, s: patches(x[None], s)[0], grad=True)
case("extract_patches", normal(1, 4, 5, 4, 2), (2, 2, 2), ref=patches)
case("extract_patches", ints(1, 5, 4, 1), 2, ref=patches)
case("extract_patches_3d", normal(1, 5, 6, 4, 2), (2, 3, 2), ref=patches, strides=(2, 1, 2))
case("extract_patches_3d", normal(1, 4, 4, 4, 2), 2, ref=patches, padding="same")

# ---- size ----------------------------------------------------------------------------------------
_KERNELS = {
    "bilinear": (1, lambda d: 1 - d),
    "bicubic": (
        2,
        lambda d: 1.5 * d**3 - 2.5 * d**2 + 1 if d < 1 else -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2,
    ),
    "lanczos3": (3, lambda d: np.sinc(d) * np.sinc(d / 3)),
    "lanczos5": (5, lambda d: np.sinc(d) * np.sinc(d / 5)),
}


def scaled(x, axis, new, scale, shift, method, antialias):
    """`x` along one axis: every new pixel a mean of the old ones near it."""
    radius, kernel = _KERNELS[method]
    old, wide = x.shape[axis], max(1 / scale, 1) if antialias else 1
    weights = np.zeros((new, old))
    for i in range(new):
        place = (i + 0.5 - shift) / scale - 0.5
        for j in range(old):
            d = abs(place - j) / wide
            weights[i, j] = kernel(d) if d < radius else 0
        inside = -0.5 <= place <= old - 0.5
        weights[i] = weights[i] / weights[i].sum() if inside else 0
    return np.moveaxis(np.tensordot(weights, x, (1, axis)), 0, axis)


def resized(x, size, interpolation="bilinear", antialias=False):
    for axis, new in zip((-3, -2), size, strict=True):
        x = scaled(x, axis, new, new / x.shape[axis], 0.0, interpolation, antialias)
    return x


for _method in _KERNELS:
    for _antialias in (False, True):
        both("resize", (3, 9), ref=resized, interpolation=_method, antialias=_antialias)
case("resize", IMAGES[0], (3, 9), ref=resized, grad=True)
case(
    "resize",
    IMAGES[0],
    (3, 7),
    ref=lambda x, size, interpolation: x[[1, 3, 5]][:, [0, 1, 1, 2, 3, 3, 4]],
    interpolation="nearest",
    grad=True,
)
case("resize", ints(7, 5, 1, high=200), (5, 3), ref=lambda x, s: np.round(resized(x, s)))
case(
    "resize",
    IMAGES,
    (3, 3),
    ref=lambda x, s, **_: resized(x[:, :5], s),  # 5 of the 6 rows, from row (6 - 5) // 2 on
    crop_to_aspect_ratio=True,
)
case(
    "resize",
    IMAGES,
    (8, 16),
    ref=lambda x, s, **_: resized(
        np.pad(x, [(0, 0), (0, 0), (3, 3), (0, 0)], constant_values=2.0), s
    ),
    pad_to_aspect_ratio=True,
    fill_value=2.0,
    rtol=1e-4,
)


def moved(x, shape, scale, shift, dims, method, antialias=True):
    for i, axis in enumerate(dims):
        x = scaled(x, axis, shape[axis], scale[i], shift[i], method, antialias)
    return x


for _scale in (0.7, 1.6):
    case(
        "scale_and_translate",
        IMAGES,
        (2, 7, 4, 3),
        np.float32([_scale, 1.0]),
        np.float32([0.27, -0.41]),
        (1, 2),
        "bicubic",
        ref=moved,
        rtol=1e-4,
        grad=_scale > 1,
    )

# ---- places --------------------------------------------------------------------------------------
_PAD = {"nearest": "edge", "wrap": "wrap", "mirror": "reflect", "reflect": "symmetric"}


def read(x, places, order, fill_mode="constant", fill_value=0.0):
    """Values at `places` of an image that was extended far enough to all sides."""
    far = 40
    how = {"constant_values": fill_value} if fill_mode == "constant" else {}
    x = np.pad(x, far, mode=_PAD.get(fill_mode, fill_mode), **how)
    out = np.zeros(places.shape[1:])
    for at in np.ndindex(out.shape):
        p = places[(slice(None), *at)] + far
        if order == 0:
            out[at] = x[tuple(np.round(p).astype(int))]
            continue
        low = np.floor(p).astype(int)
        for corner in itertools.product((0, 1), repeat=len(p)):
            weight = np.prod([f if c else 1 - f for c, f in zip(corner, p - low, strict=True)])
            out[at] += weight * x[tuple(low + corner)]
    return out


_places = np.random.default_rng(11).uniform(-12, 15, (2, 4, 5)).astype("float32")
for _mode in ("constant", *_PAD):
    for _order in (0, 1):
        case(
            "map_coordinates",
            normal(4, 5),
            _places,
            _order,
            ref=read,
            fill_mode=_mode,
            fill_value=1.5,
            rtol=1e-4,
            grad=_order == 1,
        )
case("map_coordinates", normal(5), np.float32([[0.5, 3.25]]), 1, ref=read)
case("map_coordinates", normal(3, 3, 3), positive(3, 4), 1, ref=read, rtol=1e-4)
case(
    "map_coordinates",
    ints(4, 5, high=100),
    _places,
    1,
    ref=lambda *a, **k: np.round(read(*a, **k)),
    fill_mode="nearest",
)


def warped(x, numbers, interpolation="bilinear", fill_mode="constant", fill_value=0.0):
    n, height, width, channels = x.shape
    column, row = np.meshgrid(np.arange(width), np.arange(height))
    out = np.zeros(x.shape)
    for i, c in itertools.product(range(n), range(channels)):
        a0, a1, a2, b0, b1, b2, c0, c1 = np.broadcast_to(numbers, (n, 8))[i]
        k = c0 * column + c1 * row + 1
        places = np.stack([(b0 * column + b1 * row + b2) / k, (a0 * column + a1 * row + a2) / k])
        order = {"nearest": 0, "bilinear": 1}[interpolation]
        out[i, ..., c] = read(x[i, ..., c], places, order, fill_mode, fill_value)
    return out


_turn = np.float32(
    [[0.83, 0.31, 0.72, -0.19, 1.07, -0.41, 0, 0], [1.01, 0, 1.93, 0, 0.97, 1.13, 0.02, 0.01]]
)
both("affine_transform", _turn, ref=warped)
both("affine_transform", _turn, ref=warped, interpolation="nearest", fill_mode="reflect")
both("affine_transform", _turn[0], ref=warped, fill_value=3.0)


def perspective(x, start, end, **how):
    equations, right = [], []
    for (x0, y0), (u, v) in zip(end, start, strict=True):
        equations += [
            [x0, y0, 1, 0, 0, 0, -u * x0, -u * y0],
            [0, 0, 0, x0, y0, 1, -v * x0, -v * y0],
        ]
        right += [u, v]
    return warped(x, np.linalg.solve(equations, right), **how)


_corners = np.float32([[0, 0], [4, 0], [0, 5], [4, 5]])
_moved = np.float32([[1, 0.5], [4.5, 0.3], [0.2, 5], [3.7, 4.1]])
both("perspective_transform", _corners, _moved, ref=perspective, fill_value=0.5)
both("perspective_transform", _corners, _moved, ref=perspective, interpolation="nearest")


# ---- filters -------------------------------------------------------------------------------------
def bell(size, sigma):
    w = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
    return w / w.sum()


def filtered(x, kernel):
    """Each channel of (n, height, width, channels) weighted by `kernel`, where it fits."""
    h, w = kernel.shape
    rows, columns = x.shape[1] - h + 1, x.shape[2] - w + 1
    parts = [x[:, i : i + rows, j : j + columns] * kernel[i, j] for i in range(h) for j in range(w)]
    return sum(parts)


def blurred(x, size=(3, 3), sigma=(1.0, 1.0)):
    pads = [((n - 1) // 2, n - 1 - (n - 1) // 2) for n in (size[1], size[0])]
    kernel = np.outer(bell(size[1], sigma[1]), bell(size[0], sigma[0]))
    return filtered(np.pad(x, [(0, 0), *pads, (0, 0)]), kernel)


both("gaussian_blur", ref=blurred)
both("gaussian_blur", (5, 2), (0.7, 1.9), ref=blurred)
case("gaussian_blur", IMAGES[0], ref=lambda x: blurred(x[None])[0], grad=True)


def sobel(x):
    x = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect")
    down = np.outer([-1, 0, 1], [1, 2, 1])
    return np.stack([filtered(x, down), filtered(x, down.T)], -1)


case("sobel_edges", IMAGES, ref=sobel, rtol=1e-4, grad=True)
case(
    "sobel_edges",
    FIRST,
    ref=lambda x, data_format: np.moveaxis(sobel(np.moveaxis(x, 1, -1)), 3, 1),
    rtol=1e-4,
    data_format="channels_first",
)


def similarity(x, y, max_val=1.0, filter_size=11):
    kernel = np.outer(bell(filter_size, 1.5), bell(filter_size, 1.5))
    around = lambda v: filtered(v, kernel)
    mx, my = around(x), around(y)
    vx, vy, vxy = around(x * x) - mx**2, around(y * y) - my**2, around(x * y) - mx * my
    c1, c2 = (0.01 * max_val) ** 2, (0.03 * max_val) ** 2
    ratio = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return ratio.mean((1, 2, 3))


_one, _other = positive(2, 13, 12, 2), positive(2, 13, 12, 2)
case("ssim", _one, _other, ref=similarity, rtol=1e-3)
case("ssim", _one, _other, ref=similarity, rtol=1e-3, max_val=2.0, filter_size=5, grad=True)
case("ssim", _one[0], _other[0], ref=lambda x, y: similarity(x[None], y[None])[0], rtol=1e-3)
