"""Rows of ops that have one already, called in other ways: with Python numbers, ties, more keys and axes."""

from __future__ import annotations

import numpy as np
from drawing import ANY, FLOATS, NUMBERS, SHAPES, SINGLE, row

BOXES = ((3, 4), (2, 3, 4), (5,))


# ---- a Python number beside a tensor ---------------------------------------------------------------
def with_number(op, reference, domain, numbers, dtypes=NUMBERS, second=True, **options):
    def call(d):
        x, number = d.array(d.pick(*SHAPES), domain, dtypes), d.pick(*numbers)
        first = not second or d.pick(False, True)
        return ((number, x) if first and second else (x, number)), {}

    row(op, call, reference, label="number", **options)


for _op in ("add", "subtract", "multiply", "maximum", "minimum"):
    with_number(_op, getattr(np, _op), "off_integers", (2, 0.5, -1.5), (*FLOATS, "int32", "int8"))
with_number("true_divide", np.true_divide, "nonzero", (2, 0.5), (*FLOATS, "int32"))
with_number("power", np.power, "positive", (2, 0.5, 3), FLOATS)
with_number(
    "floor_divide",
    np.floor_divide,
    "positive",
    (2, 3),
    ("int32", "int8", "uint8"),
)
for _op in ("equal", "less", "greater_equal"):
    with_number(_op, getattr(np, _op), "natural", (2, 3.0), (*NUMBERS, "bool"))
row(
    "where",
    lambda d: (
        (
            d.array(d.pick((3, 4), ()), dtype="bool"),
            d.array((3, 4), "real", ANY),
            d.pick(0, 1.5, True),
        ),
        {},
    ),
    np.where,
    label="number",
)
row(
    "clip",
    lambda d: (
        (
            d.array((3, 4), "real", SINGLE),
            d.array(d.pick((4,), (3, 1)), "unit", "float32") - np.float32(2),
            d.array((), "unit", "float32") + np.float32(2),
        ),
        {},
    ),
    np.clip,
    grad=True,
    label="arrays",
)

# ---- ties, which go in the order of places ---------------------------------------------------------
_STABLE = {"why": "among equals the order of places is kept"}
row(
    "argsort",
    lambda d: (
        (x := d.array(d.pick(*BOXES), "natural", (*FLOATS, "int32", "uint8")),),
        {"axis": d.pick(d.axis(x.ndim), None)},
    ),
    lambda x, axis: np.argsort(x, axis, kind="stable"),
    label="ties",
    **_STABLE,
)
row(
    "top_k",
    lambda d: ((d.array(d.pick(*BOXES), "natural", (*FLOATS, "int32")), d.pick(1, 3)), {}),
    lambda x, k: np.flip(np.sort(x), -1)[..., :k],
    take=lambda out: out[:1],
    label="ties",
    why="which of equals is taken is free on torch",
)
row(
    "searchsorted",
    lambda d: (
        (
            np.sort(d.array((6,), "natural", "int32")),
            d.array(d.pick((4,), (2, 3)), "natural", "int32"),
        ),
        {"side": d.pick("left", "right")},
    ),
    np.searchsorted,
    label="ties",
)
for _op in ("argmax", "argmin"):
    row(
        _op,
        lambda d: (
            (x := np.abs(d.array(d.pick(*BOXES), "special", FLOATS)),),
            {"axis": d.pick(None, d.axis(x.ndim))},
        ),
        getattr(np, _op),
        label="special",
        why="NaN is the greatest and the least, the first of equals is taken; jax takes 0 for more than -0",
    )
for _op in ("max", "min", "sort", "argsort", "cumsum"):
    row(
        _op,
        lambda d: ((x := d.array(d.pick(*BOXES), "special", FLOATS),), {"axis": d.axis(x.ndim)}),
        getattr(np, _op)
        if _op != "argsort"
        else lambda x, axis: np.argsort(x, axis, kind="stable"),
        label="special",
    )

