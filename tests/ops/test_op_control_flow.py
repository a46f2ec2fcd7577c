"""Loops, branches, conversions, and the operators of symbolic tensors."""

from __future__ import annotations

import numpy as np
import pytest

from kdist import ops
from kdist.backend import bound as backend
from kdist.core.graph import KerasTensor

numpy = backend.convert_to_numpy


def test_cond():
    x = ops.convert_to_tensor([1.0, 2.0])
    for flag, wanted in ((True, [2.0, 3.0]), (False, [0.0, 1.0])):
        got = ops.cond(
            ops.convert_to_tensor(flag), lambda: ops.add(x, 1), lambda: ops.subtract(x, 1)
        )
        np.testing.assert_array_equal(numpy(got), wanted)


def test_switch_limits_the_index():
    branches = [lambda x: ops.add(x, 1.0), lambda x: ops.multiply(x, 10.0)]
    got = [float(numpy(ops.switch(i, branches, ops.convert_to_tensor(2.0)))) for i in (0, 1, 7)]
    assert got == [3.0, 20.0, 20.0]


def test_while_loop():
    (i,) = ops.while_loop(lambda i: i < 5, lambda i: (i + 2,), (ops.convert_to_tensor(0),))
    assert int(numpy(i)) == 6
    (i,) = ops.while_loop(
        lambda i: i < 50, lambda i: (i + 2,), (ops.convert_to_tensor(0),), maximum_iterations=3
    )
    assert int(numpy(i)) == 6


def test_fori_loop():
    total = ops.fori_loop(
        0, 4, lambda i, v: ops.add(v, ops.cast(i, "float32")), ops.convert_to_tensor(0.0)
    )
    assert float(numpy(total)) == 6.0
    long = ops.fori_loop(0, 4, lambda i, v: v + i, np.zeros(2, "int64"))
    assert numpy(long).tolist() == [6, 6]


def test_maps():
    xs = ops.convert_to_tensor(np.arange(6, dtype="float32").reshape(3, 2))
    for fn in (ops.map, ops.vectorized_map):
        np.testing.assert_array_equal(numpy(fn(lambda x: ops.sum(x), xs)), [1.0, 5.0, 9.0])


@pytest.mark.parametrize("reverse", [False, True])
def test_scan(reverse):
    xs = np.float32([1, 2, 4])
    carry, ys = ops.scan(
        lambda c, x: (ops.add(c, x), c), ops.convert_to_tensor(0.0), xs, reverse=reverse
    )
    assert float(numpy(carry)) == 7.0
    np.testing.assert_array_equal(numpy(ys), [6, 4, 0] if reverse else [0, 1, 3])


def test_symbolic_control_flow():
    x, flag = KerasTensor((None, 3)), KerasTensor((), "bool")
    out = ops.cond(flag, lambda: ops.zeros((2, 3)), lambda: ops.ones((2, 3)))
    assert (out.shape, out.dtype) == ((2, 3), "float32")
    with pytest.raises(ValueError, match="true_fn and false_fn must return the same"):
        ops.cond(flag, lambda: ops.zeros((2, 3)), lambda: ops.ones((4,)))
    assert ops.map(lambda row: ops.sum(row), x).shape == (None,)
    assert ops.vectorized_map(lambda row: ops.multiply(row, 2.0), x).shape == (None, 3)
    carry, ys = ops.scan(lambda c, row: (ops.add(c, row), ops.sum(row)), KerasTensor((3,)), x)
    assert (carry.shape, ys.shape) == ((3,), (None,))
    assert ops.while_loop(lambda i: i < 3, lambda i: (i,), (KerasTensor((2,)),))[0].shape == (2,)
    assert ops.switch(KerasTensor((), "int32"), [lambda t: ops.sum(t, axis=1)], x).shape == (None,)


def test_custom_gradient():
    @ops.custom_gradient
    def identity(x):
        return x, lambda *args, upstream=None: upstream

    np.testing.assert_array_equal(numpy(identity(ops.convert_to_tensor([1.0, 2.0]))), [1.0, 2.0])


def test_decompositions():
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    q, r = ops.qr(x)
    np.testing.assert_allclose(numpy(ops.matmul(q, r)), x, atol=1e-5)
    np.testing.assert_allclose(numpy(ops.matmul(ops.transpose(q), q)), np.eye(3), atol=1e-5)
    u, s, vh = ops.svd(x, full_matrices=False)
    np.testing.assert_allclose(numpy(ops.matmul(ops.multiply(u, s), vh)), x, atol=1e-5)
    np.testing.assert_allclose(
        numpy(ops.svd(x, compute_uv=False)), np.linalg.svd(x, compute_uv=False), rtol=1e-5
    )
    assert [t.shape for t in ops.qr(KerasTensor((None, 5, 3)))] == [(None, 5, 3), (None, 3, 3)]


