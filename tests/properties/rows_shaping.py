"""Rows of ops that shape, join, cut, index and create."""

from __future__ import annotations

import numpy as np
from drawing import ANY, FLOATS, NUMBERS, SHAPES, row

BOXES = ((3, 4), (2, 3, 4), (5,), (0, 2), (2, 1, 3))
MATRICES = ((3, 4), (4, 4), (2, 3, 4), (1, 3), (0, 2))


def shaped(op, reference, rest, shapes=BOXES, **options):
    """`op(x, *rest)`, where rest(draw, x) draws further arguments."""

    def call(d):
        x = d.array(d.pick(*shapes), "real", ANY)
        args, kwargs = rest(d, x)
        return (x, *args), kwargs

    row(op, call, reference, **{"grad": True, **options})


_none = lambda d, x: ((), {})
shaped("ravel", np.ravel, _none, SHAPES)
shaped(
    "transpose",
    np.transpose,
    lambda d, x: ((), {"axes": d.pick(None, tuple(d.rng.permutation(x.ndim).tolist()))}),
    SHAPES,
)
shaped(
    "reshape",
    np.reshape,
    lambda d, x: ((d.pick((-1,), (x.size,), (1, x.size), (*x.shape, 1), (*x.shape[::-1],)),), {}),
    ((3, 4), (2, 3, 4), (5,), (), (1,)),
    unknown="leading",
    why="the target is of known sizes",
)
shaped("swapaxes", np.swapaxes, lambda d, x: ((d.axis(x.ndim), d.axis(x.ndim)), {}))
shaped("moveaxis", np.moveaxis, lambda d, x: ((d.axis(x.ndim), d.axis(x.ndim)), {}))
shaped("expand_dims", np.expand_dims, lambda d, x: ((d.between(-x.ndim - 1, x.ndim),), {}), SHAPES)
shaped(
    "squeeze",
    np.squeeze,
    lambda d, x: ((), {"axis": d.pick(1, -2)}),
    ((2, 1, 3), (3, 1, 1), (0, 1, 2)),
    unknown="leading",
    why="a dim that is squeezed is known to be 1",
)
shaped(
    "broadcast_to",
    np.broadcast_to,
    lambda d, x: (
        (d.pick((2, *x.shape), x.shape, tuple(4 if n == 1 else n for n in x.shape)),),
        {},
    ),
    ((1, 3), (3, 1), (4,), (), (2, 1, 3)),
    unknown="leading",
    why="the target is of known sizes",
)
shaped("flip", np.flip, lambda d, x: ((), {"axis": d.axes(x.ndim)}), SHAPES)
shaped("flipud", np.flipud, _none, MATRICES)
shaped("fliplr", np.fliplr, _none, MATRICES)
shaped(
    "rot90",
    np.rot90,
    lambda d, x: ((), {"k": d.between(-3, 5), "axes": d.pick((0, 1), (1, 0), (-1, -2))}),
    MATRICES,
)
shaped(
    "roll",
    np.roll,
    lambda d, x: ((d.pick(1, -2, 7),), {"axis": d.pick(None, d.axis(x.ndim))}),
)
shaped(
    "repeat", np.repeat, lambda d, x: ((d.pick(1, 2, 3),), {"axis": d.pick(None, d.axis(x.ndim))})
)
shaped("tile", np.tile, lambda d, x: ((d.pick(2, (2,), (2, 1), (1, 2, 3)),), {}), SHAPES)
shaped(
    "pad",
    np.pad,
    lambda d, x: (
        (tuple((d.between(0, 2), d.between(0, 2)) for _ in x.shape),),
        {"mode": "constant"},
    ),
)
shaped(
    "pad",
    np.pad,
    lambda d, x: (
        (tuple((d.between(0, 1), d.between(0, 1)) for _ in x.shape),),
        {"mode": d.pick("reflect", "symmetric")},
    ),
    ((3, 4), (2, 3, 4), (5,)),
    label="reflect",
)
for _op in ("tril", "triu"):
    shaped(_op, getattr(np, _op), lambda d, x: ((), {"k": d.between(-2, 2)}), MATRICES)
