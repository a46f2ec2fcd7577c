"""Calls that an op may not take, derived from a good call of it: one argument at a time is spoiled.

`bad_calls.json` says of such calls the error that all backends raise, eager and symbolic. To write
it anew, in this folder:

    KDIST_BACKEND=jax python bad_calls.py new            all that this one says itself
    KDIST_BACKEND=torch python bad_calls.py common       what this one says alike
    KDIST_BACKEND=tensorflow python bad_calls.py common
    KDIST_BACKEND=jax python bad_calls.py few            some of each op, so that the test is quick
"""

from __future__ import annotations

import inspect
import json
import pathlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import conftest  # noqa: F401 - collects the cases
import numpy as np
from op_cases import CASES, Case

from kdist import KerasTensor, ops
from kdist.core import tree
from kdist.ops.declare import DECLARED

TABLE = pathlib.Path(__file__).with_name("bad_calls.json")
PER_OP = 4

# Settings that name axes of the first tensor.
AXES = {"axis", "axes", "axis1", "axis2", "axisa", "axisb", "axisc", "source", "destination"}
# Settings that are a count, or several.
COUNTS = {"k", "num", "num_classes", "num_segments", "n", "N", "M", "block_size", "repeats"}
COUNTS |= {"sequence_length", "sequence_stride", "fft_length", "bins", "kth", "decimals"}
COUNTS |= {"filter_size", "order", "minlength", "output_size", "pool_size", "strides"}
COUNTS |= {"kernel_size", "dilation_rate", "dilation", "stride", "padding", "size"}
# Settings that are one of some words.
CHOICES = {"mode", "padding", "data_format", "interpolation", "method", "side", "indexing"}
CHOICES |= {"fill_mode", "strategy", "window", "ord"}
# Settings with a number for each of some axes.
LENGTHS = {"shape", "newshape", "pad_width", "strides", "size", "start_indices", "pool_size"}
LENGTHS |= {"kernel_size", "output_size", "indices_or_sections", "axes"}


@dataclass
class BadCall:
    """`op(*args, **kwargs)`; `id` says what was spoiled."""

    id: str
    op: str
    args: list
    kwargs: dict


def bad_calls() -> Iterator[BadCall]:
    """Of each op, from its first case."""
    seen = set()
    for case in CASES:
        if case.op not in seen and case.op in DECLARED:
            seen.add(case.op)
            yield from _spoiled(case)


def _spoiled(case: Case) -> Iterator[BadCall]:
    signature = inspect.signature(DECLARED[case.op])
    bound = signature.bind(*case.args, **case.kwargs)
    given = dict(bound.arguments)
    settings = {
        name: p.default
        for name, p in signature.parameters.items()
        if name not in given and p.default is not p.empty
    }
    for name, how, value in _changes(case.op, given, settings):
        changed = signature.bind(*case.args, **case.kwargs)
        changed.arguments[name] = value
        yield BadCall(f"{case.op}-{name}-{how}", case.op, list(changed.args), dict(changed.kwargs))


def _changes(op: str, given: dict, settings: dict) -> Iterator[tuple[str, str, Any]]:
    arrays = {n: v for n, v in given.items() if isinstance(v, np.ndarray)}
    rank = next((np.ndim(v) for v in arrays.values()), None)
    for name, value in arrays.items():
        for how, spoiled in _arrays(value):
            yield name, how, spoiled
    for name, value in given.items():
        if isinstance(value, list | tuple) and any(isinstance(v, np.ndarray) for v in value):
            at = next(i for i, v in enumerate(value) if isinstance(v, np.ndarray))
            for how, spoiled in _arrays(value[at]):
                changed = list(value)
                changed[at] = spoiled
                yield name, f"item_{how}", type(value)(changed)
    for name, value in {**given, **settings}.items():
        if name in arrays:
            continue
        if name in AXES:
            yield name, "rank", (rank or 0) + 1
            yield name, "below", -(rank or 0) - 2
            yield name, "twice", (0, 0)
            yield name, "float", 0.5
            yield name, "string", "x"
        if name in COUNTS and not isinstance(value, str | bool):
            yield name, "negative", -1
            yield name, "zero", 0
            yield name, "float", 1.5
            yield name, "string", "x"
        if name == "k":
            yield name, "large", 99
        if name in CHOICES and (isinstance(value, str) or value is None):
            yield name, "unknown", "diagonally"
        if name == "dtype":
            yield name, "unknown", "float31"
        if name in LENGTHS and isinstance(value, list | tuple):
            yield name, "longer", (*value, *value, *value)
            yield name, "shorter", tuple(value[:1])
        elif name in LENGTHS and isinstance(value, int):
            yield name, "longer", (1, 1, 1, 1, 1, 1)
            yield name, "shorter", ()


