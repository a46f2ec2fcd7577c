"""Each row against NumPy on fresh numbers, its dtype, its shape by abstract evaluation, and its gradient by
differences.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kdist.backend import bound as backend
from kdist.core import tree
from kdist.core.spec import Spec

RNG = np.random.default_rng()
OPS = backend.OPS


def f(*shape, low=-2.0, high=2.0):
    return RNG.uniform(low, high, shape).astype("float32")


def i(*shape, low=-5, high=6):
    return RNG.integers(low, high, shape).astype("int32")


def b(*shape):
    return RNG.random(shape) < 0.5


def erf(x):
    return np.vectorize(math.erf)(x)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# name -> (reference, argument makers)
UNARY = {
    "absolute": np.abs, "ceil": np.ceil, "cos": np.cos, "cosh": np.cosh, "exp": np.exp, "expm1": np.expm1, "floor": np.floor,
    "negative": np.negative, "reciprocal": np.reciprocal, "round": np.round, "sign": np.sign, "sin": np.sin, "sinh": np.sinh,
    "square": np.square, "tan": np.tan, "tanh": np.tanh, "erf": erf, "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6), "sigmoid": sigmoid, "silu": lambda x: x * sigmoid(x), "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)), "hard_tanh": lambda x: np.clip(x, -1, 1), "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1), "log_sigmoid": lambda x: -np.log1p(np.exp(-x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)), "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x), "tanh_shrink": lambda x: x - np.tanh(x),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "softmax": softmax, "log_softmax": lambda x: np.log(softmax(x)), "isnan": np.isnan, "isfinite": np.isfinite, "isinf": np.isinf,
    "sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min, "amax": np.amax, "amin": np.amin, "std": np.std,
    "var": np.var, "median": np.median, "argmax": np.argmax, "argmin": np.argmin, "any": np.any, "all": np.all,
    "count_nonzero": np.count_nonzero, "cumsum": lambda x: np.cumsum(x), "cumprod": lambda x: np.cumprod(x), "sort": np.sort,
    "argsort": np.argsort, "ravel": np.ravel, "transpose": np.transpose, "flip": np.flip, "tril": np.tril, "triu": np.triu,
    "trace": np.trace, "diff": np.diff, "copy": np.copy, "nan_to_num": np.nan_to_num, "logical_not": np.logical_not,
    "zeros_like": np.zeros_like, "ones_like": np.ones_like, "diag": np.diag, "average": np.average,
    "logsumexp": lambda x: np.log(np.exp(x).sum()), "normalize": lambda x: x / np.sqrt((x * x).sum(-1, keepdims=True)),
    "norm": np.linalg.norm,
}  # fmt: skip
POSITIVE = {
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
}
BINARY = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "true_divide": np.divide,
    "maximum": np.maximum, "minimum": np.minimum, "logaddexp": np.logaddexp, "equal": np.equal, "not_equal": np.not_equal,
    "less": np.less, "less_equal": np.less_equal, "greater": np.greater, "greater_equal": np.greater_equal, "mod": np.mod,
    "floor_divide": np.floor_divide, "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
    "isclose": np.isclose,
}  # fmt: skip

CASES = [(n, ref, (f(3, 4),)) for n, ref in UNARY.items()] + [
    (n, ref, (f(3, 4, low=0.1),)) for n, ref in POSITIVE.items()
]
CASES += [(n, ref, (f(3, 4), f(4))) for n, ref in BINARY.items()]
q = f(2, 5, 3, 4)
CASES += [
    ("power", np.power, (f(3, 4, low=0.1), f(4))),
    ("clip", np.clip, (f(3, 4), -0.5, 0.7)),
    ("where", np.where, (b(3, 4), f(3, 4), f(4))),
    ("divide_no_nan", lambda x, y: x * 0, (f(3), np.zeros(3, "float32"))),
    ("matmul", np.matmul, (f(2, 3, 4), f(4, 5))),
    ("dot", np.dot, (f(2, 3, 4), f(5, 4, 2))),
    ("tensordot", lambda x, y, axes: np.tensordot(x, y, axes), (f(3, 4, 5), f(5, 4, 2), ((1, 2), (1, 0)))),
    ("outer", np.outer, (f(3), f(4))),
    ("vdot", np.vdot, (f(4), f(4))),
    ("cross", np.cross, (f(5, 3), f(5, 3))),
    ("einsum", np.einsum, ("bij,bjk->bik", f(2, 3, 4), f(2, 4, 5))),
    ("linear", lambda x, k, v: x @ k + v, (f(2, 3, 4), f(4, 5), f(5))),
    ("sum", lambda x, a: x.sum(a), (f(2, 3, 4), (0, 2))),
    ("mean", lambda x, a: x.mean(a), (f(2, 3, 4), (0, -1))),
    ("prod", lambda x, a: x.prod(a), (f(2, 3, 4), (0, -1))),
    ("max", lambda x, a, k, v: np.max(x, a, keepdims=k, initial=v), (f(2, 3), 1, True, 1.0)),
    ("median", lambda x, a, k: np.median(x, a, keepdims=k), (f(2, 3, 4), (0, 2), True)),
    ("cumsum", np.cumsum, (f(3, 4), 1)),
    ("average", lambda x, a, w: np.average(x, a, w), (f(3, 4), 1, f(4, low=0.1))),
    ("searchsorted", np.searchsorted, (np.sort(f(9)), f(4))),
    ("bincount", np.bincount, (i(20, low=0),)),
    ("reshape", np.reshape, (f(3, 4), (2, -1))),
    ("transpose", np.transpose, (f(2, 3, 4), (2, 0, 1))),
    ("expand_dims", np.expand_dims, (f(3), (0, 2))),
    ("squeeze", np.squeeze, (f(1, 3, 1), 2)),
    ("moveaxis", np.moveaxis, (f(2, 3, 4), 0, -1)),
    ("swapaxes", np.swapaxes, (f(2, 3, 4), 0, 1)),
    ("roll", np.roll, (f(3, 4), 2, 1)),
    ("tile", np.tile, (f(3), (2, 2))),
    ("repeat", np.repeat, (f(3, 2), 2, 0)),
    ("repeat", np.repeat, (f(3, 2), [1, 0, 2], 0)),
    ("broadcast_to", np.broadcast_to, (f(3), (2, 3))),
    ("concatenate", np.concatenate, ([f(2, 3), f(4, 3)], 0)),
    ("stack", np.stack, ([f(2, 3), f(2, 3)], 1)),
    ("hstack", np.hstack, ([f(2, 3), f(2, 1)],)),
    ("vstack", np.vstack, ([f(2, 3), f(1, 3)],)),
    ("split", np.split, (f(6, 2), 3)),
    ("split", np.split, (f(6, 2), [1, 4])),
    ("pad", np.pad, (f(3, 4), ((1, 2), (0, 3)))),
    ("pad", lambda x, p, m: np.pad(x, p, mode=m), (f(3, 4), ((2, 1), (3, 2)), "reflect")),
    ("pad", lambda x, p, m: np.pad(x, p, mode=m), (f(3, 4), ((2, 3), (3, 4)), "symmetric")),
    ("take", lambda x, j, a: np.take(x, j, a), (f(5, 3, 2), i(4, 2, low=-5, high=5), 0)),
    ("take", lambda x, j, a: np.take(x, j, a), (f(5, 3), i(4, low=-3, high=3), 1)),
    ("take_along_axis", np.take_along_axis, (f(3, 4), i(3, 2, low=0, high=4).astype("int64"), 1)),
    ("embedding_lookup", lambda t, j: t[j], (f(5, 3), i(2, 4, low=0, high=5))),
    ("slice", lambda x, s, n: x[1:3, 0:2], (f(4, 5), (1, 0), (2, 2))),
    ("arange", np.arange, (2, 11, 3)),
    ("linspace", np.linspace, (0.0, 1.0, 7)),
    ("linspace", lambda *a: np.linspace(*a), (0.0, 1.0, 7, False)),
    ("eye", np.eye, (3, 4, 1)),
    ("full", lambda s, v: np.full(s, v, "float32"), ((2, 3), 1.5)),
    ("zeros", lambda s: np.zeros(s, "float32"), ((2, 3),)),
    ("ones", lambda s: np.ones(s, "float32"), (4,)),
    ("identity", lambda n: np.eye(n, dtype="float32"), (3,)),
    ("one_hot", lambda j, n: np.eye(n, dtype="float32")[j], (i(4, low=0, high=3), 3)),
    ("det", np.linalg.det, (f(3, 3),)),
    ("inv", np.linalg.inv, (f(3, 3) + 4 * np.eye(3, dtype="float32"),)),
    ("solve", np.linalg.solve, (f(3, 3) + 4 * np.eye(3, dtype="float32"), f(3, 2))),
    ("segment_sum", lambda x, s, n: np.stack([x[s == k].sum(0) for k in range(n)]), (f(6, 2), i(6, low=0, high=3), 3)),
    ("layer_normalization", lambda x: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-7), (f(3, 8),)),
    ("rms_normalization", lambda x: x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-7), (f(3, 8),)),
    ("moments", lambda x, a: (x.mean(0), x.var(0)), (f(5, 3), 0)),
    ("batch_normalization", lambda x, m, v, a, o, s: (x - m) / np.sqrt(v + 1e-3) * s + o, (f(4, 3), f(3), f(3, low=0.1), -1, f(3), f(3))),
    ("dot_product_attention", lambda x: np.einsum("bhqk,bkhd->bqhd", softmax(np.einsum("bqhd,bkhd->bhqk", x, x) / 2), x), (q,)),
]  # fmt: skip


def _call(name, args):
    if name == "dot_product_attention":
        return OPS[name](args[0], args[0], args[0])
    return OPS[name](*args)


def _wide(x):
    return x.astype("float64") if isinstance(x, np.ndarray) and x.dtype == np.float32 else x


@pytest.mark.parametrize(
    "name,reference,args", CASES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_row_computes_what_numpy_does(name, reference, args):
    out = tree.map_structure(backend.convert_to_numpy, _call(name, args))
    expected = reference(*tree.map_structure(_wide, args))
    for a, e in zip(tree.flatten(out), tree.flatten(expected), strict=True):
        assert np.asarray(a).shape == np.shape(e)
        # float32 rounding, grown by a few operations: NumPy computes in float64.
        np.testing.assert_allclose(a, e, rtol=2e-5, atol=2e-6)


# The size of a histogram depends on the values.
@pytest.mark.parametrize(
    "name,args",
    [(n, a) for n, _, a in CASES if n != "bincount"],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_abstract_evaluation_agrees_with_the_eager_result(name, args):
    to_spec = lambda x: Spec(x.shape, str(x.dtype)) if isinstance(x, np.ndarray) else x
    specs = backend.abstract_eval(lambda *a: _call(name, a), tree.map_structure(to_spec, args), {})
    eager = tree.map_structure(
        lambda x: Spec(tuple(x.shape), backend.dtype_of(x)), _call(name, args)
    )
    assert tree.flatten(specs) == tree.flatten(eager)


NOT_SMOOTH = {
    "isnan",
    "isfinite",
    "isinf",
    "argmax",
    "argmin",
    "argsort",
    "any",
    "all",
    "count_nonzero",
    "logical_not",
}
NOT_SMOOTH |= {"zeros_like", "ones_like", "ceil", "floor", "round", "sign"}


@pytest.mark.parametrize("name", sorted((set(UNARY) | set(POSITIVE)) - NOT_SMOOTH))
def test_gradient_by_central_differences(name):
    # Away from kinks at 0, +-0.5, +-1, and between distinct values for sort and max.
    x = torch.tensor(
        RNG.permutation(np.linspace(0.11, 0.47, 12)).reshape(3, 4),
        dtype=torch.float64,
        requires_grad=True,
    )
    assert torch.autograd.gradcheck(lambda v: OPS[name](v), (x,), eps=1e-6, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    "name,args,dtype",
    [
        ("add", (i(3), 1.5), "float32"),
        ("add", (i(3), 2), "int32"),
        ("add", (f(3).astype("float16"), 1.5), "float16"),
        ("add", (f(3).astype("float16"), i(3)), "float16"),
        ("multiply", (b(3), i(3)), "int32"),
        ("subtract", (b(3), b(3)), "int32"),
        ("divide", (i(3), i(3, low=1)), "float32"),
        ("maximum", (i(3), 0.5), "float32"),
        ("mean", (i(3),), "float32"),
        ("mean", (b(3),), "float32"),
        ("sum", (b(3),), "int32"),
        ("sum", (i(3).astype("int8"),), "int32"),
        ("sum", (i(3).astype("int64"),), "int64"),
        ("argmax", (f(3),), "int32"),
        ("exp", (i(3),), "float32"),
        ("add", (f(3).astype("float64"), f(3)), "float64"),
        ("matmul", (i(2, 2).astype("int8"), i(2, 2).astype("int8")), "int32"),
        ("arange", (3,), "int32"),
        ("arange", (3.0,), "float32"),
        ("floor", (i(3),), "float32"),
        ("concatenate", ([f(2), i(2)],), "float32"),
        ("where", (b(3), f(3), 0), "float32"),
        ("full", ((2,), 3, "int64"), "int64"),
        ("cast", (f(2), "bool"), "bool"),
    ],
)
def test_dtypes_promote_as_keras_says(name, args, dtype):
    assert backend.dtype_of(OPS[name](*args)) == dtype


def _conv_reference(x, kernel, stride, padding, dilation):
    """Direct sum over the window, channels last, two spatial dims, TensorFlow's "same"."""
    kh, kw = ((n - 1) * dilation + 1 for n in kernel.shape[:2])
    groups = x.shape[-1] // kernel.shape[2]
    if padding == "same":
        pads = [
            max((-(-n // stride) - 1) * stride + k - n, 0)
            for n, k in ((x.shape[1], kh), (x.shape[2], kw))
        ]
        x = np.pad(x, ((0, 0), *((p // 2, p - p // 2) for p in pads), (0, 0)))
    oh, ow = (x.shape[1] - kh) // stride + 1, (x.shape[2] - kw) // stride + 1
    out = np.zeros((x.shape[0], oh, ow, kernel.shape[3]))
    per, of = kernel.shape[2], kernel.shape[3] // groups
    for r in range(oh):
        for c in range(ow):
            window = x[
                :, r * stride : r * stride + kh : dilation, c * stride : c * stride + kw : dilation
            ]
            for g in range(groups):
                part = kernel[..., g * of : (g + 1) * of]
                out[:, r, c, g * of : (g + 1) * of] = np.einsum(
                    "bijc,ijco->bo", window[..., g * per : (g + 1) * per], part
                )
    return out


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("stride,dilation", [(1, 1), (2, 1), (1, 2), (3, 1)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("groups", [1, 2])
def test_conv(data_format, stride, dilation, padding, groups):
    x, kernel = f(2, 9, 8, 4), f(3, 2, 4 // groups, 6)
    given = x if data_format == "channels_last" else x.transpose(0, 3, 1, 2)
    out = backend.convert_to_numpy(
        OPS["conv"](given, kernel, stride, padding, data_format, dilation)
    )
    out = out if data_format == "channels_last" else out.transpose(0, 2, 3, 1)
    np.testing.assert_allclose(
        out,
        _conv_reference(_wide(x), _wide(kernel), stride, padding, dilation),
        rtol=2e-5,
        atol=2e-5,
    )


@pytest.mark.parametrize("stride,output_padding", [(1, None), (2, None), (2, 1), (3, None)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size", [2, 3])
def test_conv_transpose_is_the_gradient_of_conv(stride, output_padding, padding, size):
    x, kernel = torch.tensor(f(2, 5, 4, 3)), torch.tensor(f(size, size, 6, 3))
    out = OPS["conv_transpose"](x, kernel, stride, padding, output_padding, "channels_last", 1)
    if output_padding is None:
        assert tuple(out.shape[1:3]) == tuple(
            n * stride if padding == "same" else (n - 1) * stride + max(size, stride)
            for n in (5, 4)
        )
        image = torch.zeros(out.shape, requires_grad=True)
        forward = OPS["conv"](image, kernel, stride, padding, "channels_last", 1)
        (expected,) = torch.autograd.grad(forward, image, x)
        np.testing.assert_allclose(out, expected, rtol=2e-5, atol=2e-5)
    else:
        base = {"valid": size, "same": size % 2}[padding]
        assert tuple(out.shape[1:3]) == tuple(
            (n - 1) * stride + base + output_padding for n in (5, 4)
        )


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [2, 3])
def test_pooling(padding, stride, size):
    x = f(2, 7, 6, 3)
    lost = (
        max((-(-7 // stride) - 1) * stride + size - 7, 0),
        max((-(-6 // stride) - 1) * stride + size - 6, 0),
    )
    pads = (
        [(0, 0), *((p // 2, p - p // 2) for p in lost), (0, 0)]
        if padding == "same"
        else [(0, 0)] * 4
    )
    wide = np.pad(_wide(x), pads, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(wide, (size, size), (1, 2))[
        :, ::stride, ::stride
    ]
    for name, reduce in (("max_pool", np.nanmax), ("average_pool", np.nanmean)):
        out = backend.convert_to_numpy(OPS[name](x, size, stride, padding, "channels_last"))
        np.testing.assert_allclose(out, reduce(windows, (-1, -2)), rtol=2e-5, atol=2e-6)


def test_depthwise_and_separable_conv_agree_with_grouped_conv():
    x, deep, point = f(2, 6, 6, 3), f(3, 3, 3, 2), f(1, 1, 6, 5)
    out = OPS["depthwise_conv"](x, deep, 1, "same")
    for c in range(3):
        expected = OPS["conv"](x[..., c : c + 1], deep[:, :, c : c + 1], 1, "same")
        np.testing.assert_allclose(out[..., 2 * c : 2 * c + 2], expected, rtol=2e-5, atol=2e-5)
    both = OPS["separable_conv"](x, deep, point, 1, "same")
    np.testing.assert_allclose(both, OPS["conv"](out, point), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("logits", [True, False])
def test_crossentropies(logits):
    z = f(4, 5)
    p = softmax(_wide(z))
    labels = i(4, low=0, high=5)
    given = z if logits else p.astype("float32")
    expected = -np.log(p[np.arange(4), labels])
    hot = np.eye(5, dtype="float32")[labels]
    np.testing.assert_allclose(
        OPS["sparse_categorical_crossentropy"](labels, given, logits), expected, rtol=2e-5
    )
    np.testing.assert_allclose(
        OPS["categorical_crossentropy"](hot, given, logits), expected, rtol=2e-5
    )
    if logits:
        np.testing.assert_allclose(
            OPS["softmax_crossentropy_with_integer_labels"](labels, z), expected, rtol=2e-5
        )
    s = sigmoid(_wide(z))
    given = z if logits else s.astype("float32")
    binary = -(hot * np.log(s) + (1 - hot) * np.log(1 - s))
    np.testing.assert_allclose(
        OPS["binary_crossentropy"](hot, given, logits), binary, rtol=2e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    "masked,causal,cap",
    [(False, True, None), (True, False, None), (True, True, None), (True, True, 3.0)],
)
def test_attention_masks(masked, causal, cap):
    x, kv = f(2, 5, 4, 3), f(2, 6, 2, 3)  # two heads share each key
    mask = b(2, 1, 5, 6) | (np.arange(6) == 0) if masked else None
    out = OPS["dot_product_attention"](
        x, kv, kv, mask=mask, is_causal=causal, attn_logits_soft_cap=cap
    )
    keys = np.repeat(_wide(kv), 2, axis=2)
    logits = np.einsum("bqhd,bkhd->bhqk", _wide(x), keys) / np.sqrt(3)
    logits = logits if cap is None else np.tanh(logits / cap) * cap
    allowed = np.ones((2, 1, 5, 6), bool) if mask is None else mask
    allowed = allowed & np.tri(5, 6, dtype=bool) if causal else allowed
    expected = np.einsum("bhqk,bkhd->bqhd", softmax(np.where(allowed, logits, -1e30)), keys)
    np.testing.assert_allclose(out, expected, rtol=2e-5, atol=2e-6)


def test_scatter_and_updates():
    values = OPS["scatter"](
        np.array([[0, 1], [2, 0], [0, 1]]), np.array([1.0, 2.0, 3.0], "float32"), (3, 2)
    )
    np.testing.assert_array_equal(values, [[0, 4], [0, 0], [2, 0]])
    x = np.arange(6, dtype="float32").reshape(3, 2)
    for reduction, expected in (
        (None, 9.0),
        ("add", 11.0),
        ("max", 9.0),
        ("min", 2.0),
        ("mul", 18.0),
    ):
        out = OPS["scatter_update"](x, np.array([[1, 0]]), np.array([9.0], "float32"), reduction)
        assert float(out[1, 0]) == expected
        assert float(out[2, 1]) == 5.0
    out = OPS["slice_update"](x, (1, 0), np.full((2, 1), -1, "float32"))
    np.testing.assert_array_equal(out, [[0, 1], [-1, 3], [-1, 5]])
    rows = OPS["scatter_update"](x, np.array([[0], [0]]), np.ones((2, 2), "float32"), "add")
    np.testing.assert_array_equal(rows, [[2, 3], [2, 3], [4, 5]])


def test_control_flow():
    carry, ys = OPS["scan"](
        lambda c, x: (c + x, c * x), np.float32(0), np.arange(4, dtype="float32")
    )
    assert float(carry) == 6
    np.testing.assert_array_equal(ys, [0, 0, 2, 9])
    x = f(9, 2)
    for reverse in (False, True):
        out = OPS["associative_scan"](torch.add, x, reverse)
        expected = np.cumsum(x[::-1], 0)[::-1] if reverse else np.cumsum(x, 0)
        np.testing.assert_allclose(out, expected, rtol=2e-5, atol=1e-5)
    assert OPS["while_loop"](lambda n: n < 5, lambda n: n + 1, 0) == 5
    assert OPS["fori_loop"](0, 4, lambda k, v: v + k, 0) == 6
    assert OPS["switch"](7, [lambda: 0, lambda: 1]) == 1
    np.testing.assert_allclose(OPS["vectorized_map"](lambda v: v * 2, x), 2 * x)
    np.testing.assert_allclose(OPS["map"](lambda v: v + 1, x), x + 1)


@pytest.mark.parametrize("style", ["upstream alone", "arguments and upstream"])
def test_custom_gradient(style):
    @OPS["custom_gradient"]
    def clipped(x):
        def alone(upstream):
            return upstream * 7.0

        def both(*args, upstream):
            return upstream * 7.0 * (args[0] / args[0])

        return x * 2, alone if style == "upstream alone" else both

    x = torch.tensor(3.0, requires_grad=True)
    out = clipped(x)
    out.backward()
    assert (out.item(), x.grad.item()) == (6.0, 7.0)


def test_saturate_cast_stays_in_range():
    x = np.array([-1e20, -1.5, 3.7, 300.0, 1e20], "float32")
    np.testing.assert_array_equal(OPS["saturate_cast"](x, "uint8"), [0, 0, 3, 255, 255])
    np.testing.assert_array_equal(
        OPS["saturate_cast"](x, "int32"), [-(2**31), -1, 3, 300, 2**31 - 1]
    )
    np.testing.assert_array_equal(
        OPS["saturate_cast"](np.array([-3, 300], "int32"), "uint8"), [0, 255]
    )


@pytest.mark.parametrize(
    "dtype", ["bfloat16", "float16", "float8_e4m3fn", "uint8", "int64", "bool"]
)
def test_conversion_to_numpy_and_back(dtype):
    x = OPS["cast"](f(3, 4), dtype)
    array = backend.convert_to_numpy(x)
    assert str(array.dtype) == dtype
    again = backend.convert_to_tensor(array)
    assert backend.dtype_of(again) == dtype
    np.testing.assert_array_equal(backend.convert_to_numpy(again), array)


def test_conversion_copes_with_what_numpy_offers():
    x = np.arange(6.0)
    x.flags.writeable = False
    assert backend.convert_to_tensor(x).tolist() == x.tolist()
    assert backend.convert_to_tensor(x[::-1]).tolist() == x[::-1].tolist()
    assert backend.dtype_of(backend.convert_to_tensor([1, 2.0])) == "float32"
    assert backend.dtype_of(backend.convert_to_tensor([2**40])) == "int64"
    assert backend.convert_to_tensor([torch.ones(2), np.zeros(2)]).shape == (2, 2)
    with pytest.raises(ValueError, match="object"):
        backend.convert_to_tensor(np.array([object()]))
