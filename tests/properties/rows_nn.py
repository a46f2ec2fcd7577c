"""Rows of normalisations, losses, attention, convolutions, pools, windows of images."""

from __future__ import annotations

import numpy as np
import op_cases
import scipy.special as sp
from drawing import FLOATS, SINGLE, row

_SUM = "a sum of products rounds by its largest terms"
HALVES = ("float32", "float16", "bfloat16")


# ---- along an axis -------------------------------------------------------------------------------
def along(op, reference, shapes=((3, 4), (5,), (2, 3, 4), (3, 1)), **options):
    row(
        op,
        lambda d: ((x := d.array(d.pick(*shapes), "real", FLOATS),), {"axis": d.axis(x.ndim)}),
        reference,
        **{"grad": True} | options,
    )


along("softmax", lambda x, axis: sp.softmax(x, axis))
along(
    "log_softmax",
    lambda x, axis: sp.log_softmax(x, axis),
    floor=2.0,
    why="the largest is subtracted",
)
_normalized = lambda x, axis: x / np.linalg.norm(x, axis=axis, keepdims=True)
along("normalize", _normalized, ((3, 4), (5,), (2, 3, 4)))
along(
    "normalize",
    _normalized,
    ((3, 1), (1, 3)),
    grad=False,
    label="ones",
    why="the derivative of a sign is a difference of equal terms, whose roundings alone are left",
)


def _glu(x, axis):
    a, b = np.split(x, 2, axis)
    return a * sp.expit(b)


row(
    "glu",
    lambda d: ((d.array(d.pick((4, 6), (2, 4, 2)), "real", FLOATS),), {"axis": d.pick(-1, 1)}),
    _glu,
    grad=True,
)


def _sparsemax(x):
    z = -np.sort(-x, -1)
    k = np.arange(1, x.shape[-1] + 1)
    count = (1 + k * z > np.cumsum(z, -1)).sum(-1, keepdims=True)
    tau = (np.take_along_axis(np.cumsum(z, -1), count - 1, -1) - 1) / count
    return np.maximum(x - tau, 0)


row(
    "sparsemax",
    lambda d: ((d.array(d.pick((3, 4), (5,)), "distinct", SINGLE) * np.float32(0.7),), {}),
    _sparsemax,
    grad=True,
    floor=2.0,
    why="a threshold is subtracted",
)
row(
    "layer_normalization",
    lambda d: (
        (
            d.array(d.pick((3, 4), (2, 3, 4)), "real", HALVES),
            d.array((4,), "positive", "float32"),
            d.array((4,), "real", "float32"),
        ),
        {"epsilon": 1e-3},
    ),
    lambda x, g, b, epsilon: (
        (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon) * g + b
    ),
    grad=True,
    floor=8.0,
    why="the mean is subtracted",
)
row(
    "rms_normalization",
    lambda d: (
        (d.array(d.pick((3, 4), (2, 3, 4)), "real", HALVES), d.array((4,), "positive", "float32")),
        {"epsilon": 1e-3},
    ),
    lambda x, s, epsilon: x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * s,
    grad=True,
)


def _by_vectors(x, mean, variance, axis, offset, scale):
    vector = lambda v: v.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])
    return (x - vector(mean)) / np.sqrt(vector(variance) + 1e-3) * vector(scale) + vector(offset)


row(
    "batch_normalization",
    lambda d: (
        (
            d.array((3, 4, 4), "real", "float32"),
            d.array((4,), "real", "float32"),
            d.array((4,), "positive", "float32"),
            d.pick(-1, 1),
        ),
        {"offset": d.array((4,), "real", "float32"), "scale": d.array((4,), "positive", "float32")},
    ),
    _by_vectors,
    grad=True,
    floor=8.0,
    unknown="leading",
    why="the mean is subtracted; the number of channels is known",
)
row(
    "moments",
    lambda d: (
        (d.array((3, 4, 2), "distinct", HALVES), d.pick([0], [1, 2], [-1])),
        {"keepdims": d.pick(False, True)},
    ),
    lambda x, axes, keepdims: (
        x.mean(tuple(axes), keepdims=keepdims),
        x.var(tuple(axes), keepdims=keepdims),
    ),
    grad=True,
    floor=4.0,
    why="deviations cancel",
)

