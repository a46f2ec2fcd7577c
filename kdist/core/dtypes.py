"""Dtype names and the promotion lattice.

The lattice is JAX's (https://docs.jax.dev/en/latest/jep/9407-type-promotion.html), which Keras uses on every backend:
an edge leads from a type to the types directly above it, and two types promote to their least upper bound. Python
scalars are weak: they take part as "int*" and "float*", which lie below every concrete type of their kind.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from kdist.core import config

ALLOWED = (
    "bool",
    *("uint8", "uint16", "uint32", "uint64"),
    *("int8", "int16", "int32", "int64"),
    *("bfloat16", "float16", "float32", "float64"),
    *("float8_e4m3fn", "float8_e5m2"),
    *("complex64", "complex128"),
    "string",
)
_ALLOWED = frozenset(ALLOWED)
FLOATS = frozenset({"bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"})
INTS = frozenset(t for t in ALLOWED if "int" in t)
COMPLEX = frozenset({"complex64", "complex128"})

_ABOVE = {
    "bool": ("int*",),
    "int*": ("uint8", "int8"),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("float*",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float*",),
    "float*": ("bfloat16", "float16", "complex*"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex*": ("complex64",),
    "complex64": ("complex128",),
    "complex128": (),
}
_WEAK = {bool: "bool", int: "int*", float: "float*", complex: "complex*"}
_PYTHON = {bool: "bool", int: "int32", float: "float32", complex: "complex64", str: "string"}


def _closure(node: str) -> frozenset[str]:
    return frozenset({node}).union(*(_closure(n) for n in _ABOVE[node]))


_UPPER = {node: _closure(node) for node in _ABOVE}


@functools.lru_cache(maxsize=4096)
def _join(nodes: frozenset[str]) -> str:
    common = frozenset.intersection(*(_UPPER[n] for n in nodes))
    # The least of the common upper bounds is the one whose own upper bounds are all of them.
    for candidate in nodes | common:
        if candidate in common and _UPPER[candidate] == common:
            return candidate
    raise ValueError(
        f"The dtypes {sorted(nodes)} have no common type. Cast one of them explicitly."
    )


@functools.lru_cache(maxsize=1024)
def _by_name(name: str) -> str:
    if name.startswith("torch."):
        name = name[6:]
    if name in ("int", "float", "bool", "complex", "str"):
        return _PYTHON[
            {"int": int, "float": float, "bool": bool, "complex": complex, "str": str}[name]
        ]
    if name in _ALLOWED:
        return name
    raise ValueError(f"dtype={name!r} is not supported. Use one of {', '.join(ALLOWED)}.")


def standardize_dtype(dtype: Any) -> str:
    """The canonical name of `dtype`.

    It may be given as a string, a NumPy or framework dtype, a Python type, or None (the float
    default).
    """
    if dtype is None:
        return config.floatx()
    if type(dtype) is str:
        return _by_name(dtype)
    if dtype in _PYTHON:
        return _PYTHON[dtype]
    name = getattr(dtype, "name", None)  # numpy.dtype, tf.DType, a dtype policy
    if isinstance(name, str):
        return _by_name(name)
    text = str(dtype)
    if text.startswith("torch."):
        return _by_name(text)
    try:
        return _by_name(np.dtype(dtype).name)
    except TypeError:
        raise ValueError(
            f"dtype={dtype!r} is not supported. Use one of {', '.join(ALLOWED)}."
        ) from None


@functools.lru_cache(maxsize=4096)
def _result_type(dtypes: tuple, floatx: str) -> str:
    for t in dtypes:
        if isinstance(t, str) and t.startswith("float8"):
            raise ValueError(
                f"There is no implicit conversion from {t}. Cast it explicitly to another dtype."
            )
    weak = all(t in _WEAK for t in dtypes)
    out = _join(frozenset(_WEAK.get(t, t) for t in dtypes))
    resolved = {"int*": "int32", "float*": floatx, "complex*": "complex64"}.get(out, out)
    return floatx if weak and resolved == "float32" else resolved


def result_type(*dtypes: Any) -> str:
    """The dtype to which `dtypes` promote together. Pass `int` and `float` themselves for Python scalars.

    Example: `result_type("int32", float) == "float32"`, `result_type("bfloat16", "float16") == "float32"`.
    """
    if not dtypes:
        return config.floatx()
    names = tuple(t if t in _WEAK else standardize_dtype(t) for t in dtypes)
    return _result_type(names, config.floatx())


def is_float(dtype: Any) -> bool:
    """Whether `dtype`, in any form, is one of floats."""
    return standardize_dtype(dtype) in FLOATS


def is_int(dtype: Any) -> bool:
    """Whether `dtype`, in any form, is one of integers, signed or not."""
    return standardize_dtype(dtype) in INTS


def size_in_bytes(dtype: Any) -> int:
    name = standardize_dtype(dtype)
    if name == "bool" or name.startswith("float8"):
        return 1
    if name == "string":
        raise ValueError("A string has no fixed size in bytes.")
    return int("".join(c for c in name.split("_")[0] if c.isdigit())) // 8