shaped("diag", np.diag, lambda d, x: ((), {"k": d.between(-1, 1)}), ((3, 4), (4, 4), (3,), (1,)))
shaped("diagflat", np.diagflat, lambda d, x: ((), {"k": d.between(-1, 1)}), ((2, 2), (3,), (1,)))
shaped(
    "diagonal",
    np.diagonal,
    lambda d, x: ((), {"offset": d.between(-1, 1), "axis1": d.pick(0, -1), "axis2": 1}),
    ((3, 4, 2), (4, 4, 3)),
)
shaped(
    "split",
    np.split,
    lambda d, x: ((d.pick(2, (1, 3), (1,), (-1,), (3, 1), (-9, 2, 9)),), {"axis": d.pick(0, -1)}),
    ((4, 6), (4,), (4, 3, 2)),
    unknown="none",
    why="parts of an unknown size have no size",
)
shaped(
    "array_split",
    np.array_split,
    lambda d, x: ((d.pick(2, 3, (1, 3)),), {"axis": d.axis(x.ndim)}),
    ((4, 5), (7,), (3, 4, 2)),
    unknown="none",
    why="parts of an unknown size differ",
)
shaped(
    "vsplit",
    np.vsplit,
    lambda d, x: ((d.pick(2, (1, 3)),), {}),
    ((4, 3), (4, 2, 1)),
    unknown="none",
    why="as split",
)
shaped(
    "hsplit",
    np.hsplit,
    lambda d, x: ((d.pick(2, (1, 3)),), {}),
    ((3, 4), (4,), (2, 6, 1)),
    unknown="none",
    why="as split",
)
shaped(
    "dsplit",
    np.dsplit,
    lambda d, x: ((d.pick(2, (1, 3)),), {}),
    ((2, 3, 4),),
    unknown="none",
    why="as split",
)
shaped(
    "unstack",
    lambda x, axis: [np.take(x, i, axis) for i in range(x.shape[axis])],
    lambda d, x: ((), {"axis": d.axis(x.ndim)}),
    ((3, 4), (2, 3, 4)),
    unknown="none",
    why="the number of outputs is the size",
)
for _op in ("zeros_like", "ones_like"):
    shaped(_op, getattr(np, _op), _none, SHAPES, grad=False)
shaped("full_like", np.full_like, lambda d, x: ((1,), {}), SHAPES, grad=False)
_KEYS = (
    lambda x: 0,
    lambda x: slice(None, None, 2),
    lambda x: (Ellipsis, -1),
    lambda x: (slice(1, None), None),
    lambda x: (None, Ellipsis, slice(0, 2)),
    lambda x: slice(-2, None),
)
shaped(
    "get_item",
    lambda x, key: x[key],
    lambda d, x: ((d.pick(*_KEYS)(x),), {}),
    ((3, 4), (2, 3, 4), (5,)),
)
row(
    "rearrange",
    lambda d: (
        (
            d.array((2, 6, 4), "real", FLOATS),
            d.pick("a (b c) d -> a b c d", "a (b c) d -> c (a d) b"),
        ),
        {"b": 3},
    ),
    lambda x, p, b: (
        x.reshape(2, 3, 2, 4)
        if p.endswith("b c d")
        else x.reshape(2, 3, 2, 4).transpose(2, 0, 3, 1).reshape(2, 8, 3)
    ),
    grad=True,
    unknown="none",
    why="the sizes of what is taken apart",
)


def joined(op, reference, shapes, axis=False, **options):
    def call(d):
        chosen, dtypes = (
            d.pick(*shapes),
            d.pick(
                ("float32",),
                ("int32",),
                ("float32", "int8"),
                ("bfloat16", "float16"),
                ("bool", "uint8"),
            ),
        )
        xs = [d.array(s, "real", dtypes[i % len(dtypes)]) for i, s in enumerate(chosen)]
        return (xs,), ({"axis": d.axis(len(chosen[0]))} if axis else {})

    row(op, call, reference, grad=True, **options)


