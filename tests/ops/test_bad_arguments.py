"""Arguments that an op cannot take: one error, eager and symbolic, on every backend.

It begins with the op's name, which the errors of the frameworks do not: so it is kdist's own, which all backends share.
`bad_calls.json` holds further ones, of all ops, and their texts: see `bad_calls`.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from bad_calls import TABLE, bad_calls, said, symbolic

import kdist
from kdist import KerasTensor

BAD = [
    (
        "layer_normalization",
        lambda ops, floats, ints: ops.layer_normalization(floats(3, 4), floats(3)),
    ),
    (
        "layer_normalization",
        lambda ops, floats, ints: ops.layer_normalization(floats(3, 4), floats(4), floats(5)),
    ),
    ("rms_normalization", lambda ops, floats, ints: ops.rms_normalization(floats(3, 4), floats(3))),
    (
        "layer_normalization",
        lambda ops, floats, ints: ops.layer_normalization(floats(3, 4), axis=3),
    ),
    (
        "binary_crossentropy",
        lambda ops, floats, ints: ops.binary_crossentropy(floats(3, 4), floats(3, 5)),
    ),
    (
        "categorical_crossentropy",
        lambda ops, floats, ints: ops.categorical_crossentropy(floats(3, 4), floats(3, 5)),
    ),
    (
        "sparse_categorical_crossentropy",
        lambda ops, floats, ints: ops.sparse_categorical_crossentropy(ints(4), floats(3, 5)),
    ),
    ("einsum", lambda ops, floats, ints: ops.einsum("ij,jk->ik", floats(3, 4), floats(3, 4))),
    ("dot", lambda ops, floats, ints: ops.dot(floats(3, 4), floats(3, 4))),
    ("tensordot", lambda ops, floats, ints: ops.tensordot(floats(3, 4), floats(3, 4), axes=1)),
    ("softmax", lambda ops, floats, ints: ops.softmax(floats(3, 4), axis=4)),
    (
        "take_along_axis",
        lambda ops, floats, ints: ops.take_along_axis(floats(3, 4), ints(2, 2, 2), axis=0),
    ),
    ("expand_dims", lambda ops, floats, ints: ops.expand_dims(floats(3, 4), axis=5)),
    ("conv", lambda ops, floats, ints: ops.conv(floats(1, 8, 8, 3), floats(3, 3, 4, 5))),
    ("max_pool", lambda ops, floats, ints: ops.max_pool(floats(1, 8), 2)),
    (
        "dot_product_attention",
        lambda ops, floats, ints: ops.dot_product_attention(
            floats(1, 8, 2, 4), floats(1, 8, 3, 4), floats(1, 8, 2, 4)
        ),
    ),
    ("where", lambda ops, floats, ints: ops.where(floats(3, 4), floats(3, 5), floats(3, 4))),
    ("clip", lambda ops, floats, ints: ops.clip(floats(3, 4), floats(5), floats(5))),
    ("top_k", lambda ops, floats, ints: ops.top_k(floats(3, 4), 9)),
    ("one_hot", lambda ops, floats, ints: ops.one_hot(ints(3), 4, axis=5)),
    ("cholesky", lambda ops, floats, ints: ops.cholesky(floats(3, 4))),
    ("solve", lambda ops, floats, ints: ops.solve(floats(3, 3), floats(4, 2))),
    ("broadcast_to", lambda ops, floats, ints: ops.broadcast_to(floats(3, 4), (3, 5))),
    ("repeat", lambda ops, floats, ints: ops.repeat(floats(3, 4), 2, axis=4)),
    ("roll", lambda ops, floats, ints: ops.roll(floats(3, 4), 1, axis=4)),
    ("argmax", lambda ops, floats, ints: ops.argmax(floats(3, 4), axis=4)),
    ("cumsum", lambda ops, floats, ints: ops.cumsum(floats(3, 4), axis=4)),
    ("pad", lambda ops, floats, ints: ops.pad(floats(3, 4), ((1, 1), (1, 1), (1, 1)))),
    ("moments", lambda ops, floats, ints: ops.moments(floats(3, 4), axes=[4])),
    ("slice", lambda ops, floats, ints: ops.slice(floats(3, 4), (0,), (1,))),
    ("glu", lambda ops, floats, ints: ops.glu(floats(3, 5))),
    (
        "segment_sum",
        lambda ops, floats, ints: ops.segment_sum(floats(3, 4), ints(2), num_segments=2),
    ),
    ("psnr", lambda ops, floats, ints: ops.psnr(floats(3, 4), floats(3, 5), 1.0)),
    (
        "ctc_loss",
        lambda ops, floats, ints: ops.ctc_loss(ints(2, 3), floats(3, 4, 5), ints(2), ints(2)),
    ),
    ("flip", lambda ops, floats, ints: ops.flip(floats(3, 4), axis=4)),
    ("unfold", lambda ops, floats, ints: ops.nn.unfold(floats(3, 4), 2)),
    ("resize", lambda ops, floats, ints: ops.image.resize(floats(3, 4), (2, 2))),
    ("rgb_to_grayscale", lambda ops, floats, ints: ops.image.rgb_to_grayscale(floats(3, 4, 4, 5))),
    ("cross", lambda ops, floats, ints: ops.cross(floats(3, 4), floats(3, 4))),
    ("diagonal", lambda ops, floats, ints: ops.diagonal(floats(4))),
    ("searchsorted", lambda ops, floats, ints: ops.searchsorted(floats(3, 4), floats(3))),
    ("linspace", lambda ops, floats, ints: ops.linspace(0, 1, -1)),
    ("vdot", lambda ops, floats, ints: ops.vdot(floats(3), floats(4))),
    ("moveaxis", lambda ops, floats, ints: ops.moveaxis(floats(3, 4), 0, 5)),
    ("unstack", lambda ops, floats, ints: ops.unstack(floats(3, 4), axis=5)),
    ("tile", lambda ops, floats, ints: ops.tile(floats(3, 4), (-1,))),
    ("average", lambda ops, floats, ints: ops.average(floats(3, 4), axis=1, weights=floats(5))),
    ("logsumexp", lambda ops, floats, ints: ops.logsumexp(floats(3, 4), axis=5)),
    ("normalize", lambda ops, floats, ints: ops.normalize(floats(3, 4), axis=5)),
    (
        "depthwise_conv",
        lambda ops, floats, ints: ops.depthwise_conv(floats(1, 8, 8, 3), floats(3, 3, 4, 1)),
    ),
]


def error(call, make) -> str:
    floats = lambda *shape: make(shape, "float32")
    ints = lambda *shape: make(shape, "int32")
    with pytest.raises(ValueError) as raised:
        call(kdist.ops, floats, ints)
    return str(raised.value)


@pytest.mark.parametrize(("op", "call"), BAD, ids=lambda x: x if isinstance(x, str) else "")
def test_one_error(op, call):
    eager = error(call, lambda shape, dtype: kdist.ops.ones(shape, dtype))
    assert eager.startswith(f"{op}: ")
    assert eager == error(call, lambda shape, dtype: KerasTensor(shape, dtype))


def test_one_error_of_each_op():
    """The text of the table, whether the tensors are of values or symbolic."""
    table = json.loads(TABLE.read_text())
    calls = [call for call in bad_calls() if call.id in table]
    assert {call.id for call in calls} == set(table)
    found = {call.id: said(call) for call in calls}
    assert {i: (found[i], text) for i, text in table.items() if found[i] != text} == {}
    again = {call.id: said(at) for call in calls if (at := symbolic(call)) is not None}
    assert {i: (text, table[i]) for i, text in again.items() if text != table[i]} == {}


def test_what_nothing_explains_says_what_it_received():
    """The framework's error, of its own type, with a note."""
    with pytest.raises(Exception, match="step|delta|zero") as raised:
        kdist.ops.arange(0, 5, 0)
    assert "arange received start=0, stop=5, step=0." in raised.value.__notes__


