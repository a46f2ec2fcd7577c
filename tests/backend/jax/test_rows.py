"""Every row against NumPy in float64, on fresh random inputs."""

from __future__ import annotations

import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdist.backend import backend
from kdist.core import dtypes

OPS = backend.OPS
RNG = np.random.default_rng()
A, B, C = (RNG.uniform(-2, 2, (3, 4)).astype("float32") for _ in range(3))
P = RNG.uniform(0.1, 0.9, (3, 4)).astype("float32")
SQUARE = (RNG.uniform(-1, 1, (4, 4)) + 4 * np.eye(4)).astype("float32")
IDS = np.array([0, 3, 1], "int32")
IMAGE = RNG.uniform(-1, 1, (2, 7, 8, 6)).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


erf = np.vectorize(math.erf)

UNARY = {
    "abs": np.abs,
    "absolute": np.abs,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "exp": np.exp,
    "expm1": np.expm1,
    "floor": np.floor,
    "isfinite": np.isfinite,
    "isinf": np.isinf,
    "isnan": np.isnan,
    "negative": np.negative,
    "reciprocal": np.reciprocal,
    "sign": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "square": np.square,
    "tan": np.tan,
    "tanh": np.tanh,
    "arctan": np.arctan,
    "arcsinh": np.arcsinh,
    "logical_not": np.logical_not,
    "erf": erf,
    "sigmoid": sigmoid,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "silu": lambda x: x * sigmoid(x),
    "swish": lambda x: x * sigmoid(x),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "log_sigmoid": lambda x: np.log(sigmoid(x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "tanh_shrink": lambda x: x - np.tanh(x),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "softmax": softmax,
    "log_softmax": lambda x: np.log(softmax(x)),
    "mean": np.mean,
    "sum": np.sum,
    "max": np.max,
    "min": np.min,
    "amax": np.max,
    "amin": np.min,
    "prod": np.prod,
    "var": np.var,
    "std": np.std,
    "median": np.median,
    "average": np.mean,
    "argmax": np.argmax,
    "argmin": np.argmin,
    "all": np.all,
    "any": np.any,
    "count_nonzero": np.count_nonzero,
    "cumsum": np.cumsum,
    "cumprod": np.cumprod,
    "sort": np.sort,
    "argsort": np.argsort,
    "logsumexp": lambda x: np.log(np.exp(x).sum()),
    "norm": np.linalg.norm,
    "round": np.round,
    "nan_to_num": np.nan_to_num,
    "flip": np.flip,
    "ravel": np.ravel,
    "transpose": np.transpose,
    "diff": np.diff,
    "copy": np.copy,
    "array": np.array,
    "ones_like": np.ones_like,
    "zeros_like": np.zeros_like,
    "trace": np.trace,
    "tril": np.tril,
    "triu": np.triu,
    "diag": np.diag,
    "ndim": np.ndim,
    "size": np.size,
    "shape": np.shape,
    "convert_to_numpy": np.asarray,
    "convert_to_tensor": np.asarray,
    "stop_gradient": np.asarray,
    "normalize": lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True),
    "rms_normalization": lambda x: x / np.sqrt(np.mean(x * x, -1, keepdims=True) + 1e-7),
    "layer_normalization": lambda x: (
        (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-7)
    ),
    "glu": lambda x: x[:, :2] * sigmoid(x[:, 2:]),
}
POSITIVE = {
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "arccos": np.arccos,
    "arcsin": np.arcsin,
    "arctanh": np.arctanh,
    "arccosh": lambda x: np.arccosh(x + 1),
    "erfinv": None,
}
BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "true_divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "floor_divide": np.floor_divide,
    "mod": np.mod,
    "logaddexp": np.logaddexp,
    "arctan2": np.arctan2,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "isclose": np.isclose,
    "divide_no_nan": np.divide,
    "outer": np.outer,
    "vdot": np.vdot,
}
CALLS = {
    "power": ((P, B), lambda x, y: x**y),
    "where": ((A > 0, A, B), np.where),
    "clip": ((A, -1.0, 1.0), np.clip),
    "matmul": ((A, B.T), np.matmul),
    "dot": ((A, B.T), np.dot),
    "linear": ((A, B.T, IDS.astype("float32")), lambda x, k, b: x @ k + b),
    "tensordot": ((A, B, [[0], [0]]), np.tensordot),
    "einsum": (("ij,kj->ik", A, B), np.einsum),
    "cross": ((A[:, :3], B[:, :3]), np.cross),
    "concatenate": (([A, B], 1), np.concatenate),
    "stack": (([A, B], 1), np.stack),
    "vstack": (([A, B],), np.vstack),
    "hstack": (([A, B],), np.hstack),
    "split": ((A, 2, 1), np.split),
    "meshgrid": ((A[0], B[1]), np.meshgrid),
    "reshape": ((A, (2, 6)), np.reshape),
    "broadcast_to": ((A, (2, 3, 4)), np.broadcast_to),
    "expand_dims": ((A, 1), np.expand_dims),
    "squeeze": ((A[None], 0), np.squeeze),
    "swapaxes": ((A, 0, 1), np.swapaxes),
    "moveaxis": ((A, 0, 1), np.moveaxis),
    "roll": ((A, 2, 0), np.roll),
    "repeat": ((A, 2, 1), np.repeat),
    "tile": ((A, (2, 1)), np.tile),
    "pad": ((A, ((1, 2), (0, 1))), np.pad),
    "take": ((A, IDS, 1), np.take),
    "take_along_axis": ((A, np.argsort(A, 1), 1), np.take_along_axis),
    "embedding_lookup": ((SQUARE, IDS), lambda t, i: t[i]),
    "searchsorted": ((np.sort(A[0]), B[0]), np.searchsorted),
    "bincount": ((IDS,), np.bincount),
    "nonzero": ((A > 0,), np.nonzero),
    "arange": ((1, 7, 2), np.arange),
    "linspace": ((0.0, 5.0, 7), np.linspace),
    "eye": ((3, 4, 1), np.eye),
    "identity": ((3,), np.identity),
    "tri": ((3, 4), np.tri),
    "full": (((2, 3), 7.0), np.full),
    "full_like": ((A, 7.0), np.full_like),
    "ones": (((2, 3),), np.ones),
    "zeros": (((2, 3),), np.zeros),
    "det": ((SQUARE,), np.linalg.det),
    "inv": ((SQUARE,), np.linalg.inv),
    "solve": ((SQUARE, SQUARE[:, :2]), np.linalg.solve),
    "cholesky": ((SQUARE @ SQUARE.T,), np.linalg.cholesky),
    "cast": ((A, "int32"), lambda x, d: x.astype(d)),
    "saturate_cast": ((A * 200, "uint8"), lambda x, d: np.clip(x, 0, 255).astype(d)),
    "slice": ((A, (1, 1), (2, -1)), lambda x, s, n: x[1:3, 1:]),
    "slice_update": (
        (np.zeros((3, 4)), (1, 2), B[:2, :2]),
        lambda x, s, u: np.pad(u, ((1, 0), (2, 0))),
    ),
    "unstack": ((A,), lambda x: [x[0], x[1], x[2]]),
    "scatter": (
        (IDS[:, None], A, (4, 4)),
        lambda i, v, s: np.stack([v[0], v[2], np.zeros(4), v[1]]),
    ),
    "threshold": ((A, 0.3, -1.0), lambda x, t, d: np.where(x > t, x, d)),
    "one_hot": ((IDS, 4), lambda i, n: np.eye(n)[i]),
    "multi_hot": ((np.array([[0, 2], [1, 1]]), 3), lambda i, n: np.array([[1, 0, 1], [0, 1, 0]])),
    "top_k": ((A, 2), lambda x, k: (-np.sort(-x)[:, :k], np.argsort(-x)[:, :k])),
    "in_top_k": (
        (IDS, A, 2),
        lambda t, x, k: np.array([t[r] in np.argsort(-x[r])[:k] for r in range(3)]),
    ),
    "segment_sum": ((A, np.array([0, 0, 1]), 2), lambda x, i, n: np.stack([x[0] + x[1], x[2]])),
    "segment_max": (
        (A, np.array([0, 0, 1]), 2),
        lambda x, i, n: np.stack([np.maximum(x[0], x[1]), x[2]]),
    ),
    "moments": ((A, 0), lambda x, a: (x.mean(a), x.var(a))),
    "batch_normalization": (
        (A, B[0], P[0], -1, C[0], C[1]),
        lambda x, m, v, a, o, s: (x - m) / np.sqrt(v + 1e-3) * s + o,
    ),
    "binary_crossentropy": (
        (P, P.T.reshape(3, 4)),
        lambda t, p: -(t * np.log(p) + (1 - t) * np.log(1 - p)),
    ),
    "categorical_crossentropy": ((P, A, True), lambda t, x, _: -(t * np.log(softmax(x))).sum(-1)),
    "sparse_categorical_crossentropy": (
        (IDS, P),
        lambda t, p: -np.log((p / p.sum(-1, keepdims=True))[np.arange(3), t]),
    ),
    "softmax_crossentropy_with_integer_labels": (
        (IDS, A),
        lambda t, x: -np.log(softmax(x)[np.arange(3), t]),
    ),
    "map": ((lambda r: r * 2, A), lambda f, x: x * 2),
    "vectorized_map": ((lambda r: r * 2, A), lambda f, x: x * 2),
    "scan": (
        (lambda c, r: (c + r, c), np.zeros(4, "float32"), A),
        lambda f, c, x: (x.sum(0), np.cumsum(x, 0) - x),
    ),
    "fori_loop": ((0, 3, lambda i, v: v + i, A), lambda lo, hi, f, x: x + 3),
    "while_loop": ((lambda v: v < 10, lambda v: v * 2, 1), lambda *_: 16),
    "cond": ((True, lambda: A, lambda: B), lambda *_: A),
    "switch": ((1, [lambda x: x, lambda x: x * 2], A), lambda *_: A * 2),
}
# Tested on their own, here or in test_random.py and test_conv.py.
ELSEWHERE = {
    "conv",
    "conv_transpose",
    "depthwise_conv",
    "separable_conv",
    "max_pool",
    "average_pool",
    "dot_product_attention",
    "custom_gradient",
    "dtype",
    "is_tensor",
    "empty",
    "qr",
    "svd",
    "associative_scan",
    "scatter_update",
    *(n for n in OPS if n.startswith("random_")),
}


