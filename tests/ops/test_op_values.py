"""Every op against NumPy: values, gradients, and the spec of a symbolic call."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from op_cases import CASES

from kdist import ops
from kdist.backend import bound as backend
from kdist.core import tree
from kdist.core.graph import KerasTensor
from kdist.ops.declare import DECLARED, RULES

# Called by tests of their own, or with nothing that NumPy could be asked.
ELSEWHERE = {
    "cond",
    "switch",
    "while_loop",
    "fori_loop",
    "map",
    "vectorized_map",
    "scan",
    "qr",
    "svd",
}
ELSEWHERE |= {"empty", "associative_scan", "eig", "eigh", "jvp", "elastic_transform"}


# These must know the sizes of their matrices.
MATRICES = {"det", "inv", "solve", "solve_triangular", "cholesky", "cholesky_inverse", "logdet"}
MATRICES |= {"slogdet", "lu_factor", "qr", "svd"}


def public(name):
    """The op, which may be one of images."""
    return getattr(ops, name, None) or getattr(ops.image, name)


def in_float64(x):
    return x.astype("float64") if isinstance(x, np.ndarray) and x.dtype == "float32" else x


def run_reference(case, args):
    kwargs = tree.map_structure(in_float64, case.kwargs) if case.kwargs else {}
    return case.reference(
        *[in_float64(a) if not isinstance(a, list) else [in_float64(b) for b in a] for a in args],
        **kwargs,
    )


def test_every_op_has_a_case():
    assert set(DECLARED) - {case.op for case in CASES} - ELSEWHERE == set()


def test_rules_are_few_and_say_why():
    """The probe infers the specs of all other ops."""
    assert len(set(RULES.values())) <= 30  # a rule may serve several ops
    assert {name for name, rule in RULES.items() if not rule.__doc__} == set()


def test_values(case):
    result = public(case.op)(*case.args, **case.kwargs)
    expected = run_reference(case, case.args)
    pairs = (
        zip(result, expected, strict=True)
        if isinstance(expected, list | tuple)
        else [(result, expected)]
    )
    for got, wanted in pairs:
        got, wanted = backend.convert_to_numpy(got), np.asarray(wanted)
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got, wanted, rtol=case.rtol, atol=case.rtol)


def test_symbolic_specs(tensor_case):
    """A symbolic call gives the eager shapes and dtypes."""
    case = tensor_case
    for spec, value in symbolic_and_eager(case, lambda shape: shape):
        assert isinstance(spec, KerasTensor)
        assert spec.dtype == backend.dtype_of(value)
        if case.op in ("nonzero", "bincount", "unique"):  # their sizes depend on the values
            assert len(spec.shape) == len(value.shape)
        else:
            assert spec.shape == tuple(value.shape)


def test_unknown_sizes(tensor_case):
    """With an unknown leading size: the eager rank and dtype, and no size that contradicts it."""
    case = tensor_case
    if case.op in MATRICES and np.ndim(tree.flatten(case.args)[0]) == 2:
        with pytest.raises(ValueError, match="matrices|fully-defined"):
            symbolic_and_eager(case, lambda shape: (None, *shape[1:]))
        return
    if case.op in ("unstack", "squeeze"):
        pytest.skip("the number or rank of the outputs depends on the unknown size itself")
    for spec, value in symbolic_and_eager(case, lambda shape: (None, *shape[1:])):
        assert spec.dtype == backend.dtype_of(value)
        assert len(spec.shape) == len(value.shape)
        for known, size in zip(spec.shape, value.shape, strict=True):
            assert known is None or known == size


def symbolic_and_eager(case, first_shape):
    """Pairs of output specs and tensors; `first_shape` maps the shape of the first tensor."""
    leaves = tree.flatten(case.args)
    first = next(i for i, a in enumerate(leaves) if isinstance(a, np.ndarray))
    symbols, tensors = list(leaves), list(leaves)
    for i, a in enumerate(leaves):
        if isinstance(a, np.ndarray):
            tensors[i] = backend.convert_to_tensor(a)
            symbols[i] = KerasTensor(first_shape(a.shape) if i == first else a.shape, str(a.dtype))
    call = lambda values: public(case.op)(*tree.pack_sequence_as(case.args, values), **case.kwargs)
    pairs = zip(tree.flatten(call(symbols)), tree.flatten(call(tensors)), strict=True)
    return [(spec, value) for spec, value in pairs if backend.is_tensor(value)]


def gradient(fn, x):
    """d sum(fn(x) * weights) / dx by the framework itself."""
    return {"jax": _jax, "torch": _torch, "tensorflow": _tensorflow}[backend.name](fn, x)


def _jax(fn, x):
    import jax

    return np.asarray(jax.grad(fn)(x))


def _torch(fn, x):
    import torch

    x = torch.tensor(x, requires_grad=True)
    fn(x).backward()
    return x.grad.numpy()


def _tensorflow(fn, x):
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = fn(x)
    return tf.convert_to_tensor(tape.gradient(y, x)).numpy()


def test_gradients(grad_case):
    """Along a random direction, against a central difference of the reference in float64."""
    case = grad_case
    rng = np.random.default_rng(3)
    at = next(
        i
        for i, a in reversed(list(enumerate(case.args)))
        if isinstance(a, np.ndarray) and a.dtype == "float32"
    )
    x = case.args[at]
    expected = run_reference(case, case.args)
    weights = rng.normal(size=np.shape(expected)).astype("float32")
    replaced = lambda value: [*case.args[:at], value, *case.args[at + 1 :]]
    got = gradient(
        lambda v: ops.sum(ops.multiply(public(case.op)(*replaced(v), **case.kwargs), weights)),
        x,
    )
    direction, h = rng.normal(size=x.shape), 1e-6
    ahead, behind = (
        (run_reference(case, replaced(x.astype("float64") + s * h * direction)) * weights).sum()
        for s in (1, -1)
    )
    assert got.shape == x.shape
    scale = max(1.0, float(np.abs(got).max()) * x.size**0.5)
    assert abs((got * direction).sum() - (ahead - behind) / (2 * h)) < 2e-4 * scale


def test_signatures_of_rows():
    """A row takes what its declaration takes: the same names, order and defaults."""
    different = {}
    for name, declaration in DECLARED.items():
        if name in backend.OPS:
            wanted, got = (_parameters(f) for f in (declaration, backend.OPS[name]))
            if wanted != got:
                different[name] = (wanted, got)
    assert different == {}


def _parameters(fn):
    kinds = (inspect.Parameter.VAR_KEYWORD,)
    return [
        (p.name, p.default)
        for p in inspect.signature(fn).parameters.values()
        if p.kind not in kinds
    ]