def test_a_norm_of_no_axis_or_order():
    """What torch, and what all others raise."""
    x = np.ones((3, 4), "float32")
    for kwargs in ({"axis": 2}, {"ord": 3}, {"ord": "nuc", "axis": 0}, {"axis": (0, 0)}):
        for error in (ValueError, IndexError, RuntimeError):
            with pytest.raises(error, match="^norm: "):
                kdist.ops.norm(x, **kwargs)
            with pytest.raises(error, match="^norm: "):
                kdist.ops.norm(KerasTensor((3, 4)), **kwargs)


def test_symbolic_floats_are_no_integers():
    """Unless nobody said that they are floats."""
    x = KerasTensor((3, 4))
    assert kdist.ops.take(x, KerasTensor((2,)), axis=0).shape == (2, 4)
    assert kdist.ops.take(x, indices=KerasTensor((2,)), axis=0).shape == (2, 4)
    for floats in (KerasTensor((2,), "float32"), kdist.ops.exp(KerasTensor((2,)))):
        with pytest.raises(ValueError, match="^take: indices must hold integers"):
            kdist.ops.take(x, floats, axis=0)
        with pytest.raises(TypeError, match="^gcd: x2 must hold integers"):
            kdist.ops.gcd(KerasTensor((2,), "int32"), floats)


