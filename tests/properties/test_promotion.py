"""The dtype of each op for each pair of dtypes, Python numbers included, is Keras's on the same backend.

What Keras says is stored: see `keras_promotes.py`.
"""

from __future__ import annotations

import keras_promotes
import pytest
from wire import BACKENDS

from kdist.core import dtypes

# Keras cuts these to 32 bits, though the backend has them and an operand is of 64 bits; kdist keeps
# what was given.
KEPT = {
    "jax": {},
    "torch": {"matmul": {"int64": "int32", "float64": "float32", "complex128": "complex64"}},
    "tensorflow": {
        op: {"uint64": "uint32", "complex128": "complex64"} for op in keras_promotes.OPS
    },
}


@pytest.mark.parametrize("op", keras_promotes.OPS)
def test_dtype_of_every_pair(op, workers):
    pairs = keras_promotes.pairs(op)
    found = workers.ask([(op, a, b) for a, b in pairs])
    different = {}
    for backend in BACKENDS:
        wanted = keras_promotes.read(backend)[op]
        assert sum(bool(w) for w in wanted.values()) > 100
        got = dict(zip(pairs, found[backend], strict=True))
        kept = KEPT[backend].get(op, {})
        different |= {
            (backend, *p): (got[p], w)
            for p, w in wanted.items()
            if w and got[p] != w and kept.get(got[p]) != w
        }
    assert different == {}, f"{op}: (kdist's, Keras's) dtype of each pair"


def test_order_of_operands_says_nothing():
    kinds = [*keras_promotes.TENSORS, int, float, complex]
    for a in kinds:
        for b in kinds:
            assert dtypes.result_type(a, b) == dtypes.result_type(b, a)
        assert dtypes.result_type(a, a, a) == dtypes.result_type(a)
