"""Rows of products and of linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kdist.backend.tensorflow.tensors import Tensor, as_tensor, normalize_axis, promote, to_float
from kdist.core import tree

# MatMul has kernels for these; other integers are multiplied as int32 or int64.
_MATMUL = frozenset(
    {"float16", "bfloat16", "float32", "float64", "int32", "int64", "complex64", "complex128"}
)


def _computable(xs: list) -> tuple[list, str]:
    """Operands in a dtype that MatMul takes, and the dtype of the result."""
    name = xs[0].dtype.name
    if name in _MATMUL:
        return xs, name
    return [tf.cast(x, tf.int64 if name in ("uint32", "uint64") else tf.int32) for x in xs], name


def _product(x1: Any, x2: Any) -> Any:
    """`numpy.matmul` of two tensors of one dtype."""
    r1, r2 = x1.shape.rank, x2.shape.rank
    if r1 == 0 or r2 == 0:
        raise ValueError(
            f"matmul needs at least one dim each, and received shapes {tuple(x1.shape)} and {tuple(x2.shape)}."
        )
    if r2 == 1:
        return tf.linalg.matvec(x1, x2) if r1 > 1 else tf.reduce_sum(x1 * x2)
    if r1 == 1:
        return tf.linalg.matvec(x2, x1, transpose_a=True)
    if r2 == 2 and r1 > 2:
        # One large product instead of a batch of small ones.
        return tf.tensordot(x1, x2, axes=[[-1], [0]])
    return tf.matmul(x1, x2)


def matmul(x1: Any, x2: Any) -> Any:
    both_int8 = getattr(x1, "dtype", None) == getattr(x2, "dtype", None) == "int8"
    if not (isinstance(x1, Tensor) and isinstance(x2, Tensor) and x1.dtype == x2.dtype):
        x1, x2 = promote(x1, x2)
    if x1.dtype.is_floating:
        return _product(x1, x2)
    if both_int8:  # accumulated and returned in 32 bits, as jax does
        return _product(tf.cast(x1, tf.int32), tf.cast(x2, tf.int32))
    (x1, x2), name = _computable([x1, x2])
    return as_tensor(_product(x1, x2), name)


def dot(x1: Any, x2: Any) -> Any:
    (x1, x2), name = _computable(promote(x1, x2))
    if x1.shape.rank == 0 or x2.shape.rank == 0:
        out = x1 * x2
    else:
        out = tf.tensordot(x1, x2, axes=[[-1], [-1 if x2.shape.rank == 1 else -2]])
    return as_tensor(out, name)


def vdot(x1: Any, x2: Any) -> Any:
    (x1, x2), name = _computable(promote(x1, x2))
    return as_tensor(tf.reduce_sum(tf.math.conj(tf.reshape(x1, [-1])) * tf.reshape(x2, [-1])), name)


def outer(x1: Any, x2: Any) -> Any:
    x1, x2 = promote(x1, x2)
    return tf.reshape(x1, [-1, 1]) * tf.reshape(x2, [1, -1])


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    (x1, x2), name = _computable(promote(x1, x2))
    return as_tensor(tf.tensordot(x1, x2, axes=axes), name)


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    xs = [as_tensor(x) for x in operands]
    if any(x.dtype != xs[0].dtype for x in xs):
        xs = promote(*xs)
    all_int8 = xs[0].dtype == tf.int8
    xs, name = _computable(xs)
    inputs, arrow, kept = subscripts.replace(" ", "").partition("->")
    if not arrow:  # TensorFlow forgets the dots of several operands
        letters = inputs.replace("...", "").replace(",", "")
        kept = "".join(c for c in sorted(set(letters)) if letters.count(c) == 1)
        kept = f"...{kept}" if "..." in inputs else kept
    if "..." in inputs and "..." not in kept:
        # What the dots stand for is summed, as on the other backends; TensorFlow refuses to.
        out = tf.einsum(f"{inputs}->...{kept}", *xs, **kwargs)
        out = tf.reduce_sum(out, list(range(out.shape.rank - len(kept))))
    else:
        out = tf.einsum(f"{inputs}->{kept}", *xs, **kwargs)
    return out if all_int8 else as_tensor(out, name)


def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    x1, x2 = promote(x1, x2)
    if axis is not None:
        axisa = axisb = axisc = axis
    last = lambda x, a: (
        x
        if normalize_axis(a, x.shape.rank) == x.shape.rank - 1
        else tf.experimental.numpy.moveaxis(x, a, -1)
    )
    a, b = last(x1, axisa), last(x2, axisb)
    for name, x in (("x1", a), ("x2", b)):
        if x.shape[-1] not in (2, 3):
            raise ValueError(
                f"cross needs vectors of 2 or 3 elements, and {name} has {x.shape[-1]}."
            )
    planar = a.shape[-1] == 2 and b.shape[-1] == 2
    zero = lambda x: tf.zeros_like(x[..., 0])
    a1, a2, a3 = a[..., 0], a[..., 1], a[..., 2] if a.shape[-1] == 3 else zero(a)
    b1, b2, b3 = b[..., 0], b[..., 1], b[..., 2] if b.shape[-1] == 3 else zero(b)
    if planar:
        return a1 * b2 - a2 * b1
    out = tf.stack([a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1], axis=-1)
    return (
        out
        if normalize_axis(axisc, out.shape.rank) == out.shape.rank - 1
        else tf.experimental.numpy.moveaxis(out, -1, axisc)
    )


def cholesky(x: Any, upper: bool = False) -> Any:
    try:  # TensorFlow itself gives NaN for a matrix that has no factor
        out = tf.linalg.cholesky(to_float(x))
        parts = (tf.math.real(out), tf.math.imag(out)) if out.dtype.is_complex else (out,)
        parts = [tf.debugging.check_numerics(part, "cholesky") for part in parts]
        out = tf.complex(*parts) if len(parts) == 2 else parts[0]
    except tf.errors.InvalidArgumentError as e:
        raise ValueError("cholesky failed: x is not positive definite.") from e
    return tf.linalg.adjoint(out) if upper else out


def qr(x: Any, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "complete"):
        raise ValueError(f"mode={mode!r} is not 'reduced' or 'complete'.")
    return tuple(tf.linalg.qr(to_float(x), full_matrices=mode == "complete"))


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    x = to_float(x)
    if not compute_uv:
        return tf.linalg.svd(x, compute_uv=False)
    s, u, v = tf.linalg.svd(x, full_matrices=full_matrices)
    return u, s, tf.linalg.adjoint(v)


def solve(a: Any, b: Any) -> Any:
    a, b = promote(a, b, also=float)
    if b.shape.rank == a.shape.rank - 1:
        return tf.squeeze(tf.linalg.solve(a, b[..., None]), -1)
    return tf.linalg.solve(a, b)


def linear(x: Any, kernel: Any, bias: Any = None) -> Any:
    """`x @ kernel + bias`; kernel (in, out)."""
    out = matmul(x, kernel)
    return (
        out
        if bias is None
        else tf.nn.bias_add(out, as_tensor(bias, out.dtype.name))
        if out.shape.rank and out.shape.rank > 1 and len(getattr(bias, "shape", ())) == 1
        else out + as_tensor(bias, out.dtype.name)
    )


def embedding_lookup(table: Any, ids: Any) -> Any:
    ids = as_tensor(ids)
    return tf.gather(
        as_tensor(table), ids if ids.dtype in (tf.int32, tf.int64) else tf.cast(ids, tf.int32)
    )


def slogdet(x: Any) -> tuple:
    sign, logarithm = tf.linalg.slogdet(to_float(x))
    return sign, tf.math.real(logarithm)


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    a, b = promote(a, b, also=float)
    if b.shape.rank == a.shape.rank - 1:
        return tf.squeeze(tf.linalg.triangular_solve(a, b[..., None], lower=lower), -1)
    return tf.linalg.triangular_solve(a, b, lower=lower)


def lu_factor(x: Any) -> Any:
    x = to_float(x)
    if x.shape[-1] != x.shape[-2]:
        return _eliminate(x)
    lu, rows = tf.linalg.lu(x)
    return lu, _pivots(rows)


def _eliminate(x: Any) -> tuple:
    """LU factors column by column (Golub and Van Loan 2013, algorithm 3.4.1): TensorFlow's kernel
    takes square matrices alone."""
    m, n = x.shape[-2:]
    row, column = tf.range(m)[:, None], tf.range(n)

    def step(i: Any, a: Any, found: Any) -> tuple:
        size = tf.where(row[:, 0] >= i, tf.abs(a[..., i]), -1)
        pivot = tf.argmax(size, axis=-1, output_type=tf.int32)
        best = tf.gather(a, pivot[..., None], axis=-2, batch_dims=x.shape.rank - 2)
        here, chosen = a[..., i, None, :], pivot[..., None, None]
        a = tf.where(row == i, best, tf.where(row == chosen, here, a))
        factors = tf.math.divide_no_nan(a[..., i, None], best[..., i, None])
        rest = tf.where(column > i, a - factors * best, tf.where(column == i, factors, a))
        return i + 1, tf.where(row > i, rest, a), found.write(i, pivot)

    count = min(m, n)
    found = tf.TensorArray(tf.int32, size=count, element_shape=x.shape[:-2])
    _, lu, found = tf.while_loop(lambda i, *_: i < count, step, (tf.constant(0), x, found))
    return lu, _last(found.stack())


def _last(x: Any) -> Any:
    """The first axis last."""
    return tf.transpose(x, [*range(1, x.shape.rank), 0])


def _pivots(rows: Any) -> Any:
    """The exchanges of rows, one after the other, that bring them into the order `rows` (..., n)."""
    n = rows.shape[-1]
    start = tf.broadcast_to(tf.range(n, dtype=rows.dtype), tf.shape(rows))
    found = tf.TensorArray(rows.dtype, size=n, element_shape=rows.shape[:-1])

    def exchange(i: Any, order: Any, found: Any) -> tuple:
        wanted = rows[..., i, None]
        here = tf.argmax(tf.equal(order, wanted), axis=-1, output_type=rows.dtype)[..., None]
        displaced, place = order[..., i, None], tf.range(n, dtype=rows.dtype)
        order = tf.where(
            tf.equal(place, i), wanted, tf.where(tf.equal(place, here), displaced, order)
        )
        return i + 1, order, found.write(i, here[..., 0])

    found = tf.while_loop(lambda i, *_: i < n, exchange, (tf.constant(0), start, found))[2]
    return _last(found.stack())


def pinv(x: Any, rcond: Any = None) -> Any:
    x = to_float(x)
    eps = np.finfo(x.dtype.real_dtype.as_numpy_dtype).eps
    rcond = max(x.shape[-2:]) * eps if rcond is None else rcond
    if not x.dtype.is_complex:
        return tf.linalg.pinv(x, rcond=rcond)
    s, u, v = tf.linalg.svd(x, full_matrices=False)  # TensorFlow's own takes no complex values
    least = rcond * tf.reduce_max(s, axis=-1, keepdims=True)
    inverse = tf.where(s > least, 1 / tf.where(s > least, s, 1), 0)
    return tf.matmul(v * tf.cast(inverse[..., None, :], x.dtype), u, adjoint_b=True)


def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    primals = tuple(as_tensor(p) for p in primals)
    tangents = tuple(as_tensor(t, p.dtype.name) for p, t in zip(primals, tangents, strict=True))
    with tf.autodiff.ForwardAccumulator(primals, tangents) as forward:
        out = fun(*primals)
        value, aux = out if has_aux else (out, None)
        zero = tf.UnconnectedGradients.ZERO
        derivative = tree.map_structure(lambda v: forward.jvp(v, zero), value)
    return (value, derivative, aux) if has_aux else (value, derivative)


OPS: dict[str, Callable] = {
    "eig": lambda x: tuple(tf.linalg.eig(to_float(x))),
    "eigh": lambda x: tuple(tf.linalg.eigh(to_float(x))),
    "jvp": jvp,
    "lu_factor": lu_factor,
    "pinv": pinv,
    "slogdet": slogdet,
    "solve_triangular": solve_triangular,
    **{
        f.__name__: f
        for f in (
            matmul,
            dot,
            vdot,
            outer,
            tensordot,
            einsum,
            cross,
            cholesky,
            qr,
            svd,
            solve,
            linear,
            embedding_lookup,
        )
    },
    "det": lambda x: tf.linalg.det(to_float(x)),
    "inv": lambda x: tf.linalg.inv(to_float(x)),
}