def test_an_error_within_an_op_made_of_others():
    """It names the op that was called."""
    x = np.ones((2, 3), "float32")
    with pytest.raises(ValueError, match="^trapezoid: axis 2 is out of bounds for y"):
        kdist.ops.trapezoid(x, axis=2)
    with pytest.raises(RuntimeError) as raised:
        kdist.ops.associative_scan(_raises, x)
    assert str(raised.value) == "mine"


def _raises(a, b):
    raise RuntimeError("mine")


def test_processes_that_a_kernel_would_end():
    x, kernel = np.ones((1, 4, 4, 3), "float32"), np.ones((3, 3, 5, 3), "float32")
    for strides in (0, -1):
        with pytest.raises(ValueError, match="^conv_transpose: strides must be a positive int"):
            kdist.ops.conv_transpose(x, kernel, strides)
    with pytest.raises(ValueError, match="^irfft: `fft_length` must be a positive integer"):
        kdist.ops.irfft((np.ones((2, 5), "float32"), np.ones((2, 5), "float32")), fft_length=0)


def test_running_sums_are_along_one_axis():
    for x in (np.ones((2, 3), "float32"), KerasTensor((2, 3))):
        with pytest.raises(ValueError, match=r"^cumsum: axis must be an int. Received: axis=\(\)"):
            kdist.ops.cumsum(x, axis=())


def test_arguments_that_only_look_bad():
    """What broadcasts, has unknown sizes, or is given once for all axes."""
    x = np.ones((3, 4), "float32")
    assert kdist.ops.pad(x, (1, 2)).shape == (6, 7)
    assert kdist.ops.pad(x, ((1, 2),)).shape == (6, 7)
    assert kdist.ops.pad(np.ones((2, 2, 2), "float32"), (1, 2)).shape == (5, 5, 5)
    assert kdist.ops.rms_normalization(x, np.ones(1, "float32")).shape == (3, 4)
    assert kdist.ops.clip(KerasTensor((None, 4)), x[:1], 2.0).shape == (None, 4)
    assert kdist.ops.where(KerasTensor((3, 1)), KerasTensor((None, 4)), 0.0).shape == (3, 4)
    assert kdist.ops.einsum("i...,ij->j...", KerasTensor((3, 7)), x).shape == (4, 7)
    assert kdist.ops.einsum("ij,jk", KerasTensor((None, 4)), np.ones((4, 2))).shape == (None, 2)
    assert kdist.ops.tensordot(x, x, axes=[[0], [0]]).shape == (4, 4)
    assert kdist.ops.broadcast_to(KerasTensor((1, 4)), (3, 4)).shape == (3, 4)
    assert kdist.ops.sparse_categorical_crossentropy(np.ones((3, 1), "int32"), x).shape == (3,)
    heads = [KerasTensor((None, n, h, 8)) for n, h in ((5, 4), (7, 2), (7, 2))]
    assert kdist.ops.dot_product_attention(*heads).shape == (None, 5, 4, 8)


