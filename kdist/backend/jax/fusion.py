"""Which values of a computation XLA writes to memory, and for how long it keeps them.

The rules are those of XLA's fusion (xla/service/instruction_fusion.cc): what is cheap is computed anew inside each
consumer, what is expensive once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdist.distribution.allocations import GRADIENT, Allocation

# Another view of the same memory.
_VIEWS = frozenset(
    ["reshape", "squeeze", "expand_dims", "stop_gradient", "copy", "bitcast_convert_type"]
)
# One element of the result from a few of the operands': computed where it is used.
_CHEAP = frozenset(
    [
        "abs",
        "add",
        "add_any",
        "and",
        "broadcast_in_dim",
        "ceil",
        "clamp",
        "convert_element_type",
        "copy_p",
        "eq",
        "floor",
        "ge",
        "gt",
        "imag",
        "iota",
        "is_finite",
        "le",
        "lt",
        "max",
        "min",
        "mul",
        "ne",
        "neg",
        "not",
        "or",
        "pad",
        "real",
        "reduce_precision",
        "rev",
        "select_n",
        "sign",
        "slice",
        "square",
        "sub",
        "transpose",
        "xor",
        "shift_left",
        "shift_right_logical",
        "shift_right_arithmetic",
        "round",
        "concatenate",
        "integer_pow",
        "nextafter",
        "dynamic_slice",
    ]
)
# The same, but worth keeping.
_EXPENSIVE = frozenset(
    [
        "acos",
        "acosh",
        "asin",
        "asinh",
        "atan",
        "atan2",
        "atanh",
        "cbrt",
        "cos",
        "cosh",
        "digamma",
        "div",
        "erf",
        "erf_inv",
        "erfc",
        "exp",
        "exp2",
        "expm1",
        "lgamma",
        "log",
        "log1p",
        "logistic",
        "pow",
        "rem",
        "rsqrt",
        "sin",
        "sinh",
        "sqrt",
        "tan",
        "tanh",
    ]
)
_FUSED = _VIEWS | _CHEAP | _EXPENSIVE
# They read their operands element by element: what makes an operand can be computed inside them.
_REDUCTIONS = frozenset(
    [
        "argmax",
        "argmin",
        "reduce_and",
        "reduce_max",
        "reduce_min",
        "reduce_or",
        "reduce_prod",
        "reduce_sum",
        "reduce_xor",
    ]
)


@dataclass(frozen=True)
class Operation:
    """One operation on numbered values: what it reads, what it makes, and how many bytes each result has."""

    name: str
    operands: tuple[int, ...]
    results: tuple[int, ...]
    sizes: tuple[int, ...]
    layer: int
    backward: bool = False


def allocations(operations: Sequence[Operation], kept: Sequence[int]) -> tuple[Allocation, ...]:
    """What lies in memory while `operations` run in their order.

    Arguments:
        kept: values that are wanted at the end: gradients.
    """
    live = needed(operations, kept)
    written = _written(operations, live, set(kept))
    return _lifetimes(operations, live, written, set(kept))


def needed(operations: Sequence[Operation], kept: Sequence[int]) -> list[bool]:
    """Which operations the kept values depend on."""
    wanted, live = set(kept), [False] * len(operations)
    for i in range(len(operations) - 1, -1, -1):
        if any(r in wanted for r in operations[i].results):
            live[i] = True
            wanted.update(operations[i].operands)
    return live


def _written(operations: Sequence[Operation], live: list[bool], kept: set[int]) -> set[int]:
    """The values that are written to memory."""
    written = set(kept)
    readers: dict[int, int] = {}  # how many written results read the value, through what is fused
    for i in range(len(operations) - 1, -1, -1):
        operation = operations[i]
        if not live[i]:
            continue
        fused = operation.name in _FUSED
        if operation.name in _VIEWS and operation.operands:
            source, result = operation.operands[0], operation.results[0]
            if result in written:
                written.add(source)
            readers[source] = readers.get(source, 0) + readers.get(result, 0)
            continue
        if not fused or (operation.name in _EXPENSIVE and readers.get(operation.results[0], 0) > 1):
            written.update(operation.results)
        stands = any(r in written for r in operation.results)
        weight = 1 if stands else sum(readers.get(r, 0) for r in operation.results)
        for x in operation.operands:
            readers[x] = readers.get(x, 0) + weight
            if not fused:
                written.add(x)
    return written


def _lifetimes(
    operations: Sequence[Operation], live: list[bool], written: set[int], kept: set[int]
) -> tuple[Allocation, ...]:
    # For each value the written ones that it is computed from.
    sources: dict[int, frozenset[int]] = {}
    born: dict[int, tuple[int, int, int, bool]] = {}
    last: dict[int, int] = {}
    reuses: dict[int, int] = {}  # the last event at which an operand is read elementwise
    end = len(operations)
    for i, operation in enumerate(operations):
        if not live[i]:
            continue
        read = frozenset().union(*(sources.get(x, frozenset()) for x in operation.operands))
        view = operation.name in _VIEWS
        for result, nbytes in zip(operation.results, operation.sizes, strict=True):
            if result in written and not view:
                born[result] = (i, nbytes, operation.layer, operation.backward)
                for x in read:
                    last[x] = i
                    if operation.name in _FUSED and born[x][1] == nbytes:
                        reuses[x] = i
                sources[result] = frozenset((result,))
                last[result] = i
            else:
                sources[result] = read
        if operation.name not in _FUSED:
            for x in read:
                last[x] = i
    gradients = {x for value in kept for x in sources.get(value, ())}
    last.update(dict.fromkeys(gradients, end))
    found = []
    taken: set[int] = set()  # events whose result lies where an operand lay
    for value, (begin, nbytes, layer, backward) in born.items():
        until = last[value]
        if reuses.get(value) == until and until not in taken and until > begin:
            taken.add(until)
            until -= 1
        if value in gradients:
            layer, backward = GRADIENT, False
        found.append(Allocation(begin, until, nbytes, layer, backward))
    return tuple(found)
