"""Rows of products and linear algebra."""

from __future__ import annotations

import numpy as np
from drawing import FLOATS, NUMBERS, SINGLE, row

_KNOWN = "the sizes of matrices that are solved must be known"


def product(op, reference, shapes, dtypes=NUMBERS, **options):
    def call(d):
        one, two = d.pick(*shapes)
        first = d.pick(*dtypes)
        return (d.array(one, "real", first), d.array(two, "real", d.pick(first, *dtypes))), {}

    row(
        op,
        call,
        reference,
        **{"grad": True, "floor": 16.0, "why": "a sum of products rounds by its largest terms"}
        | options,
    )


product(
    "matmul",
    np.matmul,
    (
        ((3, 4), (4, 5)),
        ((4,), (4, 2)),
        ((2, 3, 4), (4,)),
        ((2, 1, 3, 4), (5, 4, 2)),
        ((4,), (4,)),
        ((0, 4), (4, 2)),
        ((3, 0), (0, 2)),
    ),
)
product(
    "dot", np.dot, (((3, 4), (4, 2)), ((4,), (4,)), ((2, 3, 4), (4,)), ((), (3,)), ((2, 3), ()))
)
product("vdot", lambda a, b: np.vdot(a, b), (((4,), (4,)), ((2, 3), (2, 3))))
product("inner", np.inner, (((4,), (4,)), ((2, 3), (4, 3)), ((2, 3), (3,))))
product("outer", np.outer, (((3,), (4,)), ((2, 2), (3,)), ((0,), (2,))))
product("kron", np.kron, (((2, 3), (2, 2)), ((3,), (2, 2)), ((2,), (3,))))
product(
    "cross",
    np.cross,
    (((5, 3), (5, 3)), ((3,), (3,)), ((2, 1, 3), (4, 3))),
    FLOATS,
    unknown="leading",
    why="the number of components decides the rank",
)
row(
    "tensordot",
    lambda d: (
        (
            d.array((2, 3, 4), "real", FLOATS),
            d.array((4, 3, 5), "real", "float32"),
            d.pick([[2, 1], [0, 1]], [[1], [1]], 1),
        ),
        {},
    ),
    np.tensordot,
    grad=True,
    floor=16.0,
    why="as matmul",
)
row(
    "einsum",
    lambda d: (
        (
            d.pick("bij,bjk->bik", "bij,bjk->ik", "bij,bjk->kib", "bij,bjk"),
            d.array((2, 3, 4), "real", FLOATS),
            d.array((2, 4, 5), "real", "float32"),
        ),
        {},
    ),
    np.einsum,
    grad=True,
    floor=16.0,
    why="as matmul",
)
row(
    "linear",
    lambda d: (
        (
            d.array(d.pick((3, 4), (2, 3, 4), (0, 4)), "real", (t := d.pick(*FLOATS))),
            d.array((4, 5), "real", t),
            d.array((5,), "real", t),
        ),
        {},
    ),
    lambda x, k, b: x @ k + b,
    grad=True,
    floor=16.0,
    why="as matmul",
)
row(
    "vander",
    lambda d: (
        (d.array((4,), "mild", FLOATS),),
        {"N": d.pick(3, None), "increasing": d.pick(False, True)},
    ),
    np.vander,
    grad=True,
    factor=4.0,
    unknown="none",
    why="powers; the length is the number of columns",
)


def _square(d, dtype=SINGLE):
    """Diagonally dominant, so well conditioned."""
    n, batch = d.pick(3, 4, 1), d.pick((), (2,))
    x = d.array((*batch, n, n), "unit", dtype)
    return (x + np.eye(n) * (n + 1)).astype(x.dtype)


def _positive(d):
    x = _square(d)
    return (x @ np.swapaxes(x, -1, -2)).astype(x.dtype)


def solved(op, call, reference, **options):
    row(
        op,
        call,
        reference,
        **{
            "grad": True,
            "unknown": "none",
            "factor": 4.0,
            "floor": 1.0,
            "why": "an elimination rounds at each of its steps; " + _KNOWN,
        }
        | options,
    )


solved("det", lambda d: ((_square(d),), {}), np.linalg.det)
solved("inv", lambda d: ((_square(d),), {}), np.linalg.inv)
solved(
    "slogdet", lambda d: ((_square(d) * d.pick(1, -1),), {}), lambda x: tuple(np.linalg.slogdet(x))
)
solved("logdet", lambda d: ((_positive(d),), {}), lambda x: np.linalg.slogdet(x)[1])
solved(
    "solve",
    lambda d: ((a := _square(d), d.array((*a.shape[:-1], 2), "real", a.dtype.name)), {}),
    np.linalg.solve,
)
solved(
    "solve_triangular",
    lambda d: (
        (a := _square(d), d.array((*a.shape[:-1], 2), "real", a.dtype.name)),
        {"lower": d.pick(False, True)},
    ),
    lambda a, b, lower: np.linalg.solve(np.tril(a) if lower else np.triu(a), b),
)