def test_conversions():
    x = ops.convert_to_tensor([1, 2], "float32")
    assert ops.is_tensor(x) and not ops.is_tensor(np.zeros(2)) and not ops.is_tensor([1, 2])
    assert (ops.shape(x), ops.ndim(x), ops.dtype(x)) == ((2,), 1, "float32")
    symbol = KerasTensor((None, 3))
    assert (ops.shape(symbol), ops.ndim(symbol), ops.dtype(symbol)) == ((None, 3), 2, "float32")
    assert ops.convert_to_tensor(symbol) is symbol
    assert ops.convert_to_tensor(symbol, "float16").dtype == "float16"
    assert ops.empty((2, 3)).shape == (2, 3)
    with pytest.raises(ValueError, match="symbolic and has no value"):
        ops.convert_to_numpy(symbol)
    with pytest.raises(ValueError, match="dense"):
        ops.convert_to_tensor([1], sparse=True)


def test_operators_of_symbolic_tensors():
    x, y = KerasTensor((None, 3)), KerasTensor((3,))
    for out in (
        x + y,
        1 + x,
        x - y,
        1.0 - x,
        x * y,
        2 * x,
        x / y,
        1 / x,
        x // 2,
        2 // x,
        x % 2,
        x**2,
        2**x,
        -x,
        abs(x),
    ):
        assert (out.shape, out.dtype) == ((None, 3), "float32")
        assert out._keras_history is not None
    for out in (x < y, x <= 1, x > y, x >= 1, x != y):
        assert (out.shape, out.dtype) == ((None, 3), "bool")
    assert ((x > 0) & ~(x > 1) | (x < 2) ^ (x < 3)).dtype == "bool"
    assert (x @ KerasTensor((3, 5))).shape == (None, 5)
    assert round(x, 1).shape == (None, 3)
    assert x.reshape((-1, 1)).shape == (None, 1)
    assert KerasTensor((None, 1)).squeeze(1).shape == (None,)
    assert (x == x) is True and hash(x) == hash(x)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        (0, (4, 5)),
        (slice(None, 100), (None, 4, 5)),
        (slice(None), (None, 4, 5)),
        ((slice(None), 1), (None, 5)),
        ((Ellipsis, slice(1, 3)), (None, 4, 2)),
        ((slice(None), None, slice(None, None, 2)), (None, 1, 2, 5)),
        ((slice(None), slice(-2, None), -1), (None, 2)),
    ],
)
def test_indexing_of_symbolic_tensors(key, shape):
    assert KerasTensor((None, 4, 5))[key].shape == shape


def test_indexing_errors():
    x = KerasTensor((None, 4))
    with pytest.raises(IndexError, match="outside the axis of size 4"):
        x[:, 7]
    with pytest.raises(IndexError, match="indexes 3"):
        x[0, 0, 0]
    with pytest.raises(ValueError, match="more than one Ellipsis"):
        x[..., 0, ...]


def test_unknown_sizes_that_a_probe_cannot_see():
    x = KerasTensor((None, 6))
    assert ops.reshape(x, (11, -1)).shape == (11, None)
    assert ops.reshape(x, (-1, 3, 2)).shape == (None, 3, 2)
    assert ops.broadcast_to(KerasTensor((None, 3)), (5, 3)).shape == (5, 3)
    assert ops.slice(x, (0, 0), (1000, 2)).shape == (1000, 2)
    assert ops.slice(x, (1, 2), np.array([-1, -1])).shape == (None, 4)
    assert ops.slice(np.zeros((5, 6)), np.array([1, 2]), np.array([2, -1])).shape == (2, 4)
    assert [t.shape for t in ops.top_k(KerasTensor((2, None)), 1000)] == [(2, 1000)] * 2
    assert ops.repeat(x, KerasTensor((6,), "int32"), axis=1).shape == (None, None)
    assert ops.bincount(KerasTensor((4,), "int32")).shape == (None,)
    assert [t.shape for t in ops.nonzero(x)] == [(None,)] * 2
    assert [t.shape for t in ops.where(x > 0)] == [(None,)] * 2
    assert ops.segment_sum(x, KerasTensor((None,), "int32")).shape == (None, 6)
    assert ops.arange(3).shape == (3,)


def test_items_of_plain_data():
    column = ops.get_item([[1, 2], [3, 4]], (slice(None), 1))
    assert ops.is_tensor(column)
    assert ops.convert_to_numpy(column).tolist() == [2, 4]


def test_errors_of_symbolic_calls():
    with pytest.raises(ValueError, match="cannot take newshape"):
        ops.reshape(KerasTensor((2, 3)), (4, 2))
    with pytest.raises(ValueError, match="k=9 is larger"):
        ops.top_k(KerasTensor((2, 3)), 9)
    with pytest.raises(ValueError, match="Pass num="):
        ops.unstack(KerasTensor((None, 3)))
    with pytest.raises(ValueError, match="axis 5 is out of bounds"):
        ops.unstack(KerasTensor((2, 3)), axis=5)
    with pytest.raises(ValueError, match="dimensions in `start_indices` must match"):
        ops.slice(KerasTensor((2, 3)), (0,), (1, 1))
    with pytest.raises(ValueError, match="the number of dimensions in `inputs` must match"):
        ops.slice(np.ones((2, 3)), (0,), (1,))
    with pytest.raises(ValueError, match="order="):
        ops.normalize(np.ones(3), order=0)
