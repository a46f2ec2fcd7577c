"""Rows of elementwise ops: of one tensor, of two, activations, of bits."""

from __future__ import annotations

import numpy as np
import scipy.special as sp
from drawing import ANY, BITS, FLOATS, INTS, NUMBERS, PAIRS, SHAPES, row


def unary(op, reference, domain="real", dtypes=ANY, grad=True, args=(), label="", **options):
    row(
        op,
        lambda d: ((d.array(d.pick(*SHAPES), domain, dtypes), *args), {}),
        reference,
        grad=grad,
        label=label or (domain if domain in ("special", "near_zero", "halves") else ""),
        **options,
    )


_float = lambda fn: lambda x, *rest: fn(np.asarray(x, float), *rest)

# ---- of one tensor -------------------------------------------------------------------------------
for _op, _reference, _domain in (
    ("exp", np.exp, "mild"),
    ("expm1", np.expm1, "mild"),
    ("exp2", np.exp2, "mild"),
    ("sin", np.sin, "real"),
    ("cos", np.cos, "real"),
    ("tan", np.tan, "unit"),
    ("sinh", np.sinh, "mild"),
    ("cosh", np.cosh, "mild"),
    ("tanh", np.tanh, "real"),
    ("log", np.log, "positive"),
    ("log2", np.log2, "positive"),
    ("log10", np.log10, "positive"),
    ("log1p", np.log1p, "positive"),
    ("sqrt", np.sqrt, "positive"),
    ("rsqrt", lambda x: x**-0.5, "positive"),
    ("reciprocal", lambda x: 1 / x, "nonzero"),
    ("arcsin", np.arcsin, "unit"),
    ("arccos", np.arccos, "unit"),
    ("arctan", np.arctan, "real"),
    ("arcsinh", np.arcsinh, "real"),
    ("arccosh", np.arccosh, "above_one"),
    ("arctanh", np.arctanh, "unit"),
    ("deg2rad", np.deg2rad, "real"),
    ("rad2deg", np.rad2deg, "real"),
    ("i0", np.i0, "mild"),
    ("cbrt", np.cbrt, "nonzero"),
    ("erf", sp.erf, "mild"),
    ("erfc", sp.erfc, "mild"),
    ("erfinv", sp.erfinv, "unit"),
):
    unary(_op, _float(_reference), _domain)
for _op, _reference in (
    ("expm1", np.expm1),
    ("sinh", np.sinh),
    ("tanh", np.tanh),
    ("arcsinh", np.arcsinh),
    ("erf", sp.erf),
):
    unary(
        _op,
        _float(_reference),
        "near_zero",
        FLOATS,
        why="a formula that cancels near zero loses all digits there",
    )
unary(
    "sinc",
    _float(np.sinc),
    "nonzero",
    floor=1.0,
    why="of an int n it is sin(pi n) / (pi n), whose pi n is rounded by eps pi n",
)
unary(
    "sinc",
    np.sinc,
    "near_zero",
    FLOATS,
    grad=False,
    why="torch's own derivative of sinc, (y cos y - sin y) / y^2, cancels there",
)
for _op, _reference, _domain in (
    ("square", np.square, "real"),
    ("absolute", np.abs, "nonzero"),
    ("abs", np.abs, "nonzero"),
):
    unary(_op, _reference, _domain, NUMBERS)
unary("negative", np.negative, "real", NUMBERS)
unary("fabs", np.abs, "nonzero", NUMBERS)
unary("sign", np.sign, "nonzero", NUMBERS, why="the derivative at zero is nobody's")
unary("sign", np.sign, "special", FLOATS, grad=False)
for _op in ("ceil", "floor", "trunc", "round"):
    unary(
        _op,
        getattr(np, _op),
        "off_integers",
        NUMBERS,
        why="values are kept away from the integers, where they jump",
    )
unary("round", np.round, "halves", FLOATS, grad=False)
row(
    "round",
    lambda d: ((d.array(d.pick(*SHAPES), "real", ("float32", "float64")), d.pick(1, 2, -1)), {}),
    np.round,
    label="decimals",
)
for _op in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit"):
    unary(_op, getattr(np, _op), "special", FLOATS, grad=False)
unary("isnan", np.isnan, "real", INTS, grad=False, label="ints")
row(
    "nan_to_num",
    lambda d: (
        (d.array(d.pick(*SHAPES), "special"),),
        {"nan": 0.5, "posinf": 9.0, "neginf": -8.0},
    ),
    np.nan_to_num,
)
unary("logical_not", np.logical_not, "natural", ANY, grad=False)
unary("copy", np.copy)
for _op in ("real", "imag", "conj", "conjugate"):
    unary(_op, getattr(np, _op), "real", (*FLOATS, "complex64"), grad=False)
