"""The memory a training step takes, estimated from its jaxpr.

XLA decides what lies in memory when it compiles, so it is asked: see `memory`. What each layer has of it is found
without compiling, by XLA's main rules, and so is all of it where compiling would take too long: elementwise
operations are fused into what consumes them and computed again where they are needed twice, unless they are
expensive; products, convolutions and reductions write their results; an elementwise operation may write over an
operand that nobody needs any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
from jax.extend import core as jex

from kdist.backend.jax.abstract import zeros
from kdist.backend.jax.fusion import Operation, allocations
from kdist.backend.jax.memory import compiled_bytes, on_devices, struct
from kdist.backend.jax.placement import computing_as, is_here, standing_in
from kdist.backend.jax.reads import Reads, Region, marked, marking
from kdist.backend.jax.stand_ins import stand_in
from kdist.core import recording, tree
from kdist.core.abstract import stand_ins
from kdist.core.given import GivenValues
from kdist.core.recording import Kept, Recorder, paused
from kdist.core.scopes import StatelessScope
from kdist.core.spec import Spec
from kdist.distribution.trace import Traced

_TAG = re.compile(r"layer(\d+)")


def recorder(describe: Callable) -> Recorder:
    """A recorder that marks the operations of each layer's call in the jaxpr."""
    return Recorder(describe, lambda layer: jax.named_scope(f"layer{layer}"))


def trace_gradients(
    loss_of: Callable, variables: Sequence, others: Sequence, args: tuple, placing: Any = None
) -> Traced:
    """What the gradient of `loss_of(*args)` with respect to `variables` holds in memory, and when.

    Arguments:
        others: further variables that `loss_of` reads.
        args: structures with a `Spec` for each tensor, its first dim one device's rows.
        placing: (model, plan): `loss_of` is the model's, on many devices.
    """
    loss = _Loss(loss_of, variables, others, args, StatelessScope)
    arrays = [x for x in tree.flatten(args) if isinstance(x, Spec)]
    given = tuple([struct(x) for x in group] for group in (variables, others, arrays))
    if placing is None:
        jaxpr = jax.make_jaxpr(jax.value_and_grad(loss))(*given).jaxpr
    else:
        with marking((*variables, *others)):
            marked_loss = _Loss(loss_of, variables, others, args, _brought)
            jaxpr = jax.make_jaxpr(jax.value_and_grad(marked_loss))(*given).jaxpr
    flat = _Flat()
    outputs = flat.add(jaxpr, [None] * len(jaxpr.invars), "")
    gradients = [x for x in outputs[1:] if x is not None]
    again = read = reached = None
    if placing is not None:
        again = flat.reads.again(flat.operations, gradients)
        read = flat.reads.variables(flat.operations)
        reached = frozenset(
            id(v) for v, x in zip(variables, outputs[1:], strict=True) if flat.is_computed(x)
        )
    operations = flat.reads.without(flat.operations)
    sizes = sum(_nbytes(v.aval) for v in jaxpr.outvars[1:])
    compiled = placed = None
    with paused():
        where = None if placing is None else _compiling_for(placing[1])
        if where is not None:
            loss = _Loss(loss_of, variables, others, args, _brought)
            with where, computing_as(*placing):
                placed = compiled_bytes(loss, on_devices(*placing, variables, others, arrays))
        else:
            compiled = compiled_bytes(loss, given)
    return Traced(allocations(operations, gradients), sizes, compiled, placed, again, read, reached)


def _compiling_for(plan: Any) -> AbstractContextManager | None:
    """What to enter to compile for the plan's devices; None where that cannot be done."""
    if is_here(plan.mesh):
        return nullcontext()
    layouts = [v.layout for v in (*plan.variables, *plan.optimizer)]
    layouts += [plan.strategy.slot_layout(v.layout, v.shape) for v in plan.variables]
    other = stand_in(plan.mesh, {a for layout in layouts for a in layout.mesh_axes})
    return None if other is None else standing_in(plan.mesh, other)


class _Loss:
    """The loss as a function of arrays: the variables' values, those of others, and the batch.

    Arguments:
        scope: makes the scope in which variables, given as pairs of variable and value, read as these values.
    """

    def __init__(
        self, loss_of: Callable, variables: Sequence, others: Sequence, args: tuple, scope: Callable
    ):
        self._loss_of, self._args, self._scope = loss_of, args, scope
        self._variables = (*variables, *others)

    def __call__(self, values: list, held: list, arrays: list) -> jax.Array:
        rest = iter(arrays)
        fill = lambda x: next(rest) if isinstance(x, Spec) else x
        filled = tree.map_structure(fill, self._args)
        if recording.local.recorder is not None:
            recording.local.recorder.identify = Kept(_flows(arrays)).identify
        pairs = zip(self._variables, (*values, *held), strict=True)
        with self._scope(pairs), stand_ins(zeros):
            return self._loss_of(*filled)


def _flows(arrays: list) -> Callable[[Any], bool]:
    """Tells tensors that may have a gradient, where `arrays` have none.

    Gradients follow tracers of their own: what has none is left to the trace that `arrays` are of. What a part that is
    computed again makes is of a third one, and not told apart.
    """
    plain = {id(x._trace) for x in arrays if isinstance(x, jax.core.Tracer)}
    return lambda x: isinstance(x, jax.core.Tracer) and id(x._trace) not in plain


def _brought(pairs: Iterable) -> StatelessScope:
    """Values are brought to where the plan computes with them."""
    return GivenValues(tuple(zip(*pairs, strict=True))).scope()


class _Flat:
    """A jaxpr as one list of operations on numbered values, the functions that it calls written out.

    Values that exist outside of the step (arguments and constants) are None.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.reads = Reads()
        self._values = self._regions = 0
        self._constant: set[int] = set()

    def add(self, jaxpr: Any, inputs: list, outer: str, region: Region = ()) -> list:
        """Write out `jaxpr`; returns its outputs' numbers.

        Arguments:
            region: what is computed again, in which it stands.
        """
        numbers: dict[Any, int | None] = dict(zip(jaxpr.invars, inputs, strict=True))
        read = lambda x: None if isinstance(x, jex.Literal) else numbers.get(x)
        for equation in jaxpr.eqns:
            operands = [read(x) for x in equation.invars]
            stack = f"{outer}/{equation.source_info.name_stack}"
            inner, variable = _called(equation), marked(equation)
            if inner is not None:
                results = self.add(inner, operands, stack, (*region, *self._region(equation)))
            elif variable:
                results = [self._values]
                self._values += 1
                self.reads.add(results[0], variable, region)
            else:
                results = self._operation(equation, operands, stack)
            numbers.update(zip(equation.outvars, results, strict=True))
        return [read(x) for x in jaxpr.outvars]

    def is_computed(self, value: int | None) -> bool:
        """Whether a value is more than constants make. jax fills in zeros for gradients that there are not."""
        return value is not None and value not in self._constant

    def _region(self, equation: Any) -> Region:
        """A new region's number if the equation begins one."""
        if not equation.params.get("differentiated"):
            return ()
        self._regions += 1
        return (self._regions,)

    def _operation(self, equation: Any, operands: list, stack: str) -> list[int]:
        results = list(range(self._values, self._values + len(equation.outvars)))
        self._values += len(results)
        literal = (isinstance(x, jex.Literal) for x in equation.invars)
        if all(a or b in self._constant for a, b in zip(literal, operands, strict=True)):
            self._constant.update(results)
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
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr", "callee"):
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