def _arrays(value: np.ndarray) -> Iterator[tuple[str, Any]]:
    yield "string", np.full(value.shape, "a")
    yield "object", np.full(value.shape, None)
    if value.dtype.kind != "b":
        yield "bool", np.ones(value.shape, bool)
    if value.dtype.kind in "iub":
        yield "floats", value.astype("float32")
    else:
        yield "ints", np.nan_to_num(value.real, posinf=0.0, neginf=0.0).astype("int32")
    if value.dtype.kind != "c":
        yield "complex", value.astype("complex64")
    if value.size:
        yield "scalar", value.reshape(-1)[0]
    if value.ndim > 1:
        yield "flat", value.reshape(-1)
    if value.ndim > 2:
        yield "matrix", value.reshape(len(value), -1)
    yield "deep", value.reshape(1, 1, 1, 1, *value.shape)
    if value.ndim:
        yield "empty", value[:0]
        yield "wide", np.concatenate([value, value[..., :1], value[..., :1]], -1)
        yield "long", np.concatenate([value, value[:1], value[:1]], 0)


def public(name: str) -> Any:
    """The op, which may be one of images."""
    return getattr(ops, name, None) or getattr(ops.image, name)


def symbolic(call: BadCall) -> BadCall | None:
    """The same with symbolic tensors in place of arrays of numbers; None if there are none."""

    def of(x: Any) -> Any:
        numbers = isinstance(x, np.ndarray) and x.dtype.kind in "biufc"
        return KerasTensor(x.shape, x.dtype.name) if numbers else x

    args, kwargs = tree.map_structure(of, (call.args, call.kwargs))
    found = any(isinstance(x, KerasTensor) for x in tree.flatten((args, kwargs)))
    return BadCall(call.id, call.op, args, kwargs) if found else None


def said(call: BadCall) -> str | None:
    """The error's text; None if the call is taken, or refused by another error than a ValueError."""
    try:
        public(call.op)(*call.args, **call.kwargs)
    except ValueError as error:
        return str(error)
    except Exception:  # the framework's own
        return None
    return None


def one_text(call: BadCall) -> str | None:
    """The text of eager and symbolic calls, in words of kdist's own."""
    text, again = said(call), symbolic(call)
    own = text is not None and text.startswith(f"{call.op}: ")
    return text if own and (again is None or said(again) == text) else None


def few(table: dict[str, str]) -> dict[str, str]:
    """Of each op some, of as many kinds as there are."""
    kept: dict[str, str] = {}
    for op in {i.split("-")[0]: None for i in table}:
        of_op = [i for i in table if i.split("-")[0] == op]
        seen: set[str] = set()
        for i in [i for i in of_op if not i.endswith("object")] or of_op[:1]:
            kind = table[i].split("Received")[0]
            if kind not in seen and len(seen) < PER_OP:
                seen.add(kind)
                kept[i] = table[i]
    return kept


def main(mode: str) -> None:
    table = {} if mode == "new" else json.loads(TABLE.read_text())
    if mode == "few":
        table = few(table)
    else:
        texts = {c.id: one_text(c) for c in bad_calls() if mode == "new" or c.id in table}
        alike = lambda i, text: text is not None and text == table.get(i, text)
        table = {i: text for i, text in texts.items() if alike(i, text)}
    TABLE.write_text(json.dumps(table, indent=0) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
