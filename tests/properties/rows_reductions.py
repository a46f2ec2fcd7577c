"""Rows of reductions, cumulative ops, order statistics."""

from __future__ import annotations

import numpy as np
import scipy.special as sp
from drawing import ANY, FLOATS, FULL, NUMBERS, SHAPES, SINGLE, row


def reduction(
    op, reference, domain="real", dtypes=NUMBERS, shapes=SHAPES, keepdims=True, **options
):
    def call(d):
        x = d.array(d.pick(*shapes), domain, dtypes)
        kwargs = {"axis": d.axes(x.ndim)}
        if keepdims:
            kwargs["keepdims"] = d.pick(False, True)
        return (x,), kwargs

    row(op, call, reference, **options)


def wide(fn):
    """Of the elements' own magnitudes: what NumPy does of integers in their own width."""
    return lambda x, **k: fn(x.astype(float) if x.dtype.kind != "b" else x * 1.0, **k)


for _op, _reference in (("sum", np.sum), ("prod", np.prod)):
    reduction(_op, _reference, "mild", ANY, grad=True)
for _op in ("mean", "var", "std"):
    reduction(
        _op,
        wide(getattr(np, _op)),
        "positive" if _op == "mean" else "distinct",
        NUMBERS,
        FULL if _op == "mean" else ((3, 4), (5,), (2, 3, 4)),
        grad=_op != "std",
        floor=4.0 if _op != "mean" else 0.0,
        why="deviations cancel; the deviation of one element has no derivative",
    )
for _op in ("max", "min", "amax", "amin"):
    reduction(_op, getattr(np, _op), "distinct", NUMBERS, FULL, grad=True, why="distinct: no ties")
for _op in ("all", "any", "count_nonzero"):
    reduction(_op, getattr(np, _op), "natural", ANY, keepdims=_op != "count_nonzero")
for _op in ("argmax", "argmin", "nanargmax", "nanargmin"):
    row(
        _op,
        lambda d: (
            (x := d.array(d.pick(*FULL), *d.pick(("distinct", FLOATS), ("natural", "int32"))),),
            {"axis": d.pick(None, d.axis(x.ndim)), "keepdims": d.pick(False, True)},
        ),
        getattr(np, _op),
        why="ties go to the first on all backends but may be other elements after rounding",
    )
reduction("median", wide(np.median), "distinct", (*FLOATS, "int32"), FULL, grad=False)
reduction(
    "ptp",
    lambda x, axis, keepdims: np.ptp(x, axis=axis, keepdims=keepdims),
    "distinct",
    FLOATS,
    FULL,
    grad=True,
)
for _op in ("nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd", "nanmedian"):
    reduction(
        _op,
        getattr(np, _op),
        "gaps",
        FLOATS,
        ((3, 4), (5,), (2, 3, 4)),
        floor=4.0 if _op in ("nanvar", "nanstd") else 0.0,
        why="deviations cancel",
    )


def cumulative(op, reference, domain, dtypes, **options):
    row(
        op,
        lambda d: (
            (x := d.array(d.pick((3, 4), (5,), (2, 3, 4), (0,), (1,)), domain, dtypes),),
            {"axis": d.pick(d.axis(x.ndim), None)},
        ),
        reference,
        **options,
    )


