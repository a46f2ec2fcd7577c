"""What dtype ops give of integers, truth values and complex values: the same on all backends, eager and symbolic."""

from __future__ import annotations

import numpy as np
import pytest

import kdist
from kdist import ops
from kdist.core import tree
from kdist.ops import fused

LAST = {"data_format": "channels_last"}
FLOAT_PAIR = ["float32", "float32"]
CASES = [
    ("adaptive_average_pool", lambda x: ops.adaptive_average_pool(x, 4, **LAST), (2, 9, 3), "int32", "float32"),
    ("adaptive_max_pool", lambda x: ops.adaptive_max_pool(x, 4, **LAST), (2, 9, 3), "int32", "int32"),
    ("average_pool", lambda x: ops.average_pool(x, 2, 1, **LAST), (2, 6, 5, 4), "int32", "float32"),
    ("max_pool", lambda x: ops.max_pool(x, 2, 1, **LAST), (2, 6, 5, 4), "int32", "int32"),
    ("extract_sequences", lambda x: ops.extract_sequences(x, 4, 2), (2, 9), "int32", "int32"),
    ("extract_sequences", lambda x: ops.extract_sequences(x, 4, 2), (2, 9), "bool", "bool"),
    ("hard_shrink", ops.hard_shrink, (5,), "int32", "float32"),
    ("hard_shrink", ops.hard_shrink, (5,), "bool", "float32"),
    ("threshold", lambda x: ops.threshold(x, 2.0, 5.0), (5,), "int32", "float32"),
    ("round", ops.round, (5,), "bool", "int32"),
    ("view_as_real", ops.view_as_real, (5,), "int32", "int32"),
    ("view_as_real", ops.view_as_real, (5,), "bool", "bool"),
    ("layer_normalization", ops.layer_normalization, (3, 4), "int32", "float32"),
    ("layer_normalization", ops.layer_normalization, (3, 4), "bool", "float32"),
    ("rms_normalization", ops.rms_normalization, (3, 4), "int32", "float32"),
    ("rms_normalization", ops.rms_normalization, (3, 4), "bool", "float32"),
    ("moments", lambda x: ops.moments(x, 0), (3, 4), "int32", FLOAT_PAIR),
    ("moments", lambda x: ops.moments(x, 0), (3, 4), "bool", FLOAT_PAIR),
    ("moments", lambda x: ops.moments(x, 0), (3, 4), "complex64", ["complex64", "float32"]),
    ("var", ops.var, (5,), "complex64", "float32"),
    ("std", ops.std, (5,), "complex64", "float32"),
    ("slogdet", ops.slogdet, (2, 3, 3), "complex64", ["complex64", "float32"]),
    (
        "batch_normalization_training",
        lambda x: fused.batch_normalization_training(x, -1), (5, 4), "int32", ["float32", *FLOAT_PAIR],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "shape", "given", "gives"),
    [case[1:] for case in CASES],
    ids=[f"{name}-{given}" for name, _, _, given, _ in CASES],
)
def test_dtype(call, shape, given, gives):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape) * 9
    x = (x + 1j * rng.normal(size=shape) if given == "complex64" else x).astype(given)
    for argument in (x, ops.convert_to_tensor(x), kdist.KerasTensor(shape, given)):
        found = [kdist.backend.standardize_dtype(v.dtype) for v in tree.flatten(call(argument))]
        assert found == (gives if isinstance(gives, list) else [gives]), type(argument)