def wide(x):
    return x.astype("float64") if isinstance(x, np.ndarray) and x.dtype == np.float32 else x


def agree(got, expected):
    got, expected = jax.tree.leaves(got), jax.tree.leaves(expected)
    assert len(got) == len(expected)
    for g, e in zip(got, expected, strict=True):
        assert np.shape(g) == np.shape(e)
        np.testing.assert_allclose(
            np.asarray(g, "float64"), np.asarray(e, "float64"), rtol=2e-5, atol=2e-6
        )


def test_every_row_is_tested():
    assert {*UNARY, *POSITIVE, *BINARY, *CALLS, *ELSEWHERE} == set(OPS)


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    agree(OPS[name](A), UNARY[name](A.astype("float64")))


@pytest.mark.parametrize("name", [n for n in POSITIVE if n != "erfinv"])
def test_positive(name):
    shift = 1 if name == "arccosh" else 0
    agree(OPS[name](P + shift), POSITIVE[name](P.astype("float64")))


def test_erfinv():
    np.testing.assert_allclose(erf(np.asarray(OPS["erfinv"](P))), P, rtol=1e-5)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    agree(OPS[name](A, B), BINARY[name](A.astype("float64"), B.astype("float64")))


@pytest.mark.parametrize("name", CALLS)
def test_call(name):
    args, reference = CALLS[name]
    expected = reference(*jax.tree.map(wide, args, is_leaf=lambda x: isinstance(x, np.ndarray)))
    agree(OPS[name](*args), expected)


