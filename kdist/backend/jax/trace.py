"""The memory a training step takes, estimated from its jaxpr.

XLA decides what lies in memory when it compiles. A small computation is compiled to ask it. For a large one the
estimate follows its main rules without compiling: elementwise
operations are fused into what consumes them and computed again where they are needed twice, unless they are
expensive; products, convolutions and reductions write their results; an elementwise operation may write over an
operand that nobody needs any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend import core as jex

from kdist.backend.jax.abstract import zeros
from kdist.backend.jax.fusion import Operation, allocations
from kdist.backend.jax.tensors import native_dtype
from kdist.core import tree
from kdist.core.abstract import stand_ins
from kdist.core.recording import Recorder, paused
from kdist.core.scopes import StatelessScope
from kdist.core.spec import Spec
from kdist.distribution.trace import Allocation

# Operations in a jaxpr up to which XLA is asked: about ten seconds of compiling.
COMPILED_LIMIT = 1500
_TAG = re.compile(r"layer(\d+)")


def recorder(describe: Callable[[Any], tuple]) -> Recorder:
    """A recorder that marks the operations of each layer's call in the jaxpr."""
    return Recorder(describe, lambda layer: jax.named_scope(f"layer{layer}"))


def trace_gradients(
    loss_of: Callable, variables: Sequence, others: Sequence, args: tuple
) -> tuple[tuple[Allocation, ...], int, int | None]:
    """What the gradient of `loss_of(*args)` with respect to `variables` holds in memory, and when.

    Arguments:
        others: further variables that `loss_of` reads.
        args: structures with a `Spec` for each tensor.

    Returns: the allocations, the bytes of the gradients, which are among them and live to the end, and if the
        computation is small enough to be compiled for it, the bytes XLA itself will take for both.
    """
    leaves = tree.flatten(args)
    slots = [i for i, x in enumerate(leaves) if isinstance(x, Spec)]

    def loss(values: list, held: list, arrays: list) -> jax.Array:
        filled = list(leaves)
        for i, x in zip(slots, arrays, strict=True):
            filled[i] = x
        pairs = zip((*variables, *others), (*values, *held), strict=True)
        with StatelessScope(pairs), stand_ins(zeros):
            return loss_of(*tree.pack_sequence_as(args, filled))

    struct = lambda x: jax.ShapeDtypeStruct(x.shape, native_dtype(x.dtype))
    values, held = [struct(v) for v in variables], [struct(v) for v in others]
    given = (values, held, [struct(leaves[i]) for i in slots])
    jaxpr = jax.make_jaxpr(jax.value_and_grad(loss))(*given).jaxpr
    flat = _Flat()
    outputs = flat.add(jaxpr, [None] * len(jaxpr.invars), "")
    gradients = [x for x in outputs[1:] if x is not None]
    sizes = sum(_nbytes(v.aval) for v in jaxpr.outvars[1:])
    compiled = None
    if len(flat.operations) <= COMPILED_LIMIT:
        with paused():
            compiled = _compiled_bytes(loss, given)
    return allocations(flat.operations, gradients), sizes, compiled


def _compiled_bytes(loss: Callable, given: tuple) -> int:
    """What XLA takes beyond arguments for a step that updates the first of them in place."""

    def step(values: list, held: list, arrays: list) -> tuple[jax.Array, list]:
        value, gradients = jax.value_and_grad(loss)(values, held, arrays)
        return value, [v - g for v, g in zip(values, gradients, strict=True)]

    memory = jax.jit(step, donate_argnums=0).lower(*given).compile().memory_analysis()
    return memory.temp_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes


class _Flat:
    """A jaxpr as one list of operations on numbered values, the functions that it calls written out.

    Values that exist outside of the step (arguments and constants) are None.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self._values = 0

    def add(self, jaxpr: Any, inputs: list, outer: str) -> list:
        """Write out `jaxpr`; returns its outputs' numbers."""
        numbers: dict[Any, int | None] = dict(zip(jaxpr.invars, inputs, strict=True))
        read = lambda x: None if isinstance(x, jex.Literal) else numbers.get(x)
        for equation in jaxpr.eqns:
            operands = [read(x) for x in equation.invars]
            stack = f"{outer}/{equation.source_info.name_stack}"
            inner = _called(equation)
            if inner is not None:
                results = self.add(inner, operands, stack)
            else:
                results = self._operation(equation, operands, stack)
            numbers.update(zip(equation.outvars, results, strict=True))
        return [read(x) for x in jaxpr.outvars]

    def _operation(self, equation: Any, operands: list, stack: str) -> list[int]:
        results = list(range(self._values, self._values + len(equation.outvars)))
        self._values += len(results)
        tags = _TAG.findall(stack)
        self.operations.append(
            Operation(
                name=equation.primitive.name,
                operands=tuple(x for x in operands if x is not None),
                results=tuple(results),
                sizes=tuple(_nbytes(v.aval) for v in equation.outvars),
                layer=int(tags[-1]) if tags else 0,
                backward="transpose(" in stack,
            )
        )
        return results


def _called(equation: Any) -> Any:
    """The jaxpr that an equation calls once, where it stands; None for loops and plain operations."""
    if equation.primitive.name in ("scan", "while", "cond"):
        return None
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        inner = equation.params.get(key)
        if inner is not None:
            return getattr(inner, "jaxpr", inner)
    return None


def _nbytes(aval: Any) -> int:
    return (
        aval.size * aval.dtype.itemsize
        if hasattr(aval, "shape") and hasattr(aval.dtype, "itemsize")
        else 0
    )
