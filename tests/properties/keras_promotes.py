"""Writes what the installed Keras says of the dtype of each op for each pair of dtypes.

    KERAS_BACKEND=jax python tests/properties/keras_promotes.py

writes `promotion_jax.json` beside this file: for each op a table whose rows and columns are `DTYPES`, an entry the
index of the result in `DTYPES`, or -1 where Keras gives an error.
"""

from __future__ import annotations

import json
import pathlib

TENSORS = (
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("bfloat16", "float16", "float32", "float64", "complex64", "complex128"),
)
NUMBERS = {"py_bool": True, "py_int": 2, "py_float": 2.0, "py_complex": 2.0 + 1.0j}
DTYPES = (*TENSORS, *NUMBERS)
OPS = ("add", "multiply", "true_divide", "power", "where", "concatenate", "matmul", "less", "equal")


def pairs(op: str) -> list[tuple[str, str]]:
    """Every pair but those of two Python numbers; what must have dims takes no number."""
    allowed = TENSORS if op in ("concatenate", "matmul") else DTYPES
    return [(a, b) for a in allowed for b in allowed if a in TENSORS or b in TENSORS]


def stored(backend: str) -> pathlib.Path:
    return pathlib.Path(__file__).with_name(f"promotion_{backend}.json")


def read(backend: str) -> dict[str, dict[tuple[str, str], str]]:
    """The stored table: for each op and pair the dtype of the result, "" for an error."""
    found = json.loads(stored(backend).read_text())
    name = lambda code: DTYPES[code] if code >= 0 else ""
    return {
        op: {(a, b): name(found[op][DTYPES.index(a)][DTYPES.index(b)]) for a, b in pairs(op)}
        for op in OPS
    }


def main() -> None:
    import keras  # heavy, and not for those who only read

    traced = lambda fn: fn()
    if keras.backend.backend() == "jax":
        import jax

        traced = jax.eval_shape  # the same without compiling for each pair

    def dtype(op: str, a: str, b: str) -> str:
        def result():
            given = [NUMBERS[d] if d in NUMBERS else keras.ops.ones((2, 2), d) for d in (a, b)]
            if op == "where":
                return keras.ops.where(keras.ops.ones((2, 2), "bool"), *given)
            if op == "concatenate":
                return keras.ops.concatenate(given)
            return getattr(keras.ops, op)(*given)

        try:
            return keras.backend.standardize_dtype(traced(result).dtype)
        except Exception:  # whatever the framework raises: there is no result to compare with
            return ""

    tables = {}
    for op in OPS:
        table = [[-1] * len(DTYPES) for _ in DTYPES]
        for a, b in pairs(op):
            result = dtype(op, a, b)
            table[DTYPES.index(a)][DTYPES.index(b)] = DTYPES.index(result) if result else -1
        tables[op] = table
    text = ",\n".join(f'"{op}": {json.dumps(t, separators=(",", ":"))}' for op, t in tables.items())
    stored(keras.backend.backend()).write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