# ---- losses --------------------------------------------------------------------------------------
row(
    "binary_crossentropy",
    lambda d: ((d.array((4, 3), "shares", "float32"), d.array((4, 3), "shares", HALVES)), {}),
    lambda t, p: -t * np.log(p) - (1 - t) * np.log1p(-p),
    floor=1.0,
    why="one minus a share",
)
row(
    "binary_crossentropy",
    lambda d: (
        (d.array((4, 3), "shares", "float32"), d.array((4, 3), "real", HALVES)),
        {"from_logits": True},
    ),
    lambda t, z, from_logits: np.logaddexp(z, 0) - z * t,
    grad=True,
    floor=4.0,
    label="logits",
    why="terms of the size of the logits cancel",
)
_shares = lambda d, shape: sp.softmax(d.array(shape, "real", "float32"), -1).astype("float32")
row(
    "categorical_crossentropy",
    lambda d: ((_shares(d, (4, 3)), _shares(d, (4, 3))), {}),
    lambda t, p: -(t * np.log(p / p.sum(-1, keepdims=True))).sum(-1),
    floor=1.0,
    why="shares are normalised",
)
row(
    "categorical_crossentropy",
    lambda d: ((_shares(d, (4, 3)), d.array((4, 3), "real", HALVES)), {"from_logits": True}),
    lambda t, z, from_logits: -(t * sp.log_softmax(z, -1)).sum(-1),
    grad=True,
    floor=4.0,
    label="logits",
    why="the largest logit is subtracted",
)
_of = lambda t, z: -np.take_along_axis(sp.log_softmax(z, -1), t[..., None], -1)[..., 0]
row(
    "sparse_categorical_crossentropy",
    lambda d: ((d.ints((4,), 0, 3), _shares(d, (4, 3))), {}),
    lambda t, p: (
        -np.log(np.take_along_axis(p / p.sum(-1, keepdims=True), t[..., None], -1)[..., 0])
    ),
    floor=1.0,
    why="shares are normalised",
)
row(
    "sparse_categorical_crossentropy",
    lambda d: ((d.ints((2, 4), 0, 3), d.array((2, 4, 3), "real", HALVES)), {"from_logits": True}),
    lambda t, z, from_logits: _of(t, z),
    grad=True,
    floor=4.0,
    label="logits",
    why="the largest logit is subtracted",
)
row(
    "softmax_crossentropy_with_integer_labels",
    lambda d: ((d.ints((4,), 0, 3), d.array((4, 3), "real", "float32")), {}),
    _of,
    grad=True,
    floor=4.0,
    why="the largest logit is subtracted",
)
row(
    "mean_sparse_categorical_crossentropy",
    lambda d: ((d.ints((4,), 0, 3), d.array((4, 3), "real", "float32")), {"from_logits": True}),
    lambda t, z, from_logits: _of(t, z).mean(),
    grad=True,
    floor=4.0,
    why="the largest logit is subtracted",
)
row(
    "ctc_loss",
    lambda d: (
        (
            d.ints((3, 2), 1, 4),
            d.array((3, 6, 4), "real", "float32"),
            d.ints((3,), 0, 3),
            d.ints((3,), 5, 7),
        ),
        {},
    ),
    None,
    grad=True,
    factor=4.0,
    floor=8.0,
    unknown="leading",
    why="a sum over frames in logarithms",
)
row(
    "psnr",
    lambda d: (
        (
            d.array((3, 4), "shares", "float32"),
            d.array((3, 4), "shares", "float32"),
            d.pick(1.0, 255.0),
        ),
        {},
    ),
    lambda a, b, m: 20 * np.log10(m) - 10 * np.log10(((a - b) ** 2).mean()),
    grad=True,
    floor=8.0,
    why="a difference of logarithms",
)


# ---- attention -----------------------------------------------------------------------------------
def _attention(d):
    keys = d.pick(4, 2)
    t = d.pick("float32", "float32", "float64")
    args = (
        d.array((2, 5, 4, 8), "real", t),
        d.array((2, 5, keys, 8), "real", t),
        d.array((2, 5, keys, 8), "real", t),
    )
    return args, d.pick(
        {},
        {"is_causal": True},
        {"bias": d.array((2, 4, 5, 5), "real", t)},
        {"mask": d.array((2, 1, 5, 5), dtype="bool") | np.eye(5, dtype=bool)},
    )


row(
    "dot_product_attention",
    _attention,
    op_cases.attention_reference,
    grad=True,
    factor=4.0,
    floor=8.0,
    unknown="leading",
    why=_SUM + "; heads and features are known",
)


# ---- convolutions and pools ----------------------------------------------------------------------
def _how(d, strides=True):
    how = {"padding": d.pick("valid", "same")}
    if strides:
        how["strides"] = d.pick(1, 2, 3)
    return how


def windowed(op, call, reference=None, **options):
    row(
        op,
        call,
        reference,
        **{"grad": True, "floor": 16.0, "unknown": "leading", "why": _SUM} | options,
    )


def _layouts(reference):
    """A reference of channels last, for both."""

    def run(x, *args, data_format=None, **kwargs):
        if data_format == "channels_first":
            return np.moveaxis(reference(np.moveaxis(x, 1, -1), *args, **kwargs), -1, 1)
        return reference(x, *args, **kwargs)

    return run