unary("isreal", np.isreal, "natural", ("float32", "complex64", "int32"), grad=False)
unary("angle", np.angle, "nonzero", ("float32", "complex64", "float64"), grad=False)
unary("stop_gradient", np.copy, grad=False)
row(
    "clip",
    lambda d: (
        (d.array(d.pick(*SHAPES), "off_integers", NUMBERS), *d.pick((-1, 2), (0, 3), (-300, 300))),
        {},
    ),
    np.clip,
    grad=True,
    why="values are kept away from the bounds",
)
row(
    "cast",
    lambda d: ((d.array(d.pick(*SHAPES), "natural", ANY), d.pick("float32", "int32", "bool")), {}),
    lambda x, dtype: x.astype(dtype),
)


def _saturated(x, dtype):
    if dtype == "bool":
        return np.clip(x, 0, 1) != 0
    if dtype in FLOATS:  # float16, of numbers that are in its range
        return x
    least, greatest = np.iinfo(dtype).min, np.iinfo(dtype).max
    return np.array(
        [min(max(int(v), least), greatest) for v in np.trunc(x).ravel()], "int64"
    ).reshape(np.shape(x))


for _domain in ("halves", "vast"):
    row(
        "saturate_cast",
        lambda d, domain=_domain: (
            (
                d.array(d.pick(*SHAPES), domain, NUMBERS),
                d.pick("uint8", "int8", "int16", "int32", "bool")
                if domain == "vast"
                else d.pick("uint8", "int8", "float16", "int32", "bool"),
            ),
            {},
        ),
        _saturated,
        label="" if _domain == "halves" else _domain,
    )


# ---- of two --------------------------------------------------------------------------------------
def binary(op, reference, first="real", second=None, dtypes=NUMBERS, mixed=True, **options):
    def call(d):
        shapes = d.pick(*PAIRS)
        one = d.pick(*dtypes)
        two = d.pick(one, one, *dtypes) if mixed else one
        return (d.array(shapes[0], first, one), d.array(shapes[1], second or first, two)), {}

    row(op, call, reference, **options)


for _op in ("add", "subtract", "multiply"):
    binary(_op, getattr(np, _op), grad=True)
for _op in ("divide", "true_divide"):
    binary(_op, getattr(np, _op), "real", "nonzero", grad=True)
binary(
    "divide_no_nan",
    lambda a, b: np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b != 0),
    "real",
    "natural",
)
binary("power", lambda a, b: np.power(a, b), "positive", "mild", FLOATS, grad=True)
binary("power", np.power, "natural", "natural", ("int32", "int64"), label="ints", mixed=False)
for _op in ("floor_divide", "mod", "fmod"):
    binary(
        _op,
        getattr(np, _op),
        "halves",
        "positive",
        ("float32", "float64", *INTS),
        mixed=False,
        why="of values in halves by others: a quotient near an integer falls on either side",
    )
for _op in ("maximum", "minimum", "fmax", "fmin"):
    binary(_op, getattr(np, _op), "distinct", "off_integers", (*NUMBERS, "bool"), grad=True)
    binary(_op, getattr(np, _op), "special", "special", FLOATS, label="special", mixed=False)
for _op in ("logaddexp", "logaddexp2", "hypot"):
    binary(
        _op,
        getattr(np, _op),
        "real",
        "nonzero",
        (*FLOATS, "int32"),
        grad=True,
        floor=1.0 if "log" in _op else 0,
        why="its largest term is of the order of one" if "log" in _op else "",
    )
binary("arctan2", np.arctan2, "nonzero", "nonzero", (*FLOATS, "int32"), grad=True)
binary("arctan2", np.arctan2, "special", "special", FLOATS, mixed=False, label="special")
binary("heaviside", np.heaviside, "real", "real", (*FLOATS, "int32"))
row(
    "ldexp",
    lambda d: (
        (d.array((3, 4), "real", FLOATS), d.ints(d.pick((3, 4), (4,), ()), -4, 5)),
        {},
    ),
    np.ldexp,
    grad=True,
)
row(
    "nextafter",
    lambda d: ((d.array((3, 4), "real", "float32"), d.array((4,), "real", "float32")), {}),
    lambda a, b: np.nextafter(a.astype("float32"), b.astype("float32")).astype(float),
)
for _op in ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal"):
    binary(_op, getattr(np, _op), "natural", dtypes=(*NUMBERS, "bool"))
    binary(_op, getattr(np, _op), "special", dtypes=FLOATS, label="special")
