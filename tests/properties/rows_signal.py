"""Rows of Fourier transforms, sequences, and images."""

from __future__ import annotations

import colorsys

import numpy as np
from drawing import FLOATS, SINGLE, row

_PAIR = {"unknown": "none"}  # the two parts of complex numbers have one shape
_FFT = {"floor": 16.0, "factor": 2.0, "why": "a transform rounds by its largest terms"}

for _op, _reference, _shapes in (
    ("fft", np.fft.fft, ((8,), (3, 5), (2, 3, 4))),
    ("fft2", np.fft.fft2, ((4, 4), (3, 5), (2, 3, 4))),
    ("ifft2", np.fft.ifft2, ((4, 4), (3, 5), (2, 3, 4))),
):
    row(
        _op,
        lambda d, s=_shapes: (
            ((d.array(shape := d.pick(*s), "real", "float32"), d.array(shape, "real", "float32")),),
            {},
        ),
        lambda x, fn=_reference: (fn(x[0] + 1j * x[1]).real, fn(x[0] + 1j * x[1]).imag),
        grad=True,
        **_FFT,
        **_PAIR,
    )
row(
    "rfft",
    lambda d: (
        (d.array(d.pick((8,), (3, 5)), "real", "float32"),),
        {"fft_length": d.pick(None, 4, 9, 3)},
    ),
    lambda x, fft_length: (np.fft.rfft(x, fft_length).real, np.fft.rfft(x, fft_length).imag),
    grad=True,
    **_FFT,
)
row(
    "irfft",
    lambda d: (
        (
            (
                d.array(shape := d.pick((5,), (3, 4)), "real", "float32"),
                d.array(shape, "real", "float32"),
            ),
        ),
        {"fft_length": d.pick(None, 6, 9, 3)},
    ),
    lambda x, fft_length: np.fft.irfft(x[0] + 1j * x[1], fft_length),
    grad=True,
    **_FFT,
    **_PAIR,
)
row(
    "stft",
    lambda d: (
        (d.array(d.pick((32,), (2, 40)), "real", "float32"), 8, d.pick(4, 3), d.pick(8, 16)),
        {"center": d.pick(True, False)},
    ),
    grad=True,
    unknown="leading",
    **_FFT,
)
row(
    "extract_sequences",
    lambda d: ((d.array(d.pick((2, 9), (12,)), "real", FLOATS), d.pick(4, 3), d.pick(2, 1)), {}),
    lambda x, n, s: np.stack([x[..., i : i + n] for i in range(0, x.shape[-1] - n + 1, s)], -2),
    grad=True,
)
row(
    "polar",
    lambda d: ((d.array((3, 4), "positive", "float32"), d.array((3, 4), "real", "float32")), {}),
    lambda r, a: r * np.exp(1j * a),
    **_FFT,
)
row(
    "view_as_real",
    lambda d: ((d.array((3,), "real", "complex64"),), {}),
    lambda x: np.stack([x.real, x.imag], -1),
)
row(
    "view_as_complex",
    lambda d: ((d.array((3, 2), "real", "float32"),), {}),
    lambda x: x[..., 0] + 1j * x[..., 1],
    unknown="leading",
    why="pairs are of two",
)

# ---- images --------------------------------------------------------------------------------------
_PLACES = {
    "floor": 8.0,
    "factor": 2.0,
    "unknown": "leading",
    "why": "weights come of rounded places; sizes of images are known",
}


def image(d, domain="real", dtype="float32"):
    return d.array(d.pick((2, 6, 5, 3), (5, 4, 3)), domain, dtype)


def colours(convert):
    return lambda x: np.apply_along_axis(lambda c: convert(*c), -1, x)


row(
    "rgb_to_grayscale",
    lambda d: ((image(d, "shares", FLOATS),), {}),
    lambda x: (x * [0.2989, 0.5870, 0.1140]).sum(-1, keepdims=True),
    grad=True,
    **_PLACES,
)
row(
    "rgb_to_hsv",
    lambda d: ((image(d, "shares", SINGLE),), {}),
    colours(colorsys.rgb_to_hsv),
    grad=True,
    **_PLACES,
)
row(
    "hsv_to_rgb",
    lambda d: ((image(d, "shares", SINGLE),), {}),
    colours(colorsys.hsv_to_rgb),
    **_PLACES,
)
row(
    "resize",
    lambda d: (
        (image(d, "real", SINGLE), d.pick((3, 9), (8, 8), (1, 2))),
        {
            "interpolation": d.pick("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"),
            "antialias": d.pick(False, True),
        },
    ),
    grad=True,
    **_PLACES,
)
row(
    "pad_images",
    lambda d: ((image(d), d.between(0, 2), d.between(0, 2), d.between(0, 2), d.between(0, 2)), {}),
    lambda x, t, left, b, r: np.pad(x, [(0, 0)] * (x.ndim - 3) + [(t, b), (left, r), (0, 0)]),
    grad=True,
    **_PLACES,
)
row(
    "crop_images",
    lambda d: ((image(d), d.between(0, 2), d.between(0, 1), d.between(0, 2), d.between(0, 2)), {}),
    lambda x, t, left, b, r: x[..., t : x.shape[-3] - b, left : x.shape[-2] - r, :],
    grad=True,
    **_PLACES,
)
row(
    "extract_patches",
    lambda d: (
        (image(d), d.pick(2, (3, 2))),
        {"strides": d.pick(None, 1, 2), "padding": d.pick("valid", "same")},
    ),
    grad=True,
    **_PLACES,
)
row(
    "gaussian_blur",
    lambda d: (
        (image(d),),
        {"kernel_size": d.pick((3, 3), (5, 3)), "sigma": d.pick((1.0, 1.0), (0.5, 2.0))},
    ),
    grad=True,
    **_PLACES,
)
row(
    "sobel_edges", lambda d: ((d.array((2, 6, 5, 3), "real", "float32"),), {}), grad=True, **_PLACES
)
row(
    "ssim",
    lambda d: (
        (
            d.array((2, 12, 13, 1), "shares", "float32"),
            d.array((2, 12, 13, 1), "shares", "float32"),
        ),
        {"filter_size": d.pick(11, 5)},
    ),
    grad=True,
    **{**_PLACES, "factor": 8.0},
)
row(
    "affine_transform",
    lambda d: (
        (
            d.array((2, 6, 5, 3), "real", "float32"),
            np.float32([[1.1, 0.23, -0.45, -0.15, 0.9, 0.41, 0.01, 0.02]] * 2),
        ),
        {
            "interpolation": d.pick("bilinear", "nearest"),
            "fill_mode": d.pick("constant", "nearest", "wrap", "mirror", "reflect"),
        },
    ),
    grad=False,
    **{
        **_PLACES,
        "factor": 8.0,
        "why": "weights come of rounded places; no place is at an edge of pixels, where the nearest one is either",
    },
)
row(
    "map_coordinates",
    lambda d: (
        (
            d.array((5, 4), "real", "float32"),
            d.array((2, 6), "off_integers", "float32"),
            d.pick(0, 1),
        ),
        {"fill_mode": d.pick("constant", "nearest", "wrap", "mirror", "reflect")},
    ),
    **{**_PLACES, "unknown": "none"},
)
row(
    "scale_and_translate",
    lambda d: (
        (
            d.array((2, 6, 5, 3), "real", "float32"),
            (2, 7, 4, 3),
            np.float32([d.pick(0.7, 1.6), 1.0]),
            np.float32([0.27, -0.41]),
            (1, 2),
            d.pick("linear", "cubic", "lanczos3"),
        ),
        {},
    ),
    **_PLACES,
)
