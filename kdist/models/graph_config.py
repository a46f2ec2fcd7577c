"""A functional graph as plain data, in Keras's format, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdist.core import serialization, tree
from kdist.core.graph import KerasTensor, Node, Operation
from kdist.models.graph import Graph


def graph_to_config(graph: Graph, starts_with_own_node: Callable[[Operation], bool]) -> dict:
    """`layers`, `input_layers` and `output_layers` of a functional model's config.

    Arguments:
        starts_with_own_node: whether Keras counts an operation's calls from 1, as it does for nested functional models.
    """
    own = {id(n) for n in graph.nodes}
    kept = lambda op, index: sum(id(n) in own for n in op._inbound_nodes[:index])

    def tensor_config(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return serialization.serialize_keras_object(x)
        h = x._keras_history
        assert h is not None
        history = [h.operation.name, kept(h.operation, h.node_index), h.tensor_index]
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": list(x.shape), "dtype": x.dtype, "keras_history": history},
        }

    def node_config(node: Node) -> dict:
        args, kwargs = node.operation.saved_arguments(node)
        return {"args": _map(tensor_config, args), "kwargs": _map(tensor_config, kwargs)}

    layers = []
    for op in graph.operations:
        config = serialization.serialize_keras_object(op)
        config["name"] = op.name
        config["inbound_nodes"] = [
            node_config(n) for n in op._inbound_nodes if id(n) in own and not n.is_input
        ]
        layers.append(config)

    def place(x: KerasTensor) -> list:
        h = x._keras_history
        assert h is not None
        offset = 1 if starts_with_own_node(h.operation) else 0
        return [h.operation.name, kept(h.operation, h.node_index) + offset, h.tensor_index]

    return {
        "layers": layers,
        "input_layers": _map(place, graph.inputs),
        "output_layers": _map(place, graph.outputs),
    }


def graph_from_config(
    config: dict, starts_with_own_node: Callable[[Operation], bool]
) -> tuple[Any, Any]:
    """(inputs, outputs): symbolic tensors of a graph rebuilt from `graph_to_config`'s data.

    Raises: ValueError for a graph with calls that cannot be made: a layer that is missing, or a loop.
    """
    created: dict[str, Any] = {}
    waiting: list[tuple[Any, list]] = []
    for data in config["layers"]:
        layer = serialization.deserialize_keras_object(
            {k: v for k, v in data.items() if k not in ("name", "inbound_nodes")}
        )
        created[data["name"]] = layer
        waiting.append((layer, list(data["inbound_nodes"])))
    first_node = {
        id(layer): len(layer._inbound_nodes) if data["inbound_nodes"] else 0
        for (layer, _), data in zip(waiting, config["layers"], strict=True)
    }

    def revive(x: Any) -> Any:
        history = getattr(x, "_saved_history", None)
        if history is None:
            return x
        name, node_index, tensor_index = history
        if name not in created:
            raise ValueError(
                f"The model's config calls the layer {name!r}, which it does not define."
            )
        layer = created[name]
        nodes = layer._inbound_nodes[first_node[id(layer)] :]
        if node_index >= len(nodes):
            raise _NotYet
        return nodes[node_index].outputs[tensor_index]

    while any(nodes for _, nodes in waiting):
        progress = False
        for layer, nodes in waiting:
            while nodes:
                args = _map_leaves(serialization.deserialize_keras_object(nodes[0]["args"]), revive)
                kwargs = _map_leaves(
                    serialization.deserialize_keras_object(nodes[0]["kwargs"]), revive
                )
                if args is _NotYet or kwargs is _NotYet:
                    break
                layer.call_saved(*args, **kwargs)
                nodes.pop(0)
                progress = True
        if not progress:
            names = [layer.name for layer, nodes in waiting if nodes]
            raise ValueError(
                f"The model's config has a loop, or calls that depend on what is missing: {names}."
            )

    def tensor(name: str, node_index: int, tensor_index: int) -> KerasTensor:
        layer = created[name]
        index = node_index - (1 if starts_with_own_node(layer) else 0) + first_node[id(layer)]
        return layer._inbound_nodes[index].outputs[tensor_index]

    def places(x: Any) -> Any:
        if isinstance(x, list | tuple) and len(x) == 3 and isinstance(x[0], str):
            return tensor(*x)
        if isinstance(x, dict):
            return {k: places(v) for k, v in x.items()}
        return [places(v) for v in x]

    return places(config["input_layers"]), places(config["output_layers"])


class _NotYet(Exception):
    """A call whose inputs are not there yet."""


def _map_leaves(structure: Any, fn: Callable) -> Any:
    try:
        return tree.map_structure(fn, structure)
    except _NotYet:
        return _NotYet


def _map(fn: Callable, structure: Any) -> Any:
    """Map leaves, with tuples as lists, as JSON has them."""
    if isinstance(structure, list | tuple):
        return [_map(fn, x) for x in structure]
    if isinstance(structure, dict):
        return {k: _map(fn, v) for k, v in structure.items()}
    return fn(structure)
