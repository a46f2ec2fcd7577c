"""What the installed Keras says of signatures and dtypes, as JSON.

Run by test_op_keras.py in a process of its own.
"""

from __future__ import annotations

import inspect
import json
import sys

import keras

UNARY = sys.argv[1].split(",")
BINARY = sys.argv[2].split(",")
REDUCTIONS = sys.argv[3].split(",")
DTYPES = sys.argv[4].split(",")
LATTICE = sys.argv[5].split(",")


def signature(fn):
    parameters = inspect.signature(fn).parameters.values()
    return [[p.name, repr(p.default)] for p in parameters if p.kind is not p.VAR_KEYWORD]


def dtype(op, *dtypes):
    """The dtype of the eager result, None where Keras gives an error."""
    args = [d if isinstance(d, int | float) else keras.ops.ones((2, 2), d) for d in dtypes]
    try:
        return keras.backend.standardize_dtype(getattr(keras.ops, op)(*args).dtype)
    except Exception:
        return None


def public(module):
    return {
        n: signature(f)
        for n, f in vars(module).items()
        if inspect.isfunction(f) and not n.startswith("_")
    }


json.dump(
    {
        "signatures": {**public(keras.ops), **public(keras.ops.image)},
        "random": public(keras.random),
        "activations": public(keras.activations),
        "classes": {
            f"{m.__name__.rsplit('.', 1)[-1]}.{n}": signature(c.__init__)
            for m in (
                keras.initializers,
                keras.regularizers,
                keras.constraints,
                keras.dtype_policies,
            )
            for n, c in vars(m).items()
            if inspect.isclass(c) and "__init__" in vars(c)
        },
        "unary": {op: {d: dtype(op, d) for d in DTYPES} for op in UNARY + REDUCTIONS},
        "binary": {
            op: {f"{a},{b}": dtype(op, a, b) for a in DTYPES for b in DTYPES} for op in BINARY
        },
        "scalar": {
            op: {d: [dtype(op, d, 2), dtype(op, d, 2.0)] for d in DTYPES}
            for op in BINARY
            if op != "matmul"
        },
        "result_type": {
            f"{a},{b}": keras.backend.result_type(a, b) for a in LATTICE for b in LATTICE
        },
    },
    sys.stdout,
)