_same = (((2, 3), (2, 3)), ((3,), (3,), (3,)), ((2, 3, 1), (2, 3, 1)), ((0, 2), (0, 2)))
joined("concatenate", np.concatenate, _same, axis=True)
joined("stack", np.stack, _same, axis=True)
joined("vstack", np.vstack, (*_same, ((3,), (2, 3))))
joined("hstack", np.hstack, (*_same, ((2, 1), (2, 3))))
joined("dstack", np.dstack, _same)
row(
    "append",
    lambda d: (
        (d.array((2, 3), "real", NUMBERS), d.array((1, 3), "real", NUMBERS)),
        {"axis": d.pick(0, None)},
    ),
    np.append,
    grad=True,
)
row(
    "where",
    lambda d: (
        (
            d.array(d.pick((3, 4), (4,), ()), dtype="bool"),
            d.array(d.pick((3, 4), (3, 1), ()), "real", ANY),
            d.array((4,), "real", ANY),
        ),
        {},
    ),
    np.where,
    grad=True,
)
row(
    "select",
    lambda d: (
        (
            [d.array((3, 4), dtype="bool"), d.array((3, 4), dtype="bool")],
            [d.array((3, 4), "real", "float32"), d.array((4,), "real", "float32")],
            0.5,
        ),
        {},
    ),
    np.select,
    unknown="leading",
    why="of sizes that broadcast, few can be unknown",
    grad=True,
)
row(
    "meshgrid",
    lambda d: (
        (
            d.array((3,), "real", (t := d.pick(*FLOATS))),
            d.array(d.pick((2,), (1,), (0,)), "real", t),
        ),
        {"indexing": d.pick("xy", "ij")},
    ),
    np.meshgrid,
)
row(
    "take",
    lambda d: (
        (
            x := d.array(d.pick((3, 4), (5,), (3, 4, 3)), "real", ANY),
            d.ints(d.pick((2, 2), (3,), (), (0,)), -3, 3),
        ),
        {"axis": d.pick(d.axis(x.ndim), None)},
    ),
    np.take,
    grad=True,
)
row(
    "take_along_axis",
    lambda d: (
        (x := d.array(d.pick((3, 4), (3, 3, 3)), "real", ANY), d.ints((*x.shape[:-1], 2), -3, 3)),
        {"axis": -1},
    ),
    np.take_along_axis,
    grad=True,
)
row(
    "embedding_lookup",
    lambda d: ((d.array((5, 3), "real", FLOATS), d.ints(d.pick((2, 2), (4,)), 0, 5)), {}),
    lambda t, i: t[i],
    grad=True,
)


def _one_hot(x, n, axis=-1):
    out = (x[..., None] == np.arange(n)).astype(float)
    return np.moveaxis(out, -1, axis)


row(
    "one_hot",
    lambda d: ((d.ints(d.pick((4,), (2, 3), (), (0,)), -1, 5), 4), {"axis": d.pick(-1, 0)}),
    _one_hot,
)
row(
    "multi_hot",
    lambda d: ((d.ints(d.pick((2, 3), (3, 1)), 0, 4), 4), {}),
    lambda x, n: _one_hot(x, n).max(-2),
)
row(
    "top_k",
    lambda d: (
        (d.array(d.pick((3, 4), (5,), (2, 2, 6)), "distinct", (*FLOATS, "int32")), d.pick(1, 3)),
        {},
    ),
    lambda x, k: (np.flip(np.sort(x), -1)[..., :k], np.flip(np.argsort(x), -1)[..., :k]),
    why="no ties",
)
row(
    "in_top_k",
    lambda d: ((d.ints((4,), 0, 5), d.array((4, 5), "distinct", "float32"), d.pick(1, 2, 4)), {}),
    lambda t, p, k: (p > p[np.arange(4), t][:, None]).sum(1) < k,
)
row(
    "unravel_index",
    lambda d: ((d.ints(d.pick((4,), (2, 2)), 0, 24), d.pick((2, 3, 4), (4, 6))), {}),
    np.unravel_index,
)
row(
    "slice",
    lambda d: ((d.array((4, 5), "real", ANY), d.pick((1, 2), (0, 0)), d.pick((2, 3), (3, 1))), {}),
    lambda x, s, n: x[s[0] : s[0] + n[0], s[1] : s[1] + n[1]],
    grad=True,
)


def _updated(x, start, update):
    out = x.copy()
    out[tuple(slice(s, s + n) for s, n in zip(start, update.shape, strict=True))] = update
    return out