def _image(d, dtype="float32", channels=4, domain="real"):
    first = d.pick(False, True)
    h, w = d.pick((7, 6), (5, 5), (4, 9))
    shape = (2, channels, h, w) if first else (2, h, w, channels)
    return d.array(shape, domain, dtype), {
        "data_format": "channels_first" if first else "channels_last"
    }


def _conv(d, kernel, *more, **kwargs):
    t = d.pick("float32", "float64")
    x, layout = _image(d, t)
    return (x, d.array(kernel, "real", t), *[d.array(m, "real", t) for m in more]), {
        **layout,
        **kwargs,
        **_how(d),
    }


windowed(
    "conv",
    lambda d: _conv(d, d.pick((3, 3, 4, 5), (3, 3, 2, 6), (2, 2, 4, 3), (1, 1, 4, 2))),
    _layouts(op_cases.conv_reference),
)
windowed(
    "conv_with_bias",
    lambda d: _conv(d, (3, 3, 4, 5), (5,)),
    _layouts(lambda x, k, b, **how: op_cases.conv_reference(x, k, **how) + b),
)
windowed("depthwise_conv", lambda d: _conv(d, (3, 3, 4, 2)), _layouts(op_cases.depthwise_reference))
windowed(
    "separable_conv",
    lambda d: _conv(d, (3, 3, 4, 2), (1, 1, 8, 5)),
    _layouts(lambda x, k, p, **how: op_cases.depthwise_reference(x, k, **how) @ p[0, 0]),
)
windowed(
    "conv_transpose",
    lambda d: _conv(d, d.pick((3, 3, 5, 4), (2, 2, 3, 4), (4, 4, 2, 4))),
    _layouts(op_cases.transpose_reference),
)
for _dims, _shape, _kernel in ((1, (2, 8, 3), (3, 3, 4)), (3, (1, 4, 5, 4, 2), (2, 3, 2, 2, 3))):
    for _op in ("conv", "conv_transpose"):
        windowed(
            _op,
            lambda d, s=_shape, k=_kernel, op=_op: (
                (
                    d.array(s, "real", "float32"),
                    d.array(k if op == "conv" else (*k[:-2], k[-1], k[-2]), "real", "float32"),
                ),
                _how(d),
            ),
            label=f"{_dims}d",
        )
windowed(
    "conv",
    lambda d: (
        (d.array((2, 9, 8, 2), "real", "float32"), d.array((3, 2, 2, 3), "real", "float32")),
        {"dilation_rate": d.pick(2, (1, 3)), "padding": d.pick("valid", "same")},
    ),
    label="dilated",
)
windowed(
    "conv_transpose",
    lambda d: (
        (d.array((2, 4, 3, 2), "real", "float32"), d.array((3, 3, 3, 2), "real", "float32")),
        {
            "strides": d.pick(2, 3),
            "padding": d.pick("valid", "same"),
            "output_padding": d.pick(0, 1),
        },
    ),
    label="padded",
)
for _kind in ("max", "average"):
    windowed(
        f"{_kind}_pool",
        lambda d: (lambda x, layout: ((x, d.pick(2, 3)), {**layout, **_how(d)}))(
            *_image(d, "float32", 3, "distinct")
        ),
        _layouts(op_cases.pool_reference(_kind)),
        why="distinct: no ties",
    )
    windowed(
        f"adaptive_{_kind}_pool",
        lambda d: (
            (d.array((2, 7, 5, 3), "distinct", "float32"), d.pick((3, 5), (2, 2), 1, (7, 4))),
            {},
        ),
    )
    for _dims, _shape in ((1, (2, 8, 3)), (3, (1, 4, 5, 4, 2))):
        windowed(
            f"{_kind}_pool",
            lambda d, s=_shape: ((d.array(s, "distinct", "float32"), d.pick(2, 3)), _how(d)),
            label=f"{_dims}d",
        )
windowed(
    "unfold",
    lambda d: (
        (d.array((2, 3, 5, 7), "real", SINGLE), d.pick((2, 3), 2)),
        {"stride": d.pick(1, (2, 1)), "padding": d.pick(0, (1, 0)), "dilation": d.pick(1, (1, 2))},
    ),
)
windowed("fold", lambda d: ((d.array((2, 12, 12), "real", SINGLE), (5, 4), (2, 2)), {}))
windowed("depth_to_space", lambda d: ((d.array((2, 2, 3, 12), "real", FLOATS), 2), {}))
windowed("space_to_depth", lambda d: ((d.array((2, 4, 6, 3), "real", FLOATS), 2), {}))
