"""Convolution and pooling against loops in NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kdist.backend import bound as backend

OPS = backend.OPS
RNG = np.random.default_rng()
FORMATS = ["channels_last", "channels_first"]


def to(x, data_format):
    return x if data_format == "channels_last" else np.moveaxis(x, -1, 1)


def windows(x, size, stride, dilation, padding, fill):
    """x (batch, h, w, c): (batch, rows, columns, *size, c), padded as TensorFlow defines "same"."""
    pads = []
    for n, k, s, d in zip(x.shape[1:3], size, stride, dilation, strict=True):
        reach = (k - 1) * d + 1
        total = max((-(-n // s) - 1) * s + reach - n, 0) if padding == "same" else 0
        pads.append((total // 2, total - total // 2))
    x = np.pad(x.astype("float64"), [(0, 0), *pads, (0, 0)], constant_values=fill)
    counts = [
        (n - (k - 1) * d - 1) // s + 1
        for n, k, s, d in zip(x.shape[1:3], size, stride, dilation, strict=True)
    ]
    out = np.empty((len(x), *counts, *size, x.shape[-1]))
    for i, j, p, q in itertools.product(*map(range, (*counts, *size))):
        out[:, i, j, p, q] = x[:, i * stride[0] + p * dilation[0], j * stride[1] + q * dilation[1]]
    return out


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (2, 1), ((2, 3), 1), (1, 2)])
def test_conv(data_format, padding, strides, dilation):
    x, k = RNG.uniform(-1, 1, (2, 7, 8, 6)), RNG.uniform(-1, 1, (3, 2, 6, 4))
    s, d = np.broadcast_to(strides, 2), np.broadcast_to(dilation, 2)
    w = windows(x, (3, 2), s, d, padding, 0)
    expected = np.einsum("bijpqc,pqco->bijo", w, k)
    call = {
        "strides": strides,
        "padding": padding,
        "data_format": data_format,
        "dilation_rate": dilation,
    }
    out = OPS["conv"](to(x, data_format).astype("float32"), k.astype("float32"), **call)
    np.testing.assert_allclose(out, to(expected, data_format), atol=1e-5)

    depth = RNG.uniform(-1, 1, (3, 2, 6, 2))
    expected = np.einsum("bijpqc,pqcm->bijcm", w, depth).reshape(*w.shape[:3], 12)
    out = OPS["depthwise_conv"](
        to(x, data_format).astype("float32"), depth.astype("float32"), **call
    )
    np.testing.assert_allclose(out, to(expected, data_format), atol=1e-5)

    point = RNG.uniform(-1, 1, (1, 1, 12, 5)).astype("float32")
    out = OPS["separable_conv"](
        to(x, data_format).astype("float32"), depth.astype("float32"), point, **call
    )
    np.testing.assert_allclose(out, to(expected @ point[0, 0], data_format), atol=1e-5)

    groups = RNG.uniform(-1, 1, (3, 2, 3, 4))
    halves = [
        np.einsum("bijpqc,pqco->bijo", w[..., 3 * g : 3 * g + 3], groups[..., 2 * g : 2 * g + 2])
        for g in (0, 1)
    ]
    out = OPS["conv"](to(x, data_format).astype("float32"), groups.astype("float32"), **call)
    np.testing.assert_allclose(out, to(np.concatenate(halves, -1), data_format), atol=1e-5)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [None, 1, (1, 2)])
def test_pooling(data_format, padding, strides):
    x = RNG.uniform(-1, 1, (2, 7, 8, 3)).astype("float32")
    s = (3, 2) if strides is None else np.broadcast_to(strides, 2)
    call = ((3, 2), strides, padding, data_format)
    w = windows(x, (3, 2), s, (1, 1), padding, -np.inf)
    out = OPS["max_pool"](to(x, data_format), *call)
    np.testing.assert_allclose(out, to(w.max((3, 4)), data_format))
    real = np.isfinite(w)
    mean = np.where(real, w, 0).sum((3, 4)) / real.sum((3, 4))
    np.testing.assert_allclose(
        OPS["average_pool"](to(x, data_format), *call), to(mean, data_format), atol=1e-6
    )


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("kernel", "stride", "extra"),
    [(3, 1, None), (3, 2, None), (2, 3, None), (4, 2, None), (3, 2, 1)],
)
def test_conv_transpose_is_the_adjoint_of_conv(data_format, padding, kernel, stride, extra):
    """<conv(y), x> = <y, conv_transpose(x)> wherever conv maps the size of y to that of x."""
    x = RNG.uniform(-1, 1, (2, 5, 5, 3)).astype("float32")
    k = RNG.uniform(-1, 1, (kernel, kernel, 4, 3)).astype("float32")
    out = np.asarray(
        OPS["conv_transpose"](to(x, data_format), k, stride, padding, extra, data_format)
    )
    size = {
        ("same", None): 5 * stride,
        ("valid", None): 4 * stride + max(kernel, stride),
        ("same", 1): 4 * stride + kernel % 2 + 1,
        ("valid", 1): 4 * stride + kernel + 1,
    }[padding, extra]
    assert out.shape == to(np.empty((2, size, size, 4)), data_format).shape
    y = RNG.uniform(-1, 1, (2, size, size, 4)).astype("float32")
    forward = np.asarray(OPS["conv"](y, k, stride, padding))
    if forward.shape == x.shape:
        last = out if data_format == "channels_last" else np.moveaxis(out, 1, -1)
        assert np.vdot(forward, x) == pytest.approx(float(np.vdot(y, last)), rel=1e-3, abs=1e-3)


def test_one_and_three_dims_and_integers():
    x, k = (
        RNG.uniform(-1, 1, (2, 9, 3)).astype("float32"),
        RNG.uniform(-1, 1, (3, 3, 5)).astype("float32"),
    )
    expected = OPS["conv"](x[:, :, None], k[:, None], padding="same")[:, :, 0]
    np.testing.assert_allclose(OPS["conv"](x, k, padding="same"), expected, atol=1e-6)
    assert OPS["conv"](
        RNG.uniform(size=(1, 4, 5, 6, 2)), RNG.uniform(size=(2, 2, 2, 2, 3))
    ).shape == (1, 3, 4, 5, 3)
    ints = np.arange(8, dtype="int32").reshape(1, 8, 1)
    assert np.array_equal(np.asarray(OPS["max_pool"](ints, 2)).ravel(), [1, 3, 5, 7])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: OPS["conv"](x, np.ones((3, 3, 4, 2), "float32")), "6 channels"),
        (lambda x: OPS["conv"](x, np.ones((9, 9, 6, 2), "float32")), "is empty"),
        (
            lambda x: OPS["conv"](x, np.ones((3, 3, 6, 2), "float32"), padding="full"),
            "padding='full'",
        ),
        (lambda x: OPS["depthwise_conv"](x, np.ones((3, 3, 4, 2), "float32")), "6 channels"),
        (lambda x: OPS["conv_transpose"](x, np.ones((3, 3, 2, 4), "float32")), "6 channels"),
        (
            lambda x: OPS["conv"](x, np.ones((3, 3, 6, 2), "float32"), data_format="NHWC"),
            "data_format",
        ),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call(np.ones((2, 7, 8, 6), "float32"))
