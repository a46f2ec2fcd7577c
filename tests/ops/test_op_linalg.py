"""Decompositions up to their signs, forward derivatives, round trips, and what bad input gives."""

from __future__ import annotations

import numpy as np
import pytest
from test_op_values import gradient

from kdist import ops
from kdist.backend import bound as backend
from kdist.core.graph import KerasTensor


def draw(*shape):
    return np.random.default_rng(2).normal(size=shape).astype("float32")


def host(x):
    return backend.convert_to_numpy(x)


def test_eig():
    x = draw(2, 4, 4)
    values, vectors = ops.eig(x)
    assert backend.dtype_of(values) == backend.dtype_of(vectors) == "complex64"
    values, vectors = host(values), host(vectors)
    np.testing.assert_allclose(x @ vectors, vectors * values[:, None], atol=1e-4)
    wanted = np.linalg.eigvals(x)
    np.testing.assert_allclose(np.sort_complex(values), np.sort_complex(wanted), atol=1e-4)


def test_eigh():
    x = draw(2, 4, 4)
    values, vectors = map(host, ops.eigh(x))
    wanted, _ = np.linalg.eigh(x)  # the lower triangle of it
    np.testing.assert_allclose(values, wanted, atol=1e-4)
    whole = np.tril(x) + np.swapaxes(np.tril(x, -1), -1, -2)
    np.testing.assert_allclose(whole @ vectors, vectors * values[:, None], atol=1e-4)


@pytest.mark.parametrize("op", ["eig", "eigh"])
def test_symbolic_eigenvalues(op):
    values, vectors = getattr(ops, op)(KerasTensor((None, 3, 3)))
    kind = "complex64" if op == "eig" else "float32"
    assert (values.shape, values.dtype) == ((None, 3), kind)
    assert (vectors.shape, vectors.dtype) == ((None, 3, 3), kind)


def test_jvp():
    x, t = draw(3), draw(3)
    value, derivative = ops.jvp(ops.exp, (x,), (t,))
    np.testing.assert_allclose(host(value), np.exp(x), rtol=1e-5)
    np.testing.assert_allclose(host(derivative), np.exp(x) * t, rtol=1e-5)
    value, derivative, aux = ops.jvp(lambda a, b: (a * b, {"sum": a + b}), (x, t), (t, x), True)
    np.testing.assert_allclose(host(derivative), t * t + x * x, rtol=1e-5)
    np.testing.assert_allclose(host(aux["sum"]), x + t, rtol=1e-5)
    specs = ops.jvp(ops.exp, (KerasTensor((None, 2)),), (KerasTensor((None, 2)),))
    assert [s.shape for s in specs] == [(None, 2)] * 2


@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan(reverse):
    x = draw(3, 7)
    wanted = np.cumsum(x[:, ::-1], 1)[:, ::-1] if reverse else np.cumsum(x, 1)
    got = ops.associative_scan(lambda a, b: a + b, ops.array(x), reverse=reverse, axis=1)
    np.testing.assert_allclose(host(got), wanted, rtol=1e-4, atol=1e-5)
    assert ops.associative_scan(ops.add, KerasTensor((3, None)), axis=1).shape == (3, None)


def test_gradient_through_a_spectrum():
    """sum |rfft(x)|^2 over all frequencies is N sum x^2 (Parseval), and so is its gradient."""
    x = draw(8)

    def energy(v):
        real, imag = ops.rfft(v)
        twice = np.float32([1, 2, 2, 2, 1])  # the negative frequencies are the others' mirror
        return ops.sum(ops.multiply(real * real + imag * imag, twice))

    np.testing.assert_allclose(gradient(energy, x), 16 * x, rtol=1e-4)


def test_gradient_through_stft_and_back():
    x, weights = draw(32), draw(32)
    restored = lambda v: ops.istft(ops.stft(v, 8, 2, 8), 8, 2, 8)
    np.testing.assert_allclose(
        gradient(lambda v: ops.sum(ops.multiply(restored(v), weights)), x),
        weights,
        rtol=1e-3,
        atol=1e-4,
    )


