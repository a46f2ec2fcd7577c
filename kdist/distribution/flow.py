"""Which layers take what features of which: the flow of data between the products of a model.

Where features flow from layer to layer as they are, or through functions of single elements, all of these layers hold
the same part of them on a device, or all hold them whole. So what can be cut is such a group of tensors, not one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kdist.distribution.tensor_split import LinearSplit


class Features:
    """Tensors that are cut along their features together, or not at all.

    Attributes:
        makers: the products that give them; layer id -> layer.
        readers: the products that take them.
        between: the layers between these, functions of single elements.
        is_whole: whether something else in the model gives or takes them, which has no part of them alone.
        is_result: whether the model gives them.
    """

    def __init__(self, is_whole: bool = False):
        self.makers: dict[int, Any] = {}
        self.readers: dict[int, Any] = {}
        self.between: dict[int, Any] = {}
        self.is_whole, self.is_result = is_whole, False
        self._joined: Features | None = None

    @property
    def products(self) -> set[int]:
        """The ids of those that give or take them."""
        return self.makers.keys() | self.readers.keys()

    @property
    def are_for_products(self) -> bool:
        """Whether products take them, and nothing else does."""
        return bool(self.readers) and not self.is_whole and not self.is_result

    def found(self) -> Features:
        """These, or what they were joined to."""
        last = self
        while last._joined is not None:
            last = last._joined
        return last

    def join(self, other: Features) -> None:
        """What is cut here is cut there."""
        to, by = self.found(), other.found()
        if to is by:
            return
        if len(to.between) + len(to.makers) < len(by.between) + len(by.makers):
            to, by = by, to
        to.makers |= by.makers
        to.readers |= by.readers
        to.between |= by.between
        to.is_whole |= by.is_whole
        to.is_result |= by.is_result
        by._joined = to


class Flow:
    """The features that flow through a model.

    What a graph of layers says is taken from it. Elsewhere nothing is known but the layers that a layer holds, and
    they are taken for a chain; a product that fits the one before only as a second one of the same input stands
    beside it, as in a gated block.

    Attributes:
        features: those that products give, in the order in which they are computed.
    """

    def __init__(self, model: Any):
        self._given: dict[int, Features] = {}  # product's id -> what it gives
        self._taken: dict[int, Features] = {}  # and what it takes, at every call
        graph = getattr(model, "_graph", None)
        for features in self._graph(graph) if graph is not None else [self._chain([model])]:
            features.found().is_result = True
        found = (features.found() for features in self._given.values())
        self.features = list({id(features): features for features in found}.values())

    def _through(self, layer: Any, inputs: Sequence[Features]) -> list[Features]:
        """What `layer`, or an operation that is none, gives for `inputs`; one for all of them if it is no graph."""
        split = layer.tensor_split() if hasattr(layer, "tensor_split") else None
        if isinstance(split, LinearSplit):
            return [self._product(layer, inputs)]
        if getattr(layer, "keeps_tensor_split", False):
            return [self._between(layer, inputs)]
        graph = getattr(layer, "_graph", None)
        if graph is not None and len(inputs) == len(graph.flat_inputs) == 1:
            return self._graph(graph, inputs)
        _all_whole(inputs)
        if graph is not None:
            return self._graph(graph)
        if split is None:
            _all_whole([self._chain(getattr(layer, "_layers", ()))])
        return [Features(is_whole=True)]

    def _product(self, layer: Any, inputs: Sequence[Features]) -> Features:
        taken = self._taken.setdefault(id(layer), Features())
        taken.found().readers[id(layer)] = layer
        for features in inputs:
            taken.join(features)
        given = self._given.setdefault(id(layer), Features())
        given.found().makers[id(layer)] = layer
        return given

    def _between(self, layer: Any, inputs: Sequence[Features]) -> Features:
        given = Features()
        given.between[id(layer)] = layer
        for features in inputs:
            given.join(features)
        return given

    def _graph(self, graph: Any, inputs: Sequence[Features] = ()) -> list[Features]:
        """What a graph gives for `inputs`; default: for whole ones."""
        known = {id(x): Features(is_whole=True) for x in graph.flat_inputs}
        known.update((id(x), f) for x, f in zip(graph.flat_inputs, inputs, strict=False))
        for node in graph.nodes:
            if node.is_input or all(id(x) in known for x in node.outputs):
                continue
            outputs = self._through(node.operation, [known[id(x)] for x in node.input_tensors])
            if len(outputs) != len(node.outputs):
                outputs = outputs[:1] * len(node.outputs)
            known.update(
                (id(x), features) for x, features in zip(node.outputs, outputs, strict=True)
            )
        return [known[id(x)] for x in graph.flat_outputs]

    def _chain(self, parts: Sequence[Any], features: Features | None = None) -> Features:
        """What the last of `parts` gives; the first takes `features`, by default whole ones."""
        features = features or Features(is_whole=True)
        for part in parts:
            split = part.tensor_split()
            if isinstance(split, LinearSplit):
                features = self._next(part, split, features)
            elif split is None and part._layers and getattr(part, "_graph", None) is None:
                features = self._chain(part._layers, features)
            else:
                [features, *_] = self._through(part, [features])
        return features

    def _next(self, layer: Any, split: LinearSplit, features: Features) -> Features:
        """What a product gives that follows in a chain."""
        makers = [x.tensor_split() for x in features.found().makers.values()]
        if all(maker.outputs == split.inputs for maker in makers):
            return self._product(layer, [features])
        if all((x.inputs, x.outputs) == (split.inputs, split.outputs) for x in makers):
            given = self._product(layer, [Features(is_whole=True)])
            given.join(features)
            return given
        features.found().is_whole = True
        return self._product(layer, [Features(is_whole=True)])


def _all_whole(found: Iterable[Features]) -> None:
    for features in found:
        features.found().is_whole = True
