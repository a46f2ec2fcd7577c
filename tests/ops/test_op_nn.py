"""Windows, pixel shuffles, adaptive pools and CTC, against plain NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import kdist
from kdist import ops
from kdist.core.dtypes import standardize_dtype
from kdist.ops.declare import DECLARED

KerasTensor = kdist.KerasTensor


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


# ---- rearrangements


def test_blocks_and_channels(rng):
    x = rng.normal(size=(2, 4, 6, 3)).astype("float32")
    deep = numpy(ops.space_to_depth(x, 2))
    assert deep.shape == (2, 2, 3, 12)
    assert np.array_equal(deep[0, 1, 2], x[0, 2:4, 4:6].reshape(-1))
    assert np.array_equal(numpy(ops.depth_to_space(deep, 2)), x)
    first = x.transpose(0, 3, 1, 2)
    got = numpy(ops.space_to_depth(first, 2, data_format="channels_first"))
    assert np.array_equal(got, deep.transpose(0, 3, 1, 2))
    back = numpy(ops.depth_to_space(got, 2, data_format="channels_first"))
    assert np.array_equal(back, first)


def test_blocks_that_do_not_fit():
    for x in (np.ones((1, 2, 2, 6)), KerasTensor((None, 2, 2, 6))):
        with pytest.raises(ValueError, match="depth_to_space: the 6 channels"):
            ops.depth_to_space(x, 2)
    with pytest.raises(ValueError, match="space_to_depth: the width 5"):
        ops.space_to_depth(np.ones((1, 4, 5, 1)), 2)
    with pytest.raises(ValueError, match="`block_size` must be at least 2"):
        ops.space_to_depth(np.ones((1, 4, 4, 1)), 1)


WINDOWS = [
    {"kernel_size": 2},
    {"kernel_size": (2, 3), "stride": 2, "padding": 1},
    {"kernel_size": 3, "dilation": 2, "padding": (2, 1), "stride": (1, 2)},
]


@pytest.mark.parametrize("k", WINDOWS, ids=str)
def test_windows(k, rng):
    x = rng.normal(size=(2, 3, 7, 6)).astype("float32")
    columns = numpy(ops.unfold(x, **k))
    assert columns.shape == tuple(ops.unfold(KerasTensor((2, 3, 7, 6)), **k).shape)
    # The composite and the native kernel agree.
    assert np.array_equal(columns, numpy(DECLARED["unfold"](x, **k)))
    pair = lambda v: (v, v) if isinstance(v, int) else v
    (kh, kw), (dh, dw) = pair(k["kernel_size"]), pair(k.get("dilation", 1))
    (ph, pw), (sh, sw) = pair(k.get("padding", 0)), pair(k.get("stride", 1))
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    h, w = padded.shape[2:]
    blocks = [
        padded[:, :, i : i + dh * (kh - 1) + 1 : dh, j : j + dw * (kw - 1) + 1 : dw].reshape(2, -1)
        for i in range(0, h - dh * (kh - 1), sh)
        for j in range(0, w - dw * (kw - 1), sw)
    ]
    assert np.array_equal(columns, np.stack(blocks, axis=-1))
    # fold is the adjoint: <unfold(x), y> = <x, fold(y)>.
    y = rng.normal(size=columns.shape).astype("float32")
    folded = numpy(ops.fold(y, (7, 6), **k))
    assert np.allclose((columns * y).sum(), (x * folded).sum(), rtol=1e-4)
    assert np.allclose(folded, numpy(DECLARED["fold"](y, (7, 6), **k)), atol=1e-5)
    assert tuple(ops.fold(KerasTensor((None, *y.shape[1:])), (7, 6), **k).shape) == (None, 3, 7, 6)


def test_windows_of_integers():
    x = np.arange(16).reshape(1, 1, 4, 4).astype("int32")
    columns = ops.unfold(x, 2, stride=2)
    assert ops.dtype(columns) == "int32"
    assert numpy(columns)[0, :, 3].tolist() == [10, 11, 14, 15]
    assert np.array_equal(numpy(ops.fold(columns, 4, 2, stride=2)), x)


def test_windows_that_do_not_fit():
    with pytest.raises(ValueError, match="fold: x must be a 3D tensor"):
        ops.fold(np.ones((1, 2, 3, 4)), 4, 2)
    with pytest.raises(ValueError, match="must be the 9 windows"):
        ops.fold(np.ones((1, 4, 8), "float32"), 4, 2)
    with pytest.raises(ValueError, match="unfold: x must be a 4D tensor"):
        ops.unfold(np.ones((2, 3, 4)), 2)


# ---- adaptive pools


@pytest.mark.parametrize("kind", ["average", "max"])
@pytest.mark.parametrize(
    ("size", "target"),
    [((10,), 4), ((7, 5), (3, 5)), ((4, 6, 5), 2), ((3, 3), 1), ((3, 2), (5, 4))],
)
def test_adaptive_pools(kind, size, target, rng):
    x = rng.normal(size=(2, *size, 3)).astype("float32")
    targets = (target,) * len(size) if isinstance(target, int) else target
    want = np.empty((2, *targets, 3), "float32")
    for place in itertools.product(*map(range, targets)):
        window = tuple(
            slice(i * s // n, -(-(i + 1) * s // n))
            for i, s, n in zip(place, size, targets, strict=True)
        )
        part = x[(slice(None), *window)].reshape(2, -1, 3)
        want[(slice(None), *place)] = part.mean(1) if kind == "average" else part.max(1)
    name = f"adaptive_{kind}_pool"
    op = getattr(ops, name)
    assert np.allclose(numpy(op(x, target)), want, atol=1e-6)
    assert np.allclose(numpy(DECLARED[name](x, target)), want, atol=1e-6)
    first = np.moveaxis(x, -1, 1)
    got = numpy(op(first, target, data_format="channels_first"))
    assert np.allclose(got, np.moveaxis(want, -1, 1), atol=1e-6)
    assert tuple(op(KerasTensor((None, *size, 3)), target).shape) == (None, *targets, 3)
    with pytest.raises(ValueError, match=f"{name}: `output_size` must be an int of at least 1"):
        op(x, 0)


# ---- CTC


def say(path, blank):
    """The labels that a path of frames says."""
    return tuple(c for c, _ in itertools.groupby(path) if c != blank)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def probabilities(logits, blank):
    """The probability of every labelling, by going through all paths."""
    table = np.exp(log_softmax(logits.astype("float64")))
    out = {}
    for path in itertools.product(range(logits.shape[1]), repeat=logits.shape[0]):
        p = np.prod([table[t, c] for t, c in enumerate(path)])
        out[say(path, blank)] = out.get(say(path, blank), 0.0) + p
    return out


@pytest.mark.parametrize("blank", [0, 2])
def test_ctc_loss_counts_every_alignment(blank, rng):
    logits = rng.normal(size=(4, 5, 3)).astype("float32")
    a, b = [c for c in range(3) if c != blank]
    target = np.array([[a, b, a], [a, a, b], [b, a, a], [b, b, b]])
    lengths, frames = np.array([3, 2, 0, 3]), np.array([5, 4, 3, 4])
    want = [
        -np.log(probabilities(logits[i, : frames[i]], blank).get(tuple(target[i, : lengths[i]]), 0))
        for i in range(3)
    ] + [np.inf]  # three equal labels need five frames
    arguments = (target, logits, lengths, frames, blank)
    assert np.allclose(numpy(ops.ctc_loss(*arguments)), want, rtol=1e-5)
    assert np.allclose(numpy(DECLARED["ctc_loss"](*arguments)), want, rtol=1e-5)


def test_ctc_loss_of_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="must have the same first dimension"):
        ops.ctc_loss(np.ones((2, 3), int), np.ones((3, 4, 5)), np.ones(2, int), np.ones(3, int))
    symbolic = (KerasTensor((None, 3), "int32"), KerasTensor((None, 7, 5)))
    lengths = KerasTensor((None,), "int32")
    out = ops.ctc_loss(*symbolic, lengths, lengths)
    assert out.shape == (None,) and out.dtype == "float32"


@pytest.mark.parametrize("blank", [0, 1, None])
def test_a_wide_beam_finds_the_most_probable_labels(blank, rng):
    logits = (2 * rng.normal(size=(2, 4, 3))).astype("float32")
    labels, scores = ops.ctc_decode(
        logits, [4, 3], "beam_search", beam_width=60, top_paths=3, mask_index=blank
    )
    labels, scores = numpy(labels), numpy(scores)
    assert labels.shape == (3, 2, 4) and labels.dtype == np.int32
    for i, frames in enumerate((4, 3)):
        table = probabilities(logits[i, :frames], 2 if blank is None else blank)
        best = sorted(table.items(), key=lambda item: -item[1])[:3]
        for rank, (path, p) in enumerate(best):
            assert tuple(c for c in labels[rank, i] if c >= 0) == path
            assert np.isclose(scores[i, rank], np.log(p), rtol=1e-4)


def test_greedy_decoding():
    frames = np.eye(3, dtype="float32")[[[1, 1, 0, 1, 2], [0, 2, 2, 0, 1]]]
    labels, scores = ops.ctc_decode(frames, [5, 4])
    assert numpy(labels).tolist() == [[[1, 1, 2, -1, -1], [2, -1, -1, -1, -1]]]
    assert numpy(scores).tolist() == [[-5.0], [-4.0]]
    labels, _ = ops.ctc_decode(frames, [5, 4], merge_repeated=False)
    assert numpy(labels).tolist() == [[[1, 1, 1, 2, -1], [2, 2, -1, -1, -1]]]
    with pytest.raises(ValueError, match="Invalid strategy 'best'"):
        ops.ctc_decode(frames, [5, 4], strategy="best")


# ---- bad arguments: one error, eager and symbolic

BAD = {
    "conv": (((2, 8, 3), (3, 5, 4)), "conv: the input channels must match the kernel"),
    "conv_transpose": (((2, 8, 3), (3, 4, 5)), "conv_transpose: the input channels must match"),
    "depthwise_conv": (((2, 8, 3), (3, 5, 1)), "depthwise_conv: the input channels must match"),
    "separable_conv": (((2, 8, 3), (3, 3, 2), (1, 5, 4)), "separable_conv: pointwise_kernel must"),
}


@pytest.mark.parametrize("name", BAD)
def test_channels_that_do_not_fit(name):
    shapes, message = BAD[name]
    for make in (KerasTensor, lambda shape: np.ones(shape, "float32")):
        with pytest.raises(ValueError, match=message):
            getattr(ops, name)(*map(make, shapes))
    # Unknown sizes have the benefit of the doubt.
    unknown = KerasTensor((2, 8, None))
    if name != "separable_conv":
        assert getattr(ops, name)(unknown, KerasTensor(shapes[1])).shape[0] == 2


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "normalize"])
def test_axes_that_do_not_exist(name):
    for x in (KerasTensor((2, 3)), np.ones((2, 3), "float32")):
        with pytest.raises(ValueError, match=f"{name}: axis 5 is out of bounds"):
            getattr(ops, name)(x, axis=5)


@pytest.mark.parametrize(("name", "gives"), [("softmax", 1), ("log_softmax", 0)])
def test_a_softmax_of_one_value_warns_where_a_graph_is_built(name, gives):
    softmax = getattr(ops, name)
    for axis in (-1, (1, 2)):
        with pytest.warns(UserWarning, match=f"{name} over axis .* size 1, gives {gives}"):
            assert softmax(KerasTensor((None, 1, 1)), axis=axis).shape == (None, 1, 1)
    softmax(KerasTensor((None, 1, 2)), axis=(1, 2))
    softmax(KerasTensor((1, None)))
    assert (
        float(softmax(np.zeros((1, 1), "float32"))[0, 0]) == gives
    )  # eager calls look at no sizes


def test_vectors_of_batch_normalization():
    vector = KerasTensor((5,))
    with pytest.raises(ValueError, match="`offset` must be a vector of length 5"):
        ops.batch_normalization(
            KerasTensor((None, 5)), vector, vector, axis=-1, offset=KerasTensor((3,))
        )


@pytest.mark.parametrize(
    ("given", "gives"),
    [
        ("float16", "float16"),
        ("bfloat16", "bfloat16"),
        ("float32", "float32"),
        ("int32", "float32"),
    ],
)
@pytest.mark.parametrize("vectors", ["float32", "float16"])
def test_batch_normalization_gives_the_dtype_of_x(given, gives, vectors):
    for x, v in (
        (ops.ones((4, 3), given), ops.ones((3,), vectors)),
        (KerasTensor((4, 3), given), KerasTensor((3,), vectors)),
    ):
        out = ops.batch_normalization(x, v, v, -1, offset=v, scale=v)
        assert standardize_dtype(out.dtype) == gives
        out = ops.batch_normalization_training(x, -1, v, v)[0]
        assert standardize_dtype(out.dtype) == gives


def test_arguments_of_scan_and_slice():
    xs = np.arange(3.0, dtype="float32")
    step = lambda carry, x: (carry, carry)
    with pytest.raises(TypeError, match="should be a callable"):
        ops.scan(1, xs[0], xs)
    with pytest.raises(ValueError, match="must be a positive integer or boolean"):
        ops.scan(step, xs[0], xs, unroll=-1)
    with pytest.raises(ValueError, match="nothing to scan over"):
        ops.scan(step, xs[0])
    for x in (KerasTensor((3, 3)), np.ones((3, 3), "float32")):
        with pytest.raises(ValueError, match="in `shape`. Received: 2 and 3"):
            ops.slice(x, (1, 1), (2, 2, 2))