def test_gradient_of_no_distance():
    x = draw(3, 2)
    assert np.isfinite(gradient(lambda v: ops.sum(ops.cdist(v, v)), x)).all()


def test_gradient_of_products_with_zeros():
    """Of each factor it is the product of the others, also where one of them is 0."""
    x, ids = np.float32([2, 0, 3, 0, 0, 5, 7]), np.int32([0, 1, 1, 2, 2, -1, 9])
    got = gradient(lambda v: ops.sum(ops.segment_prod(v, ids, 3)), x)
    np.testing.assert_allclose(got, [1, 3, 0, 0, 0, 0, 0])


X = draw(2, 3)
BAD = {
    "det": ((X,), "square matrices.*(2, 3)"),
    "cholesky_inverse": ((X[0],), "at least 2 axes.*(3,)"),
    "solve": ((X[:, :2], draw(3)), "b must be .*(3,)"),
    "solve_triangular": ((X, X), "square matrices"),
    "pinv": ((X[0],), "pinv: x must have at least 2"),
    "lstsq": ((X, draw(3)), "same n"),
    "cdist": ((X, X[:, :2]), "one size"),
    "segment_min": ((X, np.int32([0, 1, 1])), "same leading dimension"),
    "fft": ((X,), "tuple of two tensors"),
    "ifft2": (((X, X[:1]),), "same shape"),
    "irfft": (((X.astype("int32"), X),), "must be floats"),
    "stft": ((X, 4, 0, 4), "positive integer"),
    "view_as_complex": ((X,), "size 2"),
    "rearrange": ((X, "a b c -> c b a"), "describes 3 axes"),
    "psnr": ((X, X[:1], 1.0), "same shape"),
}
ERRORS = [(op, args, words) for op, (args, words) in BAD.items()]
ERRORS += [
    ("rearrange", (X, "a b -> a"), "every name once"),
    ("rearrange", (X, "a b"), "of the form"),
    ("rearrange", (X, "(a c) b -> a c b"), "does not split"),
    ("rearrange", (X, "a (b -> b a"), "not understood"),
    ("istft", ((X, X), 4, 2, 4, None, "bartlett"), "must be one of"),
    ("istft", ((X, X), 4, 2, 4, None, X), "shape of `window`"),
    ("qr", (X, "full"), "mode"),
]


@pytest.mark.parametrize(("op", "args", "words"), ERRORS)
def test_bad_input(op, args, words):
    """Eager and symbolic calls give the same error, on every backend."""
    words = words.replace("(", r"\(").replace(")", r"\)")

    def symbolic(x):
        if isinstance(x, tuple):
            return tuple(map(symbolic, x))
        return KerasTensor(x.shape, str(x.dtype)) if isinstance(x, np.ndarray) else x

    messages = []
    for given in (args, tuple(map(symbolic, args))):
        with pytest.raises(ValueError, match=words) as error:
            getattr(ops, op)(*given)
        messages.append(str(error.value).split("Received")[0])
    assert messages[0] == messages[1] and "KerasTensor" not in messages[0]


@pytest.mark.parametrize("name", ["fft", "fft2", "ifft2"])
@pytest.mark.parametrize("unknown", [(None, 4, 6), (2, None, 6), (2, 4, None), (None,) * 3])
def test_sizes_that_only_one_part_has(name, unknown):
    known, part = KerasTensor((2, 4, 6)), KerasTensor(unknown)
    for x in ((known, part), (part, known), (np.zeros((2, 4, 6), "float32"), part)):
        assert [v.shape for v in getattr(ops, name)(x)] == [(2, 4, 6)] * 2
    with pytest.raises(ValueError, match="fully-defined"):
        getattr(ops, name)((KerasTensor((2, None, None)), KerasTensor((None, 4, None))))


def test_a_matrix_without_cholesky_factor():
    with pytest.raises(ValueError, match="not positive definite"):
        ops.cholesky(-np.eye(2, dtype="float32"))