def _upper(fn):
    return lambda x, upper=False: np.swapaxes(fn(x), -1, -2) if upper else fn(x)


solved(
    "cholesky",
    lambda d: ((_positive(d),), {"upper": d.pick(False, True)}),
    _upper(np.linalg.cholesky),
    grad=False,
)
solved(
    "cholesky_inverse",
    lambda d: ((np.tril(_square(d)),), {}),
    lambda x: np.linalg.inv(x @ np.swapaxes(x, -1, -2)),
    grad=False,
)
solved(
    "pinv",
    lambda d: ((d.array((4, 3), "real", SINGLE) + np.eye(4, 3, dtype="float32") * 6,), {}),
    np.linalg.pinv,
)
solved(
    "lstsq",
    lambda d: (
        (
            d.array((5, 3), "real", "float32") + 6 * np.eye(5, 3, dtype="float32"),
            d.array(d.pick((5,), (5, 2)), "real", "float32"),
        ),
        {},
    ),
    lambda a, b: np.linalg.lstsq(a, b)[0],
)
solved("matrix_rank", lambda d: ((_square(d),), {}), np.linalg.matrix_rank, grad=False)
solved(
    "svd",
    lambda d: (
        (d.array(d.pick((3, 4), (4, 3), (2, 3, 3)), "real", SINGLE),),
        {"compute_uv": False},
    ),
    lambda x, compute_uv: np.linalg.svd(x, compute_uv=False),
)
solved(
    "svd",
    lambda d: ((d.array((4, 3), "real", SINGLE),), {"full_matrices": d.pick(False, True)}),
    lambda x, full_matrices: x,
    take=lambda out: [(out[0][..., : out[1].shape[-1]] * out[1]) @ out[2]],
    grad=False,
    label="vectors",
    floor=8.0,
    why="the product of the factors: their signs are free; " + _KNOWN,
)
solved(
    "eigh",
    lambda d: ((_positive(d),), {}),
    lambda x: x,
    take=lambda out: [(out[1] * out[0][..., None, :]) @ np.swapaxes(out[1], -1, -2)],
    grad=False,
    floor=8.0,
    why="the product of the factors: their signs are free; " + _KNOWN,
)
solved(
    "qr",
    lambda d: (
        (d.array(d.pick((4, 3), (3, 4), (3, 3)), "real", SINGLE),),
        {"mode": d.pick("reduced", "complete")},
    ),
    lambda x, mode: x,
    take=lambda out: [out[0] @ out[1]],
    grad=False,
    floor=8.0,
    why="the product of the factors: their signs are free; " + _KNOWN,
)
row(
    "cdist",
    lambda d: (
        (d.array(d.pick((5, 3), (2, 5, 3)), "real", SINGLE), d.array((4, 3), "real", "float32")),
        {},
    ),
    lambda x, y: np.sqrt(((x[..., :, None, :] - y[..., None, :, :]) ** 2).sum(-1)),
    grad=True,
    floor=4.0,
    why="differences cancel",
)


# ---- segments ------------------------------------------------------------------------------------
def _segments(reduce, empty):
    def reference(data, ids, num_segments):
        first = empty(data.dtype)
        out = np.full((num_segments, *data.shape[1:]), first, data.dtype)
        for i in range(num_segments):
            if (ids == i).any():
                out[i] = reduce(data[ids == i], axis=0)
        return out

    return reference


for _name, _reduce, _empty in (
    ("sum", np.sum, lambda t: 0),
    ("prod", np.prod, lambda t: 1),
    ("max", np.max, lambda t: -np.inf),
    ("min", np.min, lambda t: np.inf),
):
    row(
        f"segment_{_name}",
        lambda d: (
            (d.array(d.pick((6,), (6, 2)), "distinct", "float32"), d.ints((6,), -1, 5)),
            {"num_segments": d.pick(4, 7)},
        ),
        _segments(_reduce, _empty),
        grad=_name in ("sum", "prod"),
        why="ids out of range are left out; an infinite result of an empty segment has no difference",
    )
    row(
        f"segment_{_name}",
        lambda d: (
            (
                d.array(d.pick((6,), (6, 2)), "distinct", "float32"),
                d.rng.permutation([0, 1, 2, 2, 1, 0]).astype("int32"),
            ),
            {"num_segments": 3},
        ),
        _segments(_reduce, _empty),
        grad=True,
        label="full",
        why="distinct: no ties",
    )