def _added(indices, values, shape):
    out = np.zeros(shape, values.dtype)
    np.add.at(out, tuple(np.moveaxis(indices, -1, 0)), values)
    return out


_REDUCE = {"add": np.add.at, "max": np.maximum.at, "min": np.minimum.at, "mul": np.multiply.at}


def _scattered(x, indices, updates, reduction=None):
    out, at = x.copy(), tuple(np.moveaxis(indices, -1, 0))
    if reduction is None:
        out[at] = updates
    else:
        _REDUCE[reduction](out, at, updates)
    return out


row(
    "slice_update",
    lambda d: (
        (
            d.array((4, 5), "real", (dtype := d.pick("float32", "int32", "float16"))),
            d.pick((1, 2), (0, 0)),
            d.array((2, 3), "real", dtype),
        ),
        {},
    ),
    _updated,
    grad=True,
)
row(
    "scatter",
    lambda d: (
        (d.ints((6, 2), 0, 3), d.array((6,), "real", ("float32", "int32", "float64")), (3, 4)),
        {},
    ),
    _added,
    grad=True,
)
row(
    "scatter_update",
    lambda d: (
        (
            d.array((5, 2), "distinct", (dtype := d.pick("float32", "int32", "float64"))),
            d.rng.permutation(5)[:3, None].astype("int32"),
            d.array((3, 2), "off_integers", dtype),
        ),
        {"reduction": d.pick(None, "add", "max", "min", "mul")},
    ),
    _scattered,
    grad=True,
)

# ---- created -------------------------------------------------------------------------------------
for _op in ("zeros", "ones"):
    row(
        _op,
        lambda d: (
            (d.pick((2, 3), (), (0, 2)), d.pick("float32", "int32", "bool", "bfloat16")),
            {},
        ),
        lambda shape, t, name=_op: getattr(np, name)(shape),
    )
row(
    "full",
    lambda d: ((d.pick((2, 3), (), (0, 2)), d.pick(2, 3.0)), {"dtype": d.pick("float32", "int8")}),
    lambda s, v, dtype: np.full(s, v, dtype),
)
row("eye", lambda d: ((d.pick(3, 1, 0), d.pick(None, 4)), {"k": d.between(-2, 2)}), np.eye)
row("identity", lambda d: ((d.pick(3, 1, 0),), {}), np.identity)
row("tri", lambda d: ((d.pick(3, 1), d.pick(None, 4)), {"k": d.between(-2, 2)}), np.tri)
row(
    "arange",
    lambda d: (
        (d.between(-2, 2), d.between(3, 9), d.pick(1, 2, 3)),
        {"dtype": d.pick("int32", "float32")},
    ),
    lambda a, b, c, dtype: np.arange(a, b, c),
)
row(
    "linspace",
    lambda d: (
        (
            d.array(d.pick((), (3,)), "real", "float32"),
            d.array(d.pick((), (3,)), "real", "float32"),
        ),
        {"num": d.pick(5, 1, 2), "endpoint": d.pick(True, False)},
    ),
    np.linspace,
    floor=2.0,
    why="ends of either sign cancel between",
)
row(
    "logspace",
    lambda d: ((0.0, d.pick(1.0, 2.0)), {"num": d.pick(5, 1), "endpoint": d.pick(True, False)}),
    np.logspace,
    factor=8.0,
    why="ten to the power of a rounded number",
)
row(
    "geomspace",
    lambda d: ((1.0, d.pick(10.0, 1000.0)), {"num": d.pick(5, 2), "endpoint": d.pick(True, False)}),
    np.geomspace,
    factor=8.0,
    why="as logspace",
)
for _op in ("bartlett", "blackman", "hamming", "hanning"):
    row(
        _op,
        lambda d: ((d.pick(7, 1, 4),), {}),
        getattr(np, _op),
        floor=1.0,
        why="sums of cosines that cancel at the ends",
    )
row(
    "kaiser",
    lambda d: ((d.pick(7, 1, 4), d.pick(0.0, 6.0)), {}),
    np.kaiser,
    floor=1.0,
    factor=4.0,
    why="a quotient of Bessel functions",
)