for _op in ("logical_and", "logical_or", "logical_xor"):
    binary(_op, getattr(np, _op), "natural", dtypes=(*NUMBERS, "bool"))
binary("isclose", np.isclose, "special", dtypes=FLOATS)
binary("allclose", np.allclose, "natural", dtypes=FLOATS)
for _op in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    binary(_op, getattr(np, _op), dtypes=BITS, mixed=False)
for _op in ("gcd", "lcm"):
    binary(_op, getattr(np, _op), dtypes=INTS)
for _op, _reference in (
    ("left_shift", np.left_shift),
    ("bitwise_left_shift", np.left_shift),
    ("right_shift", np.right_shift),
    ("bitwise_right_shift", np.right_shift),
):
    binary(_op, _reference, "real", "positive", INTS, mixed=False)
for _op in ("bitwise_not", "bitwise_invert"):
    unary(_op, np.bitwise_not, dtypes=INTS, grad=False)
row(
    "weighted_step",
    lambda d: ((d.array((3, 4), "real", "float32"), d.array((3, 4), "real", "float32"), 0.25), {}),
    lambda a, b, w: a + (b - a) * w,
    grad=True,
    floor=1.0,
    why="terms of either sign cancel",
)

# ---- activations ---------------------------------------------------------------------------------
_sigmoid = sp.expit
_softplus = lambda x: np.logaddexp(x, 0)
_elu = lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x / 1.0))
for _op, _reference, _domain in (
    ("relu", lambda x: np.maximum(x, 0), "nonzero"),
    ("relu6", lambda x: np.clip(x, 0, 6), "off_integers"),
    ("leaky_relu", lambda x: np.where(x > 0, x, 0.2 * x), "nonzero"),
    ("elu", _elu, "nonzero"),
    ("celu", _elu, "nonzero"),
    (
        "selu",
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
        "nonzero",
    ),
    ("silu", lambda x: x * _sigmoid(x), "real"),
    ("swish", lambda x: x * _sigmoid(x), "real"),
    ("sigmoid", _sigmoid, "real"),
    ("log_sigmoid", sp.log_expit, "real"),
    ("softplus", _softplus, "real"),
    ("softsign", lambda x: x / (1 + np.abs(x)), "nonzero"),
    ("soft_shrink", lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), "distinct"),
    ("hard_shrink", lambda x: np.where(np.abs(x) > 0.5, x, 0), "distinct"),
    ("hard_sigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1), "off_integers"),
    ("hard_silu", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), "off_integers"),
    ("hard_swish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), "off_integers"),
    ("hard_tanh", lambda x: np.clip(x, -1, 1), "off_integers"),
    ("squareplus", lambda x: (x + np.sqrt(x * x + 4)) / 2, "real"),
    (
        "sparse_plus",
        lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
        "off_integers",
    ),
    ("sparse_sigmoid", lambda x: np.clip((x + 1) / 2, 0, 1), "off_integers"),
):
    unary(
        _op,
        _float(_reference),
        _domain,
        FLOATS,
        why="away from kinks",
        floor=1.0
        if _op
        in (
            "squareplus",
            "soft_shrink",
            "hard_sigmoid",
            "hard_silu",
            "hard_swish",
            "sparse_plus",
            "sparse_sigmoid",
        )
        else 0.0,
    )
unary(
    "gelu",
    lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "mild",
    FLOATS,
    floor=1.0,
    why="one plus a hyperbolic tangent cancels",
)
row(
    "gelu",
    lambda d: ((d.array(d.pick(*SHAPES), "mild"),), {"approximate": False}),
    lambda x, approximate: 0.5 * x * (1 + sp.erf(x / np.sqrt(2))),
    grad=True,
    floor=1.0,
    label="exact",
    why="one plus an error function cancels",
)
unary("tanh_shrink", lambda x: x - np.tanh(x), "real", FLOATS, floor=1.0, why="it is a difference")
row(
    "threshold",
    lambda d: ((d.array(d.pick(*SHAPES), "off_integers"), 1.0, -0.5), {}),
    lambda x, at, other: np.where(x > at, x, other),
    grad=True,
)
row(
    "elu",
    lambda d: ((d.array(d.pick(*SHAPES), "nonzero"),), {"alpha": 0.5}),
    lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)),
    grad=True,
    label="alpha",
)
row(
    "celu",
    lambda d: ((d.array(d.pick(*SHAPES), "nonzero"),), {"alpha": 2.0}),
    lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x / alpha)),
    grad=True,
    label="alpha",
)
