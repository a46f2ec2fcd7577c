"""The memory a training step takes, estimated from its graph: an operation's results live until their last reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from kdist.core import tree
from kdist.core.abstract import stand_ins
from kdist.core.recording import Recorder
from kdist.core.scopes import StatelessScope
from kdist.core.spec import Spec
from kdist.distribution.allocations import GRADIENT, Allocation
from kdist.distribution.trace import Traced

_TAG = re.compile(r"layer(\d+)")
# Their result is an operand's memory.
_VIEWS = frozenset(
    [
        "Reshape",
        "Identity",
        "IdentityN",
        "StopGradient",
        "ExpandDims",
        "Squeeze",
        "PreventGradient",
        "Snapshot",
    ]
)
_OUTSIDE = frozenset(["Placeholder", "Const"])
# They may write over an operand of the same size that nobody else reads.
_ELEMENTWISE = frozenset(
    [
        "Add",
        "AddV2",
        "AddN",
        "Sub",
        "Mul",
        "RealDiv",
        "Maximum",
        "Minimum",
        "Relu",
        "ReluGrad",
        "Tanh",
        "TanhGrad",
        "Sigmoid",
        "SigmoidGrad",
        "Exp",
        "Neg",
        "Sqrt",
        "Rsqrt",
        "Square",
        "Cast",
        "SelectV2",
        "Select",
        "BiasAdd",
        "Softmax",
        "LogSoftmax",
    ]
)


def recorder(describe: Callable) -> Recorder:
    """A recorder that marks the operations of each layer's call by their names."""
    return Recorder(describe, lambda layer: tf.name_scope(f"layer{layer}"))


def trace_gradients(
    loss_of: Callable, variables: Sequence, others: Sequence, args: tuple, placing: Any = None
) -> Traced:
    """What the gradient of `loss_of(*args)` with respect to `variables` holds in memory, and when.

    Arguments:
        others: further variables that `loss_of` reads.
        args: structures with a `Spec` for each tensor.
        placing: not looked at: no compiler is asked.
    """
    placeholder = lambda x: tf.compat.v1.placeholder(x.dtype, x.shape)
    fill = lambda x: placeholder(x) if isinstance(x, Spec) else x
    graph = tf.__internal__.FuncGraph("trace_gradients")
    with graph.as_default():
        filled = tree.map_structure(fill, args)
        values = [placeholder(v) for v in (*variables, *others)]
        pairs = zip((*variables, *others), values, strict=True)
        with StatelessScope(pairs), stand_ins(tf.zeros):
            loss = loss_of(*filled)
        parameters = values[: len(variables)]
        gradients = tf.gradients(loss, parameters)
    dense = [x for g in gradients if g is not None for x in _parts(g)]
    operations = _needed(graph.get_operations(), [*dense, loss])
    return Traced(_lifetimes(operations, dense), sum(map(_nbytes, dense)))


def _parts(gradient: Any) -> list:
    """The tensors of a gradient, which may be that of a few rows."""
    if isinstance(gradient, tf.IndexedSlices):
        return [gradient.values, gradient.indices]
    return [gradient]


def _needed(operations: Sequence, outputs: Sequence) -> list:
    """The operations that `outputs` depend on, in their order."""
    wanted, todo = set(), [x.op for x in outputs]
    while todo:
        operation = todo.pop()
        if operation.name not in wanted:
            wanted.add(operation.name)
            todo += [x.op for x in operation.inputs] + list(operation.control_inputs)
    return [o for o in operations if o.name in wanted]


def _lifetimes(operations: Sequence, kept: Sequence) -> tuple[Allocation, ...]:
    owner: dict[str, str] = {}  # tensor -> the one whose memory it is
    born: dict[str, tuple[int, int, int]] = {}
    last: dict[str, int] = {}
    overwritten: dict[str, int] = {}
    for i, operation in enumerate(operations):
        read = {owner[x.name] for x in operation.inputs if x.name in owner}
        for name in read:
            last[name] = i
        tags = _TAG.findall(operation.name)
        for x in operation.outputs:
            if operation.type in _VIEWS and read:
                owner[x.name] = owner.get(operation.inputs[0].name, x.name)
            elif operation.type not in _OUTSIDE:
                owner[x.name] = x.name
                born[x.name] = (i, _nbytes(x), int(tags[-1]) if tags else 0)
                last[x.name] = i
                if operation.type in _ELEMENTWISE:
                    same = [n for n in read if born[n][1] == born[x.name][1]]
                    overwritten.update(dict.fromkeys(same, i))
    gradients = {owner[x.name] for x in kept if x.name in owner}
    last.update(dict.fromkeys(gradients, len(operations)))
    found, taken = [], set()
    for name, (begin, nbytes, layer) in born.items():
        until = last[name]
        if overwritten.get(name) == until and until not in taken and until > begin:
            taken.add(until)
            until -= 1
        backward = name.startswith("gradients/")
        if name in gradients:
            layer, backward = GRADIENT, False
        found.append(Allocation(begin, until, nbytes, layer, backward))
    return tuple(found)


def _nbytes(x: Any) -> int:
    """Bytes of a tensor; 0 where its shape is not known before it is computed, or it is no array."""
    count = x.shape.num_elements() if x.shape.rank is not None else None
    return 0 if count is None else count * max(x.dtype.size or 0, 0)
