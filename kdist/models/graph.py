"""A graph of operations between symbolic inputs and outputs, and its execution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdist.core import masks, tree
from kdist.core.graph import KerasTensor, Node, Operation


class Graph:
    """The nodes from which `outputs` are computed given `inputs`, in an order in which they can run.

    Operations are listed as Keras lists them (by decreasing distance from the outputs), which is the order that files
    of weights rely on.

    Raises: ValueError if an output depends on an Input that is not among `inputs`.
    """

    def __init__(self, inputs: Any, outputs: Any):
        self.inputs, self.outputs = inputs, outputs
        self.flat_inputs: list[KerasTensor] = tree.flatten(inputs)
        self.flat_outputs: list[KerasTensor] = tree.flatten(outputs)
        for what, tensors in (("inputs", self.flat_inputs), ("outputs", self.flat_outputs)):
            for x in tensors:
                if not isinstance(x, KerasTensor):
                    raise ValueError(
                        f"{what} of a model must be symbolic tensors, from Input() and from calling layers; one "
                        f"is {x!r}."
                    )
        self.nodes, indices = self._order()
        self.operations = self._sorted_operations(indices)
        self._compile()

    def _order(self) -> tuple[list[Node], dict[Operation, int]]:
        input_ids = {id(x) for x in self.flat_inputs}
        ordered: list[Node] = []
        done: set[int] = set()
        indices: dict[Operation, int] = {}

        # Iterative post-order walk: a deep model must not meet Python's recursion limit.
        for output in self.flat_outputs:
            stack: list[tuple[KerasTensor, bool]] = [(output, False)]
            while stack:
                tensor, expanded = stack.pop()
                history = tensor._keras_history
                if history is None:
                    if id(tensor) in input_ids:
                        continue
                    raise ValueError(
                        f"{tensor!r} was made by no layer, so the model cannot compute it. Start from Input()."
                    )
                node = history.operation._inbound_nodes[history.node_index]
                if expanded:
                    if id(node) not in done:
                        done.add(id(node))
                        ordered.append(node)
                    continue
                if id(node) in done:
                    continue
                if id(tensor) in input_ids and not node.is_input:
                    continue  # what made it is outside of the graph
                indices.setdefault(node.operation, len(indices))
                stack.append((tensor, True))
                if id(tensor) in input_ids:
                    continue
                if node.is_input:
                    raise ValueError(
                        f"Output {output!r} is not connected to `inputs`. The outputs depend on {tensor!r}, "
                        f"which is not among the inputs {[x.name for x in self.flat_inputs]}."
                    )
                stack += [(t, False) for t in reversed(node.input_tensors)]
        for x in self.flat_inputs:
            if x._keras_history is None:
                continue
            node = x._keras_history.operation._inbound_nodes[x._keras_history.node_index]
            if node.is_input and id(node) not in done:
                done.add(id(node))
                ordered.insert(0, node)
                indices.setdefault(node.operation, len(indices))
        return ordered, indices

    def _sorted_operations(self, indices: dict[Operation, int]) -> list[Operation]:
        input_ids = {id(x) for x in self.flat_inputs}
        own = {id(n) for n in self.nodes}
        node_depth: dict[int, int] = {}
        depth: dict[Operation, int] = {}
        for node in reversed(self.nodes):
            d = max(node_depth.setdefault(id(node), 0), depth.get(node.operation, 0))
            depth[node.operation] = node_depth[id(node)] = d
            if any(id(t) in input_ids for t in node.outputs):
                continue
            for parent in node.parents:
                if id(parent) in own:
                    node_depth[id(parent)] = max(d + 1, node_depth.get(id(parent), 0))
        return sorted(depth, key=lambda op: (-depth[op], indices[op]))

    # ---- execution
    def _compile(self) -> None:
        """Slots instead of tensors: an instruction reads and writes positions of one list."""
        slots: dict[int, int] = {id(x): i for i, x in enumerate(self.flat_inputs)}
        self._program: list[tuple[Operation, Any, int | list[int]]] = []
        for node in self.nodes:
            if node.is_input or all(id(t) in slots for t in node.outputs):
                continue
            out = []
            for t in node.outputs:
                out.append(slots.setdefault(id(t), len(slots)))
            self._program.append(
                (
                    node.operation,
                    _arguments(node, slots),
                    out[0] if len(out) == 1 and isinstance(node.outputs[0], KerasTensor) else out,
                )
            )
        self._slots = len(slots)
        self._results = [slots[id(x)] for x in self.flat_outputs]
        self._pack = tree.packer(self.outputs)

    def run(self, flat_inputs: list, call: Callable | None = None) -> Any:
        """The outputs for values of the inputs, in the outputs' structure.

        `call(operation, args, kwargs)` replaces calling.
        """
        values: list[Any] = [None] * self._slots
        values[: len(flat_inputs)] = flat_inputs
        for operation, arguments, out in self._program:
            if type(arguments) is int:
                result = (
                    operation(values[arguments])
                    if call is None
                    else call(operation, (values[arguments],), {})
                )
            else:
                args, kwargs = arguments(values)
                result = (
                    operation(*args, **kwargs) if call is None else call(operation, args, kwargs)
                )
            if type(out) is int:
                values[out] = result
            else:
                for slot, value in zip(out, tree.flatten(result), strict=True):
                    values[slot] = value
        return self._pack([values[i] for i in self._results])

    def specs(self, flat_inputs: list[KerasTensor]) -> Any:
        """The outputs' specs for other symbolic inputs, without adding nodes to the graph."""

        def spec(operation: Any, args: tuple, kwargs: dict) -> Any:
            out = operation.compute_output_spec(*args, **kwargs)
            previous = (
                masks.get_keras_mask(args[0]) if args and isinstance(args[0], KerasTensor) else None
            )
            if previous is not None and getattr(operation, "supports_masking", False):
                for t, m in zip(
                    tree.flatten(out),
                    tree.flatten(operation.compute_mask(args[0], previous)),
                    strict=False,
                ):
                    masks.set_keras_mask(t, m)
            return out

        return self.run(flat_inputs, spec)


def _arguments(node: Node, slots: dict[int, int]) -> Any:
    """A slot, for the common call with one tensor; else a function from values to (args, kwargs)."""
    if len(node.args) == 1 and isinstance(node.args[0], KerasTensor) and not node.kwargs:
        return slots[id(node.args[0])]
    leaves = tree.flatten((node.args, node.kwargs))
    places = [(i, slots[id(x)]) for i, x in enumerate(leaves) if isinstance(x, KerasTensor)]
    pack = tree.packer((node.args, node.kwargs))

    def fill(values: list) -> tuple[tuple, dict]:
        filled = list(leaves)
        for i, slot in places:
            filled[i] = values[slot]
        return pack(filled)

    return fill