# ---- more keys, axes and orders --------------------------------------------------------------------
_KEYS = (
    lambda d: (-1,),
    lambda d: (slice(None, None, -1),),
    lambda d: (slice(None), slice(2, None, -1)),
    lambda d: (slice(-9, 9, 3), 1),
    lambda d: (slice(2, 1),),
    lambda d: (Ellipsis, slice(-1, 0, -2)),
    lambda d: (None, slice(0, 2, -1), slice(-2, -9, -1)),
    lambda d: (None, 1, Ellipsis, None),
    lambda d: (Ellipsis, slice(None, None, 2), None),
)
row(
    "get_item",
    lambda d: ((d.array(d.pick((3, 4), (3, 4, 2)), "real", ANY), d.pick(*_KEYS)(d)), {}),
    lambda x, key: x[key],
    grad=True,
    label="keys",
    unknown="none",
    why="whether a slice is cut off depends on the size",
)
row(
    "norm",
    lambda d: (
        (d.array(d.pick((3, 4), (2, 3, 4)), "nonzero", SINGLE),),
        {
            "ord": d.pick(-1, -np.inf, 3, 0, 2.5),
            "axis": d.pick(-1, 0),
            "keepdims": d.pick(False, True),
        },
    ),
    np.linalg.norm,
    label="orders",
)
for _op in ("quantile", "nanquantile"):
    row(
        _op,
        lambda d, op=_op: (
            (
                x := d.array(d.pick(*BOXES), "gaps" if "nan" in op else "distinct", SINGLE),
                d.pick([0.3, 0.85], [0.0, 1.0], [0.5]),
            ),
            {
                "axis": d.axes(x.ndim),
                "method": d.pick("linear", "lower", "higher", "midpoint", "nearest"),
                "keepdims": d.pick(False, True),
            },
        ),
        getattr(np, _op),
        floor=4.0,
        label="several",
        why="a difference of neighbours is weighted",
    )
row(
    "einsum",
    lambda d: (
        d.pick(
            ("ii->i", d.array((4, 4), "real", SINGLE)),
            ("ij->", d.array((3, 4), "real", SINGLE)),
            ("ij->ji", d.array((3, 4), "real", SINGLE)),
            (
                "...ij,...jk->...ik",
                d.array((2, 1, 3, 4), "real", "float32"),
                d.array((5, 4, 2), "real", "float32"),
            ),
            ("i,j", d.array((3,), "real", FLOATS), d.array((4,), "real", "float32")),
            (
                "ij,jk,k->i",
                d.array((3, 4), "real", "float32"),
                d.array((4, 5), "real", "float32"),
                d.array((5,), "real", "float32"),
            ),
        ),
        {},
    ),
    np.einsum,
    grad=True,
    floor=32.0,
    unknown="leading",
    label="forms",
    why="a sum of products rounds by its largest terms; repeated letters are one size",
)
row(
    "roll",
    lambda d: (
        (d.array((3, 4), "real", ANY), d.pick((1, -1), (2, 9))),
        {"axis": d.pick((0, 1), (-1, 0), (1, 1))},
    ),
    np.roll,
    grad=True,
    label="axes",
)
row(
    "repeat",
    lambda d: ((d.array((3, 2), "real", ANY), d.pick([1, 0, 2], [2, 2, 2])), {"axis": 0}),
    np.repeat,
    grad=True,
    unknown="none",
    label="each",
    why="as many numbers as rows",
)
row(
    "trapezoid",
    lambda d: (
        (d.array((3, 5), "real", SINGLE), np.cumsum(d.array((5,), "shares", "float32"))),
        {"axis": -1},
    ),
    np.trapezoid,
    grad=True,
    floor=4.0,
    label="places",
    why="differences of places",
)
row(
    "histogram",
    lambda d: ((d.array((20,), "real", SINGLE),), {"bins": d.pick(1, 4, 7)}),
    np.histogram,
    factor=2.0,
    floor=4.0,
    label="own",
    why="edges between the least and the greatest number, of either sign",
)
for _op in ("sum", "mean", "max", "any"):
    row(
        _op,
        lambda d: (
            (d.array((2, 3, 4), "positive", NUMBERS),),
            {"axis": d.pick((0, 2), (-1, 0), (0, 1, 2), ()), "keepdims": d.pick(False, True)},
        ),
        getattr(np, _op),
        label="axes",
        grad=_op in ("sum", "mean"),
    )
row(
    "matmul",
    lambda d: (lambda t: ((d.array((2, 3), "real", t), d.array((3, 2), "real", t)), {}))(
        d.pick("bool", "uint8", "int8", "int16")
    ),
    lambda a, b: a @ b,
    label="small",
)