cumulative("cumsum", np.cumsum, "real", NUMBERS, grad=True)
cumulative(
    "cumprod", np.cumprod, "nonzero", FLOATS, grad=True, factor=4.0, why="a chain of products"
)
cumulative("nancumsum", np.nancumsum, "gaps", FLOATS)
cumulative("nancumprod", np.nancumprod, "gaps", SINGLE, factor=4.0, why="a chain of products")
cumulative("sort", np.sort, "distinct", NUMBERS, grad=True)
row(
    "argsort",
    lambda d: (
        (x := d.array(d.pick((3, 4), (5,), (2, 3, 4)), "distinct", FLOATS),),
        {"axis": d.pick(d.axis(x.ndim), None)},
    ),
    np.argsort,
    why="ties have no order",
)
row(
    "diff",
    lambda d: (
        (x := d.array(d.pick((3, 4), (5,), (2, 3, 4)), "real", (*NUMBERS,)),),
        {"n": d.pick(1, 2), "axis": d.axis(x.ndim)},
    ),
    np.diff,
    grad=True,
)
row(
    "average",
    lambda d: (
        (x := d.array(d.pick((3, 4), (2, 3, 4)), "real", FLOATS),),
        {"axis": d.axis(x.ndim), "weights": d.array(x.shape, "positive", "float32")},
    ),
    lambda x, axis, weights: np.average(x, axis=axis, weights=weights),
    grad=True,
)
row(
    "logsumexp",
    lambda d: (
        (x := d.array(d.pick(*FULL), "real", FLOATS),),
        {"axis": d.axes(x.ndim), "keepdims": d.pick(False, True)},
    ),
    lambda x, axis, keepdims: sp.logsumexp(x, axis=axis, keepdims=keepdims),
    grad=True,
    floor=1.0,
    why="its largest term is of the order of one",
)
for _op in ("quantile", "percentile", "nanquantile", "nanpercentile"):
    _scale = 100 if "percentile" in _op else 1
    row(
        _op,
        lambda d, scale=_scale, op=_op: (
            (
                x := d.array(
                    d.pick((3, 4), (5,), (2, 3, 4)),
                    "gaps" if "nan" in op else "distinct",
                    ("float32", "float64"),
                ),
                d.pick(0.3 * scale, 0.85 * scale, 0.5 * scale),
            ),
            {
                "axis": d.axes(x.ndim),
                "method": d.pick("linear", "lower", "higher", "midpoint"),
                "keepdims": d.pick(False, True),
            },
        ),
        getattr(np, _op),
        floor=4.0,
        why="a difference of neighbours is weighted",
    )
row(
    "norm",
    lambda d: (
        (x := d.array(d.pick((3, 4), (5,), (2, 3, 4)), "nonzero", FLOATS),),
        {
            "ord": d.pick(None, 1, 2, np.inf),
            "axis": d.axis(x.ndim),
            "keepdims": d.pick(False, True),
        },
    ),
    np.linalg.norm,
    grad=True,
)
row(
    "norm",
    lambda d: (
        (d.array((3, 4), "nonzero", SINGLE),),
        {
            "ord": d.pick("fro", "nuc", 1, -1, 2, -2, np.inf),
            "axis": (0, 1),
            "keepdims": d.pick(False, True),
        },
    ),
    np.linalg.norm,
    label="matrix",
    unknown="none",
    factor=4.0,
    why="singular values come of an iteration; sizes of matrices must be known",
)
row(
    "trace",
    lambda d: (
        (d.array(d.pick((3, 4), (4, 4), (2, 3, 3)), "real", NUMBERS),),
        {"offset": d.pick(0, 1, -1)},
    ),
    np.trace,
    grad=True,
)
row(
    "searchsorted",
    lambda d: (
        (
            np.sort(d.array((5,), "distinct", "float32")),
            d.array(d.pick((4,), (2, 3), ()), "off_integers", "float32"),
        ),
        {"side": d.pick("left", "right")},
    ),
    np.searchsorted,
)
row(
    "digitize",
    lambda d: (
        (
            d.array(d.pick((4,), (2, 3)), "off_integers", "float32"),
            np.sort(d.array((5,), "distinct", "float32")),
        ),
        {},
    ),
    np.digitize,
)
row(
    "isin",
    lambda d: (
        (d.ints(d.pick((3, 4), (5,), ()), 0, 6), d.ints((3,), 0, 6)),
        {"invert": d.pick(False, True)},
    ),
    np.isin,
)
row(
    "corrcoef",
    lambda d: ((d.array((3, 8), "real", "float32"),), {}),
    np.corrcoef,
    grad=True,
    floor=1.0,
    why="means are subtracted",
)
row(
    "trapezoid",
    lambda d: (
        (x := d.array(d.pick((3, 5), (5,)), "real", FLOATS),),
        {"dx": d.pick(1.0, 0.5), "axis": d.axis(x.ndim)},
    ),
    np.trapezoid,
    grad=True,
)
row(
    "correlate",
    lambda d: (
        (
            d.array(d.pick((7,), (3,)), "real", "float32"),
            d.array(d.pick((3,), (4,)), "real", "float32"),
        ),
        {"mode": d.pick("valid", "same", "full")},
    ),
    np.correlate,
    grad=True,
    unknown="none",
    why="which operand is the longer decides the order",
)
row(
    "histogram",
    lambda d: ((d.array((20,), "real", "float32"),), {"bins": d.pick(4, 7), "range": (-3.0, 3.0)}),
    np.histogram,
    factor=2.0,
)
