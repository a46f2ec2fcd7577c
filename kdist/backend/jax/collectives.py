"""What a compiled step communicates, read from its HLO: for tests and measurements."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

_INSTRUCTION = re.compile(
    r" = (?P<result>\(.*?\)|\S+) (?P<kind>all-gather|all-reduce|reduce-scatter|all-to-all|collective-permute)"
    r"(?:-start)?\((?P<rest>.*)"
)
_TENSOR = re.compile(r"(pred|[a-z]+\d+\w*)\[([\d,]*)\]")
_NAME = re.compile(r'op_name="([^"]*)"')
_BYTES = {"pred": 1}


@dataclass(frozen=True)
class Message:
    """One tensor that is communicated.

    Arguments:
        kind: "all-gather", "all-reduce", "reduce-scatter", "all-to-all" or "collective-permute".
        shape: of one device's result.
        nbytes: its size.
        backward: whether it belongs to the backward pass.
    """

    kind: str
    shape: tuple[int, ...]
    nbytes: int
    backward: bool


def messages(program: Any, batch: Any) -> list[Message]:
    """The tensors that one step on `batch` communicates, scalars left out.

    Arguments:
        program: what `compile_step` gave.
        batch: a `data.Batch`; the step is compiled for it and not run.
    """
    return read_messages(program.compiled(batch).as_text())


def read_messages(hlo: str) -> list[Message]:
    """The messages in the text of a compiled module.

    XLA sends many tensors in one instruction; here each of them counts.
    """
    found = []
    for line in hlo.splitlines():
        match = _INSTRUCTION.search(line)
        if match is None:
            continue
        name = _NAME.search(line)
        backward = name is not None and "transpose(" in name[1]
        tensors = _TENSOR.findall(match["result"])
        if "-start(" in line and match["kind"] == "all-gather":
            tensors = tensors[len(tensors) // 2 :]  # operands, then results
        for dtype, dims in tensors:
            shape = tuple(int(d) for d in dims.split(",") if d)
            if shape:
                nbytes = math.prod(shape) * _itemsize(dtype)
                found.append(Message(match["kind"], shape, nbytes, backward))
    return found


def totals(found: list[Message]) -> dict[str, tuple[int, int]]:
    """Kind -> (how many tensors, bytes)."""
    kinds = sorted({m.kind for m in found})
    of = {k: [m.nbytes for m in found if m.kind == k] for k in kinds}
    return {k: (len(sizes), sum(sizes)) for k, sizes in of.items()}


def _itemsize(dtype: str) -> int:
    if dtype in _BYTES:
        return _BYTES[dtype]
    digits = re.search(r"\d+", dtype)
    assert digits is not None, dtype
    return max(int(digits[0]) // 8, 1)
