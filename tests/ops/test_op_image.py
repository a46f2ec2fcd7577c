"""What the tables of images leave out: random distortion, edge cases, dtypes, and bad input."""

from __future__ import annotations

import numpy as np
import pytest

from kdist import ops, random
from kdist.backend import bound as backend
from kdist.core.graph import KerasTensor
from kdist.ops import image

IMAGES = np.random.default_rng(4).uniform(size=(2, 8, 9, 3)).astype("float32")


def host(x):
    return backend.convert_to_numpy(x)


def test_elastic_transform():
    """The same seed gives the same shifts; without shifts the images stay."""
    same = [host(image.elastic_transform(IMAGES, sigma=1.0, seed=3)) for _ in range(2)]
    np.testing.assert_array_equal(*same)
    assert np.abs(same[0] - IMAGES).max() > 0.1
    assert same[0].min() >= IMAGES.min() - 1e-6 and same[0].max() <= IMAGES.max() + 1e-6
    other = host(image.elastic_transform(IMAGES, sigma=1.0, seed=random.SeedGenerator(9)))
    assert np.abs(same[0] - other).max() > 0.1
    still = host(image.elastic_transform(IMAGES, alpha=0.0, seed=3))
    np.testing.assert_allclose(still, IMAGES, atol=1e-6)
    first = np.moveaxis(IMAGES, -1, 1).copy()
    moved = image.elastic_transform(first, sigma=1.0, seed=3, data_format="channels_first")
    np.testing.assert_allclose(np.moveaxis(host(moved), 1, -1), same[0], atol=1e-5)
    assert image.elastic_transform(KerasTensor((None, 8, 9, 3))).shape == (None, 8, 9, 3)


def test_hsv_and_back():
    np.testing.assert_allclose(host(image.hsv_to_rgb(image.rgb_to_hsv(IMAGES))), IMAGES, atol=1e-5)


def test_perspective_takes_corners_to_corners():
    start = np.float32([[1, 1], [6, 1], [1, 6], [6, 6]])
    end = np.float32([[2, 2], [7, 1], [1, 5], [5, 6]])
    out = host(image.perspective_transform(IMAGES, start, end))
    for (x0, y0), (x1, y1) in zip(start.astype(int), end.astype(int), strict=True):
        np.testing.assert_allclose(out[:, y1, x1], IMAGES[:, y0, x0], atol=1e-4)


def test_infinite_places_lie_outside():
    places = np.float32([[np.inf, -np.inf, np.nan, 1e30, 0.5]])
    got = host(image.map_coordinates(np.float32([1, 3]), places, 1, fill_value=7.0))
    np.testing.assert_allclose(got, [7, 7, 7, 7, 2])


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float32"])
def test_dtypes_stay(dtype):
    x = (IMAGES * 100).astype(dtype)
    unit = np.float32([1, 0, 0, 0, 1, 0, 0, 0])
    results = {
        "resize": image.resize(x, (4, 4)),
        "nearest": image.resize(x, (4, 4), interpolation="nearest"),
        "bicubic": image.resize(x, (12, 12), interpolation="bicubic"),
        "rgb_to_grayscale": image.rgb_to_grayscale(x),
        "affine_transform": image.affine_transform(x, unit),
        "gaussian_blur": image.gaussian_blur(x),
        "sobel_edges": image.sobel_edges(x),
        "extract_patches": image.extract_patches(x, 2),
        "pad_images": image.pad_images(x, 1, 1, 1, 1),
    }
    assert {n: backend.dtype_of(y) for n, y in results.items()} == dict.fromkeys(results, dtype)
    np.testing.assert_allclose(host(results["affine_transform"]).astype("float64"), x, rtol=1e-3)


def test_integers_do_not_overflow():
    x = np.uint8([[0, 255, 0, 255]]).reshape(1, 4, 1)
    out = host(image.resize(x, (1, 8), interpolation="bicubic")).reshape(-1)
    assert out[0] == 0 and out[-1] == 255


