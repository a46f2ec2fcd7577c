"""What the rows of jax add to the table of ops in tests/ops: dtypes, edges, errors, extra rows."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdist.backend import bound as backend
from kdist.core import dtypes

OPS = backend.OPS
RNG = np.random.default_rng()
A = RNG.uniform(-2, 2, (3, 4)).astype("float32")
P = RNG.uniform(0.1, 0.9, (3, 4)).astype("float32")
SQUARE = (RNG.uniform(-1, 1, (4, 4)) + 4 * np.eye(4)).astype("float32")
IDS = np.array([0, 3, 1], "int32")


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@pytest.mark.parametrize("name", ["arccos", "arcsin", "arctan", "arctanh", "arcsinh"])
def test_inverse_functions(name):
    np.testing.assert_allclose(OPS[name](P), getattr(np, name)(P.astype("float64")), rtol=1e-5)
    np.testing.assert_allclose(
        OPS["arccosh"](P + 1), np.arccosh(P.astype("float64") + 1), rtol=1e-4
    )
    np.testing.assert_allclose(OPS["arctan2"](P, A), np.arctan2(P, A), rtol=1e-5)


LEFT = ["bool", "uint8", "int16", "int32", "float16", "bfloat16", "float32"]
RIGHT = ["bool", "int8", "uint32", "bfloat16", "float32", int, float]


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize(
    ("name", "right"),
    [
        *((n, r) for n in ("add", "multiply", "maximum", "divide", "where") for r in RIGHT),
        *(("concatenate", r) for r in RIGHT if isinstance(r, str)),
    ],
)
def test_dtypes_promote_by_the_lattice(name, left, right):
    x = jnp.ones((2,), left)
    y = right(2) if isinstance(right, type) else jnp.ones((2,), right)
    args = {"where": (True, x, y), "concatenate": ([x, y],)}.get(name, (x, y))
    out = OPS[name](*args)
    expected = dtypes.result_type(left, right, *([float] if name == "divide" else []))
    assert out.dtype.name == {"int64": "int32", "float64": "float32"}.get(expected, expected)
    assert not out.weak_type


def test_dtypes_of_reductions():
    ints = jnp.ones((4,), "int8")
    assert OPS["mean"](ints).dtype == jnp.float32
    assert OPS["mean"](jnp.ones(4, bool)).dtype == jnp.float32
    assert OPS["mean"](jnp.full(4, 60000.0, "float16")).dtype == jnp.float16
    assert float(OPS["mean"](jnp.full(4, 60000.0, "float16"))) == 60000.0
    assert OPS["sum"](ints).dtype == jnp.int32
    assert OPS["sum"](jnp.ones(4, "uint8")).dtype == jnp.uint32
    assert OPS["argmax"](ints).dtype == jnp.int32
    assert OPS["matmul"](ints[None], ints[:, None]).dtype == jnp.int32


def test_small_rows():
    assert (
        OPS["dtype"](A) == "float32" and OPS["is_tensor"](jnp.ones(1)) and not OPS["is_tensor"](A)
    )
    assert OPS["empty"]((2, 3)).shape == (2, 3)
    q, r = OPS["qr"](SQUARE)
    np.testing.assert_allclose(q @ r, SQUARE, atol=1e-5)
    u, s, vt = OPS["svd"](A, full_matrices=False)
    np.testing.assert_allclose((u * s) @ vt, A, atol=1e-5)
    sums = OPS["associative_scan"](lambda a, b: a + b, A)
    np.testing.assert_allclose(sums, np.cumsum(A, 0), atol=1e-5)
    np.testing.assert_array_equal(OPS["tri"](3, 4), np.tri(3, 4))
    at = np.array([[0, 1], [2, 2], [0, 1]])
    for reduction, expected in {
        "add": A[0, 1] + 3,
        "max": max(A[0, 1], 2),
        "min": min(A[0, 1], 1),
        "mul": A[0, 1] * 2,
    }.items():
        out = OPS["scatter_update"](A, at, np.array([1.0, 5.0, 2.0]), reduction)
        assert float(out[0, 1]) == pytest.approx(float(expected), rel=1e-6)
    with pytest.raises(ValueError, match="reduction='mean'"):
        OPS["scatter_update"](A, at, A[0, :3], "mean")


def test_custom_gradient():
    @OPS["custom_gradient"]
    def doubled_gradient(x):
        return x, lambda upstream: upstream * 2

    assert float(jax.grad(lambda x: doubled_gradient(x))(3.0)) == 2.0


def test_gradients_stay_finite_where_the_value_is_guarded():
    grads = jax.grad(lambda x, y: OPS["divide_no_nan"](x, y).sum(), (0, 1))(
        jnp.ones(2), jnp.array([0.0, 2.0])
    )
    assert all(np.isfinite(g).all() for g in grads)


def test_argmax_tells_negative_zero_from_zero():
    assert int(OPS["argmax"](np.array([-1.0, -0.0, 0.0], "float32"))) == 2


def test_bad_arguments_are_named():
    for call, words in [
        (lambda: OPS["categorical_crossentropy"](A, A[:2]), "target.shape"),
        (lambda: OPS["sparse_categorical_crossentropy"](IDS, A[:2]), "target.shape"),
        (lambda: OPS["segment_sum"](A, IDS), "num_segments"),
        (lambda: OPS["cholesky"](-np.eye(3)), "positive definite"),
        (lambda: OPS["one_hot"](IDS, 4, sparse=True), "sparse"),
        (lambda: OPS["convert_to_tensor"](A, ragged=True), "ragged"),
        (lambda: OPS["pad"](A, 1, "reflect", 3), "constant_values"),
        (lambda: OPS["where"](A > 0, A), "x1 and x2"),
        (lambda: OPS["qr"](A, mode="r"), "mode='r'"),
    ]:
        with pytest.raises(ValueError, match=words):
            call()


def test_attention_matches_its_formula():
    q, k, v = (RNG.uniform(-1, 1, (2, n, 4, 3)).astype("float32") for n in (5, 7, 7))
    mask = RNG.uniform(size=(2, 1, 5, 7)) > 0.3
    logits = np.einsum("btnh,bsnh->bnts", q, k) / np.sqrt(3)
    expected = np.einsum("bnts,bsnh->btnh", softmax(np.where(mask, logits, -1e9)), v)
    np.testing.assert_allclose(
        OPS["dot_product_attention"](q, k, v, mask=mask), expected, atol=1e-5
    )
    capped = np.einsum("bnts,bsnh->btnh", softmax(logits / (1 + np.abs(logits) / 0.5)), v)
    np.testing.assert_allclose(
        OPS["dot_product_attention"](q, k, v, attn_logits_soft_cap=0.5), capped, atol=1e-5
    )
    with pytest.raises(ValueError, match="query"):
        OPS["dot_product_attention"](q[0], k, v)