def _to_numpy(x):
    return np.asarray(kdist.ops.convert_to_numpy(x))


def test_more_axes_than_kernels_take():
    """And arrays without elements."""
    ops = kdist.ops
    x = np.random.default_rng(0).normal(size=(2, 1, 3, 1, 2, 4)).astype("float32")
    powers = np.exp(x - x.max(2, keepdims=True))
    wanted = powers / powers.sum(2, keepdims=True)
    np.testing.assert_allclose(_to_numpy(ops.softmax(x, axis=2)), wanted, atol=1e-6)
    padded = ops.pad(x, [(0, 0)] * 5 + [(1, 1)], mode="reflect")
    np.testing.assert_array_equal(_to_numpy(padded), np.pad(x, [(0, 0)] * 5 + [(1, 1)], "reflect"))
    assert ops.pad(x[:0], [(0, 0)] * 5 + [(1, 1)], mode="reflect").shape == (0, 1, 3, 1, 2, 6)
    assert ops.take(x[:0, 0, 0, 0, 0], np.zeros((0, 5), "int32"), axis=0).shape == (0, 5, 4)
    assert ops.image.sobel_edges(np.ones((0, 6, 5, 3), "float32")).shape == (0, 6, 5, 3, 2)
    scaled = ops.rms_normalization(x[0, 0, :, 0, 0], np.ones((1, 1, 1, 4), "float32"))
    assert scaled.shape == (3, 4)


def test_truth_values():
    ops = kdist.ops
    mask = np.array([True, False, True])
    assert _to_numpy(ops.relu(mask)).tolist() == [1, 0, 1]
    written = ops.scatter(np.array([[2], [0], [2]]), mask, (4,))
    assert _to_numpy(written).tolist() == [False, False, True, False]
    assert _to_numpy(ops.scatter(np.array([[1]]), np.ones((1, 1, 1)), (2,))).tolist() == [0, 1]


def test_scalars_are_not_sorted_along_an_axis():
    for op in (kdist.ops.sort, lambda x: kdist.ops.argpartition(x, 0), kdist.ops.nonzero):
        with pytest.raises(ValueError, match="^(sort|argpartition|nonzero): "):
            op(np.float32(2))
    assert _to_numpy(kdist.ops.argsort(np.float32(2))).tolist() == [0]
    assert _to_numpy(kdist.ops.sort(np.float32(2), axis=None)).tolist() == [2]
    with pytest.raises(ValueError, match="^argsort: axis 1"):
        kdist.ops.argsort(np.float32(2), axis=1)


def test_values_of_another_width():
    """Attention, whose values may be wider or narrower than the keys."""
    q, k, v = (
        np.random.default_rng(i).normal(size=(2, 3, 2, n)).astype("float32")
        for i, n in enumerate((4, 4, 6))
    )
    logits = np.einsum("bthd,bshd->bhts", q, k) / 2
    weights = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    wanted = np.einsum("bhts,bshd->bthd", weights, v)
    np.testing.assert_allclose(
        _to_numpy(kdist.ops.dot_product_attention(q, k, v)), wanted, atol=1e-5
    )
    with pytest.raises(ValueError, match="^dot_product_attention: key and value must have"):
        kdist.ops.dot_product_attention(q, k, v[:1])


def test_complex_images():
    image = np.random.default_rng(0).normal(size=(4, 5, 1)).astype("float32")
    move = np.array([1, 0, 0.5, 0, 1, 0.25, 0, 0], "float32")
    out = _to_numpy(kdist.ops.image.affine_transform(image - 2j * image, move))
    wanted = _to_numpy(kdist.ops.image.affine_transform(image, move))
    np.testing.assert_allclose(out, wanted - 2j * wanted, atol=1e-6)
