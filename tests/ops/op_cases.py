"""One or more calls of each op with a reference in NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_rng = np.random.default_rng(7)


@dataclass
class Case:
    """`op(*args, **kwargs)` and what it must equal.

    reference: a function of the same arguments, floats in float64.
    grad: whether the op is differentiated at these arguments too.
    rtol: relative tolerance of float32 values.
    """

    op: str
    args: tuple
    reference: Callable
    kwargs: dict = field(default_factory=dict)
    grad: bool = False
    rtol: float = 2e-5
    id: str = ""

    def takes_tensors(self) -> bool:
        return any(
            isinstance(x, np.ndarray)
            for a in self.args
            for x in (a if isinstance(a, list) else [a])
        )


CASES: list[Case] = []


def case(
    op: str, *args: Any, ref: Callable, grad: bool = False, rtol: float = 2e-5, **kwargs: Any
) -> None:
    count = sum(c.op == op for c in CASES)
    CASES.append(Case(op, args, ref, kwargs, grad, rtol, f"{op}-{count}"))


def normal(*shape: int) -> np.ndarray:
    return _rng.normal(size=shape).astype("float32")


def positive(*shape: int) -> np.ndarray:
    return _rng.uniform(0.5, 2.0, size=shape).astype("float32")


def unit(*shape: int) -> np.ndarray:
    return _rng.uniform(-0.9, 0.9, size=shape).astype("float32")


def ints(*shape: int, low: int = 0, high: int = 5) -> np.ndarray:
    return _rng.integers(low, high, size=shape).astype("int32")


def bools(*shape: int) -> np.ndarray:
    return _rng.random(shape) < 0.5


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray, axis: Any = -1) -> np.ndarray:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


# ---- elementwise -------------------------------------------------------------------------------
for _name in (
    "exp",
    "expm1",
    "sin",
    "cos",
    "tanh",
    "sinh",
    "cosh",
    "square",
    "negative",
    "absolute",
):
    case(_name, normal(3, 4), ref=getattr(np, _name), grad=True)
case("abs", normal(3, 4), ref=np.abs)
case("tan", unit(3, 4), ref=np.tan, grad=True)
for _name in ("log", "log10", "log1p", "log2", "sqrt", "reciprocal"):
    case(_name, positive(3, 4), ref=getattr(np, _name), grad=True)
case("rsqrt", positive(3, 4), ref=lambda x: x**-0.5, grad=True)
for _name in ("sign", "ceil", "floor"):
    case(_name, normal(3, 4) * 3, ref=getattr(np, _name))
case("round", np.float32([0.5, 1.5, -2.5, 2.4]), ref=np.round)
case("round", normal(5) * 3, ref=lambda x, decimals: np.round(x, decimals), decimals=2)
case("clip", normal(4, 5), -0.5, 0.7, ref=np.clip, grad=True)
_special = np.float32([1.0, np.nan, np.inf, -np.inf])
for _name in ("isfinite", "isinf", "isnan"):
    case(_name, _special, ref=getattr(np, _name))
case(
    "nan_to_num",
    _special,
    ref=lambda x, **k: np.float32([1, 9, 8, 7]),
    nan=9.0,
    posinf=8.0,
    neginf=7.0,
)
case("logical_not", bools(5), ref=np.logical_not)
case("copy", normal(3), ref=np.copy)
case("erf", normal(3, 4), ref=lambda x: np.vectorize(math.erf)(x), grad=True)
case(
    "erfinv", np.float32([-0.5, 0.0, 0.5]), ref=lambda x: np.array([-0.4769362762, 0, 0.4769362762])
)
for _name in ("add", "subtract", "multiply", "maximum", "minimum", "logaddexp"):
    case(_name, normal(3, 4), normal(4), ref=getattr(np, _name), grad=True)
    case(_name, normal(3, 1), normal(1, 4), ref=getattr(np, _name))
for _name in ("divide", "true_divide", "power"):
    case(_name, positive(3, 4), positive(4), ref=getattr(np, _name), grad=True)
case("divide", ints(4, low=1), ints(4, low=1), ref=np.divide)
case(
    "divide_no_nan",
    np.float32([1, 2, 3]),
    np.float32([0, 4, 0]),
    ref=lambda a, b: np.float32([0, 0.5, 0]),
)
for _name in ("floor_divide", "mod"):
    case(_name, np.int32([7, -7, 7, -7]), np.int32([2, 2, -2, -2]), ref=getattr(np, _name))
    case(_name, np.float32([7.5, -7.5]), np.float32([2, 2]), ref=getattr(np, _name))
for _name in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal"):
    case(_name, ints(4, 5), ints(5), ref=getattr(np, _name))
for _name in ("logical_and", "logical_or", "logical_xor"):
    case(_name, bools(4, 5), bools(5), ref=getattr(np, _name))
case("isclose", np.float32([1, 2, np.nan]), np.float32([1, 2.1, np.nan]), ref=np.isclose)

# ---- reductions --------------------------------------------------------------------------------
for _name in ("sum", "mean", "prod", "max", "min", "var", "std"):
    case(_name, normal(3, 4, 5), ref=getattr(np, _name), grad=True)
    case(_name, normal(3, 4, 5), ref=getattr(np, _name), axis=1, grad=True)
    case(_name, normal(3, 4, 5), ref=getattr(np, _name), axis=-1, keepdims=True)
for _name in ("sum", "mean", "max", "var"):
    case(_name, normal(3, 4, 5), ref=getattr(np, _name), axis=(0, 2))
for _name in ("amax", "amin"):
    case(_name, normal(3, 4), ref=getattr(np, _name), axis=0)
case("sum", ints(3, 4), ref=np.sum, axis=0)
case("mean", ints(3, 4), ref=np.mean, axis=0)
case("max", normal(4), ref=lambda x, initial: np.max(x, initial=initial), initial=99.0)
for _name in ("all", "any"):
    case(_name, bools(3, 4), ref=getattr(np, _name), axis=1)
    case(_name, bools(3, 4), ref=getattr(np, _name))
case("median", normal(3, 5), ref=np.median, axis=1)
case("median", normal(3, 4), ref=np.median)
case("average", normal(3, 4), ref=np.average, axis=1, weights=positive(4))
case("count_nonzero", ints(3, 4, high=2), ref=np.count_nonzero, axis=1)
case("cumsum", normal(3, 4), ref=np.cumsum, axis=1, grad=True)
case("cumsum", normal(3, 4), ref=np.cumsum)
case("cumprod", normal(3, 4), ref=np.cumprod, axis=0)
case("diff", normal(3, 6), ref=np.diff, n=2)
for _name in ("argmax", "argmin"):
    case(_name, normal(3, 4), ref=getattr(np, _name), axis=1)
    case(_name, normal(3, 4), ref=getattr(np, _name))
case("argsort", normal(3, 6), ref=np.argsort, axis=1)
case("sort", normal(3, 6), ref=np.sort, axis=0, grad=True)
case("searchsorted", np.float32([1, 3, 5]), np.float32([0, 3, 4, 9]), ref=np.searchsorted)
case("searchsorted", np.float32([1, 3, 5]), np.float32([3, 5]), ref=np.searchsorted, side="right")
case("nonzero", np.int32([[0, 1], [2, 0]]), ref=np.nonzero)
case("where", bools(3, 4), normal(3, 4), normal(4), ref=np.where)
case(
    "bincount",
    np.int32([1, 1, 3]),
    ref=lambda x, minlength: np.bincount(x, minlength=minlength),
    minlength=6,
)
case("logsumexp", normal(3, 4), ref=lambda x, axis: np.log(np.exp(x).sum(axis)), axis=1, grad=True)

# ---- shapes ------------------------------------------------------------------------------------
case("reshape", normal(3, 4), (2, -1), ref=np.reshape, grad=True)
case("ravel", normal(3, 4), ref=np.ravel)
case("transpose", normal(2, 3, 4), ref=np.transpose)
case("transpose", normal(2, 3, 4), ref=np.transpose, axes=(1, 0, 2), grad=True)
case("swapaxes", normal(2, 3, 4), 0, -1, ref=np.swapaxes)
case("moveaxis", normal(2, 3, 4), 0, -1, ref=np.moveaxis)
case("expand_dims", normal(2, 3), -1, ref=np.expand_dims)
case("squeeze", normal(1, 3, 1), ref=np.squeeze)
case("squeeze", normal(1, 3, 1), ref=np.squeeze, axis=0)
case("broadcast_to", normal(1, 4), (3, 4), ref=np.broadcast_to, grad=True)
case("flip", normal(3, 4), ref=np.flip, axis=1)
case("flip", normal(3, 4), ref=np.flip)
case("roll", normal(3, 4), 2, ref=np.roll, axis=1)
case("repeat", normal(3, 4), 2, ref=np.repeat, axis=1)
case("repeat", normal(3, 4), 2, ref=np.repeat)
case("tile", normal(3, 4), (2, 1), ref=np.tile)
case("pad", normal(3, 4), ((1, 0), (0, 2)), ref=np.pad, grad=True)
case("pad", normal(3, 4), ((1, 1), (2, 2)), ref=np.pad, mode="reflect")
case("pad", normal(3), (1, 2), ref=np.pad, mode="constant", constant_values=5.0)
case("concatenate", [normal(2, 3), normal(1, 3)], ref=np.concatenate, axis=0)
case("stack", [normal(2, 3), normal(2, 3)], ref=np.stack, axis=1)
case("vstack", [normal(3), normal(3)], ref=np.vstack)
case("hstack", [normal(2, 3), normal(2, 1)], ref=np.hstack)
case("split", normal(4, 6), 3, ref=np.split, axis=1)
case("split", normal(6, 2), (1, 4), ref=np.split, axis=0)
case("unstack", normal(3, 2), ref=lambda x: list(x))
case("take", normal(5, 4), ints(2, 3), ref=np.take, axis=0, grad=True)
case("take", normal(5, 4), np.int32([-1, 0]), ref=np.take, axis=1)
case("take_along_axis", normal(3, 5), ints(3, 2), ref=np.take_along_axis, axis=1, grad=True)
case("diag", normal(3), ref=np.diag)
case("diag", normal(3, 4), ref=np.diag, k=1)
case("tril", normal(3, 4), ref=np.tril, k=-1)
case("triu", normal(3, 4), ref=np.triu)
case("meshgrid", normal(3), normal(2), ref=np.meshgrid)
case("meshgrid", normal(3), normal(2), ref=np.meshgrid, indexing="ij")
case("get_item", normal(4, 5), (slice(1, 3), None, 2), ref=lambda x, key: x[key], grad=True)
case(
    "extract_sequences",
    normal(2, 9),
    4,
    2,
    ref=lambda x, n, s: np.stack([x[:, i : i + n] for i in (0, 2, 4)], 1),
)

# ---- creation ----------------------------------------------------------------------------------
case("array", [[1, 2], [3, 4]], ref=np.array)
for _name in ("zeros", "ones"):
    case(_name, (2, 3), ref=lambda s, f=_name: getattr(np, f)(s, "float32"))
    case(f"{_name}_like", ints(2, 3), ref=getattr(np, f"{_name}_like"))
case("full", (2, 3), 7.0, ref=lambda s, v: np.full(s, v, "float32"))
case("full_like", ints(2, 3), 7, ref=np.full_like)
case("arange", 2, 9, 3, ref=np.arange)
case("arange", 4, ref=lambda n, dtype: np.arange(n, dtype=dtype), dtype="float32")
case("linspace", 0.0, 1.0, ref=np.linspace, num=5)
case("eye", 3, ref=lambda n, **k: np.eye(n, 4, 1, "float32"), M=4, k=1)
case("identity", 3, ref=lambda n: np.identity(n, "float32"))

# ---- products and linear algebra ---------------------------------------------------------------
case("matmul", normal(2, 3, 4), normal(4, 5), ref=np.matmul, grad=True)
case("matmul", normal(4), normal(4), ref=np.matmul)
case("dot", normal(3, 4), normal(4, 2), ref=np.dot)
case("vdot", normal(3, 4), normal(3, 4), ref=np.vdot)
case("outer", normal(3), normal(4), ref=np.outer)
case("cross", normal(5, 3), normal(5, 3), ref=np.cross)
case("tensordot", normal(2, 3, 4), normal(4, 3, 5), ref=np.tensordot, axes=((2, 1), (0, 1)))
case("einsum", "bij,bjk->bik", normal(2, 3, 4), normal(2, 4, 5), ref=np.einsum)
case("einsum", "i...,...j", normal(2, 3, 4), normal(3, 4, 5), ref=np.einsum)
case("einsum", "b...a, b -> a...", normal(2, 3, 4), normal(2), ref=np.einsum)
case(
    "einsum",  # what the dots stand for is summed where the result has none; NumPy refuses to
    "i...,...j->ij",
    normal(2, 3, 4),
    normal(3, 4, 5),
    ref=lambda _, x, y: np.einsum("iab,abj->ij", x, y),
    grad=True,
)
case("trace", normal(4, 4), ref=np.trace, offset=1)
case("norm", normal(3, 4), ref=lambda x, **k: np.linalg.norm(x, **k), axis=1, grad=True)
case("norm", normal(3, 4), ref=lambda x: np.linalg.norm(x))
case("norm", normal(3, 4), ref=lambda x, **k: np.linalg.norm(x, **k), ord=1, axis=-1, keepdims=True)
_square = normal(3, 3) + 4 * np.eye(3, dtype="float32")
case("det", _square, ref=np.linalg.det, rtol=1e-4)
case("inv", _square, ref=np.linalg.inv, rtol=1e-4)
case("solve", _square, normal(3, 2), ref=np.linalg.solve, rtol=1e-4)
case("cholesky", (_square @ _square.T), ref=lambda x: np.linalg.cholesky(x), rtol=1e-4)

# ---- math --------------------------------------------------------------------------------------
case(
    "top_k",
    np.float32([[1, 9, 5], [7, 2, 8]]),
    2,
    ref=lambda x, k: (-np.sort(-x)[:, :k], np.argsort(-x)[:, :k]),
)
case(
    "in_top_k",
    np.int32([1, 0]),
    np.float32([[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]]),
    1,
    ref=lambda t, p, k: p.argmax(1) == t,
)
case(
    "segment_sum",
    normal(4, 2),
    np.int32([0, 0, 2, 1]),
    ref=lambda d, s, num_segments: np.stack([d[:2].sum(0), d[3], d[2]]),
    num_segments=3,
)
case(
    "segment_max",
    normal(4, 2),
    np.int32([0, 0, 2, 1]),
    ref=lambda d, s, num_segments: np.stack([d[:2].max(0), d[3], d[2]]),
    num_segments=3,
)

# ---- nn ----------------------------------------------------------------------------------------
_x = normal(3, 6) * 2
_relu = lambda x: np.maximum(x, 0)
_softplus = lambda x: np.log1p(np.exp(x))
case("relu", _x, ref=_relu, grad=True)
case("relu6", _x * 5, ref=lambda x: np.clip(x, 0, 6))
case(
    "leaky_relu",
    _x,
    ref=lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
    negative_slope=0.3,
    grad=True,
)
case("elu", _x, ref=lambda x: np.where(x > 0, x, np.expm1(x)), grad=True)
case(
    "celu",
    _x,
    ref=lambda x, alpha: np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha)),
    alpha=2.0,
)
case(
    "selu",
    _x,
    ref=lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    grad=True,
)
case(
    "gelu",
    _x,
    ref=lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    grad=True,
    rtol=1e-4,
)
case(
    "gelu",
    _x,
    ref=lambda x, approximate: 0.5 * x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))),
    approximate=False,
    rtol=1e-4,
)
case("silu", _x, ref=lambda x: x * sigmoid(x), grad=True)
case("swish", _x, ref=lambda x: x * sigmoid(x))
case("sigmoid", _x, ref=sigmoid, grad=True)
case("log_sigmoid", _x, ref=lambda x: np.log(sigmoid(x)), grad=True)
case("hard_sigmoid", _x * 2, ref=lambda x: np.clip(x / 6 + 0.5, 0, 1), grad=True)
for _name in ("hard_silu", "hard_swish"):
    case(_name, _x * 2, ref=lambda x: x * np.clip(x / 6 + 0.5, 0, 1))
case("hard_tanh", _x, ref=lambda x: np.clip(x, -1, 1))
case("softplus", _x, ref=_softplus, grad=True)
case("softsign", _x, ref=lambda x: x / (1 + np.abs(x)), grad=True)
case("soft_shrink", _x, ref=lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0))
case("hard_shrink", _x, ref=lambda x: np.where(np.abs(x) > 0.5, x, 0))
case("tanh_shrink", _x, ref=lambda x: x - np.tanh(x), rtol=1e-4)
case("threshold", _x, 0.5, -1.0, ref=lambda x, t, v: np.where(x > t, x, v))
case("squareplus", _x, ref=lambda x: (x + np.sqrt(x * x + 4)) / 2, grad=True)
case("sparse_plus", _x, ref=lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)))
case("sparse_sigmoid", _x, ref=lambda x: np.clip((x + 1) / 2, 0, 1))
case("glu", _x, ref=lambda x: x[:, :3] * sigmoid(x[:, 3:]), grad=True)
case("softmax", _x, ref=softmax, grad=True)
case("softmax", normal(2, 3, 4), ref=softmax, axis=(1, 2))
case("log_softmax", _x, ref=lambda x: np.log(softmax(x)), grad=True)
case(
    "sparsemax",
    np.float32([[2.0, 0.0, 0.1], [0.2, 0.3, 0.1]]),
    ref=lambda x: np.array([[1, 0, 0], [1 / 3, 13 / 30, 7 / 30]]),
)
case("normalize", _x, ref=lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True), grad=True)
case("normalize", _x, ref=lambda x, **k: x / np.abs(x).sum(0, keepdims=True), axis=0, order=1)
case(
    "one_hot",
    np.int32([0, 2, -1]),
    3,
    ref=lambda x, n: np.float32([[1, 0, 0], [0, 0, 1], [0, 0, 0]]),
)
case(
    "one_hot", np.int32([[0, 2]]), 3, ref=lambda x, n, axis: np.eye(n)[x].transpose(0, 2, 1), axis=1
)
case("multi_hot", np.int32([[0, 2, 2]]), 4, ref=lambda x, n: np.float32([[1, 0, 1, 0]]))
case("moments", normal(3, 4), ref=lambda x, axes: (x.mean(0), x.var(0)), axes=[0])
case(
    "batch_normalization",
    normal(3, 4),
    normal(4),
    positive(4),
    -1,
    ref=lambda x, m, v, a, offset, scale: (x - m) / np.sqrt(v + 1e-3) * scale + offset,
    offset=normal(4),
    scale=normal(4),
    grad=True,
)
case(
    "layer_normalization",
    normal(3, 4),
    normal(4),
    normal(4),
    ref=lambda x, g, b, epsilon: (
        (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon) * g + b
    ),
    epsilon=1e-3,
    grad=True,
)
case(
    "rms_normalization",
    normal(3, 4),
    normal(4),
    ref=lambda x, s, epsilon: x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * s,
    epsilon=1e-3,
    grad=True,
)
_t, _p = bools(4, 3).astype("float32"), softmax(normal(4, 3))
case("binary_crossentropy", _t, _p, ref=lambda t, p: -t * np.log(p) - (1 - t) * np.log1p(-p))
case(
    "binary_crossentropy",
    _t,
    normal(4, 3),
    ref=lambda t, z, from_logits: np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))),
    from_logits=True,
    grad=True,
)
_h = np.eye(3, dtype="float32")[[0, 2, 1, 1]]
case("categorical_crossentropy", _h, _p, ref=lambda t, p: -(t * np.log(p)).sum(-1))
case(
    "categorical_crossentropy",
    _h,
    normal(4, 3),
    ref=lambda t, z, from_logits: -(t * np.log(softmax(z))).sum(-1),
    from_logits=True,
    grad=True,
)
_c = np.int32([0, 2, 1, 1])
case("sparse_categorical_crossentropy", _c, _p, ref=lambda t, p: -np.log(p[np.arange(4), t]))
case(
    "sparse_categorical_crossentropy",
    _c,
    normal(4, 3),
    ref=lambda t, z, from_logits: -np.log(softmax(z)[np.arange(4), t]),
    from_logits=True,
    grad=True,
)
case(
    "softmax_crossentropy_with_integer_labels",
    _c,
    normal(4, 3),
    ref=lambda t, z: -np.log(softmax(z)[np.arange(4), t]),
    grad=True,
)
case("linear", normal(2, 3, 4), normal(4, 5), normal(5), ref=lambda x, k, b: x @ k + b, grad=True)
case(
    "mean_sparse_categorical_crossentropy",
    _c,
    normal(4, 3),
    ref=lambda t, z, from_logits: -np.log(softmax(z)[np.arange(4), t]).mean(),
    from_logits=True,
    grad=True,
)
case("sparse_hits", _c, normal(4, 3), ref=lambda t, p: np.float32(p.argmax(1) == t))
case("embedding_lookup", normal(6, 3), ints(2, 2), ref=lambda t, i: t[i])

# ---- core --------------------------------------------------------------------------------------
case("cast", np.float32([1.7, -1.7]), "int32", ref=lambda x, d: x.astype(d))
case("saturate_cast", np.float32([-3.0, 300.0]), "uint8", ref=lambda x, d: np.uint8([0, 255]))
case("saturate_cast", normal(3), "float64", ref=lambda x, d: x)
case("saturate_cast", np.float32([1e6, -2.5]), "float16", ref=lambda x, d: [65504, -2.5])
case("stop_gradient", normal(3), ref=lambda x: x)
case(
    "scatter",
    np.int32([[1], [3], [1]]),
    np.float32([5, 6, 2]),
    (4,),
    ref=lambda i, v, s: np.float32([0, 7, 0, 6]),
)
case(
    "scatter_update",
    normal(4, 2),
    np.int32([[1], [3]]),
    np.float32([[1, 2], [3, 4]]),
    ref=lambda x, i, u: np.stack([x[0], u[0], x[2], u[1]]),
)
case("slice", normal(4, 5), (1, 2), (2, 3), ref=lambda x, s, n: x[1:3, 2:5], grad=True)
case(
    "slice_update",
    normal(4),
    (1,),
    np.float32([7, 8]),
    ref=lambda x, s, u: np.concatenate([x[:1], u, x[3:]]),
)
case("size", normal(3, 4), ref=np.size)


# ---- windows: the references are loops over positions ------------------------------------------
def windows(
    x: np.ndarray, size: int, stride: int, same: bool, fill: float, dilation: int = 1
) -> np.ndarray:
    """(batch, h, w, c) -> (batch, new_h, new_w, size, size, c), padding as TensorFlow's "same"."""
    reach = (size - 1) * dilation + 1
    if same:
        total = [max((-(-n // stride) - 1) * stride + reach - n, 0) for n in x.shape[1:3]]
        x = np.pad(
            x, [(0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)], constant_values=fill
        )
    rows, columns = ((n - reach) // stride + 1 for n in x.shape[1:3])
    cut = lambda i, j: x[
        :, i * stride : i * stride + reach : dilation, j * stride : j * stride + reach : dilation
    ]
    return np.stack([np.stack([cut(i, j) for j in range(columns)], 1) for i in range(rows)], 1)


def conv_reference(x, kernel, strides=1, padding="valid", dilation_rate=1):
    w = windows(x, kernel.shape[0], strides, padding == "same", 0.0, dilation_rate)
    groups = x.shape[-1] // kernel.shape[2]
    parts = zip(np.split(w, groups, -1), np.split(kernel, groups, -1), strict=True)
    return np.concatenate([np.einsum("bxyijc,ijco->bxyo", a, k) for a, k in parts], -1)


def depthwise_reference(x, kernel, strides=1, padding="valid"):
    w = windows(x, kernel.shape[0], strides, padding == "same", 0.0)
    out = np.einsum("bxyijc,ijcm->bxycm", w, kernel)
    return out.reshape(*out.shape[:3], -1)


def transpose_reference(x, kernel, strides=1, padding="valid"):
    """Each input element adds its multiple of the kernel; "same" then cuts the border."""
    size, (b, h, w, _) = kernel.shape[0], x.shape
    full = np.zeros((b, (h - 1) * strides + size, (w - 1) * strides + size, kernel.shape[2]))
    for i in range(h):
        for j in range(w):
            part = np.einsum("bc,ijoc->bijo", x[:, i, j], kernel)
            full[:, i * strides : i * strides + size, j * strides : j * strides + size] += part
    wanted = [n * strides + (max(size - strides, 0) if padding == "valid" else 0) for n in (h, w)]
    grow = [max(t - n, 0) for t, n in zip(wanted, full.shape[1:3], strict=True)]
    full = np.pad(full, [(0, 0), (0, grow[0]), (0, grow[1]), (0, 0)])
    before = [(n - t) // 2 for t, n in zip(wanted, full.shape[1:3], strict=True)]
    return full[:, before[0] : before[0] + wanted[0], before[1] : before[1] + wanted[1]]


def pool_reference(kind):
    def reference(x, size, strides=None, padding="valid"):
        if kind == "max":
            return windows(x, size, strides or size, padding == "same", -np.inf).max((3, 4))
        return np.nanmean(windows(x, size, strides or size, padding == "same", np.nan), (3, 4))

    return reference


def first(reference):
    """The same with channels first."""
    return lambda x, *a, data_format, **k: reference(x.transpose(0, 2, 3, 1), *a, **k).transpose(
        0, 3, 1, 2
    )


_image = normal(2, 7, 6, 4)
_image_first = np.ascontiguousarray(_image.transpose(0, 3, 1, 2))
for _padding in ("valid", "same"):
    for _stride in (1, 2):
        _k = {"strides": _stride, "padding": _padding}
        case("conv", _image, normal(3, 3, 4, 5), ref=conv_reference, grad=True, rtol=1e-4, **_k)
        case(
            "conv",
            _image_first,
            normal(3, 3, 4, 5),
            ref=first(conv_reference),
            data_format="channels_first",
            rtol=1e-4,
            **_k,
        )
        case("depthwise_conv", _image, normal(3, 3, 4, 2), ref=depthwise_reference, rtol=1e-4, **_k)
        case("conv_transpose", _image, normal(3, 3, 5, 4), ref=transpose_reference, rtol=1e-4, **_k)
        case("max_pool", _image, 2, ref=pool_reference("max"), grad=_stride == 2, **_k)
        case("average_pool", _image, 3, ref=pool_reference("average"), grad=True, **_k)
        case(
            "average_pool",
            _image_first,
            3,
            ref=first(pool_reference("average")),
            data_format="channels_first",
            **_k,
        )
case(
    "conv",
    _image,
    normal(3, 3, 4, 5),
    ref=conv_reference,
    dilation_rate=2,
    padding="same",
    rtol=1e-4,
)
case("conv", _image, normal(3, 3, 2, 6), ref=conv_reference, rtol=1e-4)
case(
    "conv_with_bias",
    _image,
    normal(3, 3, 4, 5),
    normal(5),
    ref=lambda x, k, b: conv_reference(x, k) + b,
    grad=True,
    rtol=1e-4,
)
case(
    "conv_with_bias",
    _image_first,
    normal(3, 3, 4, 5),
    normal(5),
    ref=lambda x, k, b, **how: first(conv_reference)(x, k, **how) + b[:, None, None],
    data_format="channels_first",
    rtol=1e-4,
)
case(
    "conv",
    normal(2, 8, 3),
    normal(3, 3, 4),
    rtol=1e-4,
    ref=lambda x, k: np.stack([np.einsum("btc,tco->bo", x[:, i : i + 3], k) for i in range(6)], 1),
)
case(
    "separable_conv",
    _image,
    normal(3, 3, 4, 2),
    normal(1, 1, 8, 5),
    rtol=1e-4,
    ref=lambda x, d, p: depthwise_reference(x, d) @ p[0, 0],
)


def attention_reference(q, k, v, bias=None, mask=None, is_causal=False):
    k, v = (np.repeat(a, q.shape[2] // a.shape[2], 2) for a in (k, v))
    logits = np.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(q.shape[-1])
    logits = logits if bias is None else logits + bias
    keep = np.ones(logits.shape, bool) if mask is None else np.broadcast_to(mask, logits.shape)
    keep = keep & np.tri(*logits.shape[2:], dtype=bool) if is_causal else keep
    return np.einsum("bhqk,bkhd->bqhd", softmax(np.where(keep, logits, -1e30)), v)


_q = normal(2, 5, 4, 8)
case(
    "dot_product_attention",
    _q,
    normal(2, 5, 4, 8),
    normal(2, 5, 4, 8),
    ref=attention_reference,
    grad=True,
    rtol=1e-4,
)
case(
    "dot_product_attention",
    _q,
    normal(2, 5, 4, 8),
    normal(2, 5, 4, 8),
    ref=attention_reference,
    is_causal=True,
    rtol=1e-4,
)
case(
    "dot_product_attention",
    _q,
    normal(2, 5, 2, 8),
    normal(2, 5, 2, 8),
    ref=attention_reference,
    rtol=1e-4,
)
case(
    "dot_product_attention",
    _q,
    normal(2, 5, 4, 8),
    normal(2, 5, 4, 8),
    ref=attention_reference,
    rtol=1e-4,
    mask=bools(2, 1, 5, 5) | np.eye(5, dtype=bool),
)
case(
    "dot_product_attention",
    _q,
    normal(2, 5, 4, 8),
    normal(2, 5, 4, 8),
    ref=attention_reference,
    bias=normal(2, 4, 5, 5),
    rtol=1e-4,
)