@pytest.mark.parametrize(
    "name", ["mean", "sum", "max", "min", "prod", "var", "std", "all", "any", "argmax", "logsumexp"]
)
def test_reductions_along_an_axis(name):
    reference = (
        (lambda x, axis, keepdims: np.log(np.exp(x).sum(axis, keepdims=keepdims)))
        if name == "logsumexp"
        else getattr(np, name)
    )
    agree(
        OPS[name](A, axis=1, keepdims=True), reference(A.astype("float64"), axis=1, keepdims=True)
    )


DIFFERENTIABLE = [
    n
    for n in (*UNARY, *BINARY)
    if n not in ("nan_to_num", "copy", "array", "convert_to_numpy", "stop_gradient")
    and jnp.issubdtype(
        getattr(OPS[n](*(A, B)[: 2 if n in BINARY else 1]), "dtype", np.dtype("int32")),
        jnp.floating,
    )
]


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradient(name):
    """The derivative along a random direction against a central difference of the float64
    reference."""
    reference = {**UNARY, **BINARY}[name]
    xs = [A, B][: 2 if name in BINARY else 1]
    weight = RNG.uniform(-1, 1, np.shape(reference(*xs)))
    f = lambda *v: jnp.sum(jnp.asarray(OPS[name](*v)) * weight)
    grads = jax.grad(f, argnums=tuple(range(len(xs))))(*xs)
    along = [RNG.uniform(-1, 1, x.shape) for x in xs]
    h = 1e-6
    plus, minus = (
        np.sum(
            np.asarray(
                reference(
                    *(x.astype("float64") + s * h * d for x, d in zip(xs, along, strict=True))
                )
            )
            * weight
        )
        for s in (1, -1)
    )
    slope = sum(
        float(np.sum(np.asarray(g, "float64") * d)) for g, d in zip(grads, along, strict=True)
    )
    steps = ("ceil", "floor", "round", "sign", "floor_divide", "ones_like", "zeros_like")
    expected = 0.0 if name in steps else (plus - minus) / (2 * h)
    assert slope == pytest.approx(expected, rel=2e-3, abs=2e-3)


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
    agree(OPS["associative_scan"](lambda a, b: a + b, A), np.cumsum(A, 0))
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
        (lambda: OPS["normalize"](A, order=0), "order=0"),
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


def test_rows_are_plain_functions():
    assert all(inspect.signature(f) is not None for f in OPS.values())
