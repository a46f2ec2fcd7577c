"""Signatures and dtypes are Keras's."""

from __future__ import annotations

import functools
import inspect
import json
import os
import pathlib
import subprocess
import sys

import pytest

from kdist import (
    activations,
    constraints,
    dtype_policies,
    initializers,
    ops,
    random,
    regularizers,
)
from kdist.backend import bound as backend
from kdist.core import dtypes
from kdist.ops.declare import DECLARED

UNARY = [
    "absolute",
    "negative",
    "sign",
    "square",
    "sqrt",
    "exp",
    "log",
    "log1p",
    "sin",
    "tanh",
    "ceil",
    "floor",
    "round",
    "isnan",
    "isfinite",
    "logical_not",
    "reciprocal",
    "erf",
    "relu",
    "sigmoid",
    "softplus",
    "gelu",
    "softmax",
    "log_softmax",
    "zeros_like",
    "cumsum",
    "argsort",
    "sort",
    "transpose",
    "ravel",
    "arccos",
    "cbrt",
    "exp2",
    "fabs",
    "isposinf",
    "sinc",
    "signbit",
    "trunc",
    "nancumsum",
]
REDUCTIONS = [
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "max",
    "min",
    "all",
    "any",
    "argmax",
    "count_nonzero",
    "median",
    "nanargmax",
    "nanmax",
    "nanmean",
    "nansum",
    "nanvar",
]
BINARY = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "floor_divide",
    "mod",
    "power",
    "maximum",
    "minimum",
    "equal",
    "less",
    "logical_and",
    "logaddexp",
    "matmul",
    "outer",
    "arctan2",
    "fmax",
    "logaddexp2",
]
NARROW = ["bool", "uint8", "int8", "int16", "int32", "bfloat16", "float16", "float32"]
WIDE = ["uint16", "uint32", "int64", "float64"]
# torch has no arithmetic of uint16 and uint32; jax, which compiles every op for every dtype, takes
# minutes for all of them and gets one of each kind.
DTYPES = {
    "jax": ["bool", "int8", "int32", "bfloat16", "float32"],
    "torch": NARROW,
    "tensorflow": NARROW + WIDE,
}[backend.name]
LATTICE = NARROW + WIDE
# Keras, not kdist, cuts mixtures that need 64 bits to 32 bits, except on tensorflow.
CUT = {} if backend.name == "tensorflow" else {"int64": "int32", "float64": "float32"}
OWN = {
    "embedding_lookup",
    "linear",
    "mean_sparse_categorical_crossentropy",
    "softmax_crossentropy_with_integer_labels",
    "conv_with_bias",
    "sparse_hits",
    "batch_normalization_training",
    "weighted_step",
}


@functools.cache
def keras():
    script = pathlib.Path(__file__).with_name("keras_says.py")
    arguments = [",".join(x) for x in (UNARY, BINARY, REDUCTIONS, DTYPES, LATTICE)]
    env = {**os.environ, "KERAS_BACKEND": backend.name, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, str(script), *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout)


def signature(fn):
    parameters = inspect.signature(fn).parameters.values()
    return [[p.name, repr(p.default)] for p in parameters if p.kind is not p.VAR_KEYWORD]


def test_signatures_of_ops():
    theirs = keras()["signatures"]
    assert set(DECLARED) - OWN <= set(theirs)
    found = {n: getattr(ops, n, None) or getattr(ops.image, n, None) for n in theirs}
    names = [n for n in theirs if found[n] is not None]
    assert len(names) > 190
    assert {n: signature(found[n]) for n in names} == {n: theirs[n] for n in names}


def test_signatures_of_random_and_activations():
    for ours, theirs in ((random, keras()["random"]), (activations, keras()["activations"])):
        names = [n for n in theirs if n not in ("get", "serialize", "deserialize")]
        assert {n: signature(getattr(ours, n)) for n in names} == {n: theirs[n] for n in names}


def test_signatures_of_classes():
    modules = {
        "initializers": initializers,
        "regularizers": regularizers,
        "constraints": constraints,
        "dtype_policies": dtype_policies,
    }
    compared = 0
    for path, wanted in keras()["classes"].items():
        module, name = path.split(".")
        cls = getattr(modules[module], name, None)
        if cls is not None:
            assert signature(cls.__init__) == wanted, path
            compared += 1
    assert compared > 25


def ours(op, *given):
    args = [d if isinstance(d, int | float) else ops.ones((2, 2), d) for d in given]
    return ops.dtype(getattr(ops, op)(*args))


def test_result_type_of_every_pair():
    for pair, theirs in keras()["result_type"].items():
        ours = dtypes.result_type(*pair.split(","))
        assert theirs in (ours, CUT.get(ours)), (pair, ours, theirs)


@pytest.mark.parametrize("op", BINARY)
def test_binary_dtypes(op):
    wanted = {pair: d for pair, d in keras()["binary"][op].items() if d is not None}
    got = {pair: ours(op, *pair.split(",")) for pair in wanted}
    assert {p: (d, wanted[p]) for p, d in got.items() if d != wanted[p]} == {}


# For these Keras takes a Python number for an int32 or float32 of its own.
NOT_OF_SCALARS = {"matmul", "outer", "logaddexp", "logaddexp2", "mod", "arctan2"}


@pytest.mark.parametrize("op", [op for op in BINARY if op not in NOT_OF_SCALARS])
def test_scalar_dtypes(op):
    wanted = {d: w for d, w in keras()["scalar"][op].items() if None not in w}
    got = {d: [ours(op, d, 2), ours(op, d, 2.0)] for d in wanted}
    assert {d: (g, wanted[d]) for d, g in got.items() if g != wanted[d]} == {}


# Of these Keras says one dtype symbolically, which is ours, and another in eager calls on tensorflow.
UNLIKE_ITSELF = {("tensorflow", "cbrt"): {"int64"}}


@pytest.mark.parametrize("op", UNARY + REDUCTIONS)
def test_unary_dtypes(op):
    left_out = UNLIKE_ITSELF.get((backend.name, op), set())
    wanted = {d: w for d, w in keras()["unary"][op].items() if w is not None and d not in left_out}
    got = {d: ours(op, d) for d in wanted}
    assert {d: (g, wanted[d]) for d, g in got.items() if g != wanted[d]} == {}