@pytest.mark.parametrize(
    ("shape", "edges", "wanted"),
    [
        ((None, None, 64), {"target_height": 20, "target_width": 30}, (20, 30, 64)),
        ((None, None, None, 3), {"bottom": 2, "right": 3}, (None, None, None, 3)),
        ((None, 15, None, 3), {"bottom": 2, "target_width": 9}, (None, 19, 9, 3)),
    ],
)
def test_unknown_sizes_of_frames(shape, edges, wanted):
    x = KerasTensor(shape)
    named = lambda how: {k if "_" in k else f"{k}_{how}": v for k, v in edges.items()}
    pad, crop = named("padding"), named("cropping")
    assert image.pad_images(x, 2, 1, **pad).shape == wanted
    assert image.crop_images(x, 2, 1, **crop).shape == tuple(
        11 if size == 19 else size for size in wanted
    )


BAD = [
    ("resize", (IMAGES[0, 0], (2, 2)), "Invalid images rank"),
    ("resize", (IMAGES, (0, 2)), "positive height and width"),
    ("resize", (IMAGES, (2, 2), "area"), "interpolation='area'"),
    ("resize", (IMAGES, (2, 2), "nearest", False, True, True), "Only one of"),
    ("rgb_to_grayscale", (IMAGES[..., :2],), "Invalid channel size"),
    ("rgb_to_hsv", (IMAGES.astype("int32"),), "expected float dtype"),
    ("hsv_to_rgb", (IMAGES[..., :1],), "received images with 1 channels"),
    ("pad_images", (IMAGES, 1, 1, 1, 1, 10), "exactly two of top_padding"),
    ("pad_images", (IMAGES, 1, 1, None, None, 5, 20), "bottom_padding must be >= 0"),
    ("crop_images", (IMAGES, 1, 1, None, None, 9, 2), "bottom_cropping must be >= 0"),
    ("extract_patches", (IMAGES, (2, 0)), "positive int"),
    ("extract_patches", (IMAGES, 2, None, 1, "full"), "padding='full'"),
    ("extract_patches", (IMAGES, 20), "does not fit"),
    ("map_coordinates", (IMAGES[0, 0], IMAGES[0], 1), "rank of `inputs`"),
    ("map_coordinates", (IMAGES[0, 0], IMAGES[0, :2], 3), "order=3"),
    ("affine_transform", (IMAGES, IMAGES[0]), "Invalid transform rank"),
    ("affine_transform", (IMAGES, IMAGES[0, 0, :8, 0], "cubic"), "interpolation='cubic'"),
    ("perspective_transform", (IMAGES, IMAGES[0, 0], IMAGES[0, 0]), "Invalid start_points"),
    ("gaussian_blur", (IMAGES, (3, 3, 3)), "kernel_size must be two"),
    ("sobel_edges", (IMAGES[0],), "rank 4"),
    ("ssim", (IMAGES, IMAGES[0]), "same shape"),
    ("elastic_transform", (IMAGES, 1.0, 1.0, "bilinear", "edge"), "fill_mode='edge'"),
    ("scale_and_translate", (IMAGES, IMAGES.shape, [1.0], [0.0], (1,), "nearest"), "method"),
]


@pytest.mark.parametrize(("op", "args", "words"), BAD)
def test_bad_input(op, args, words):
    symbolic = [
        KerasTensor(a.shape, str(a.dtype)) if isinstance(a, np.ndarray) else a for a in args
    ]
    for given in (args, symbolic):
        with pytest.raises(ValueError, match=words):
            getattr(image, op)(*given)


def test_a_model_of_images():
    """Symbolic calls compose, and count as ops of the module `keras.ops.image`."""
    x = KerasTensor((None, 16, 16, 3))
    y = image.rgb_to_grayscale(image.resize(image.crop_images(x, 2, 2, 2, 2), (6, 6)))
    assert y.shape == (None, 6, 6, 1)
    assert ops.image is image
