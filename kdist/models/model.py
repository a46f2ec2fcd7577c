"""`Model`: a layer that can be trained, saved and summarised; by subclassing, or as a graph of inputs and outputs."""

from __future__ import annotations

import inspect
import json
from typing import Any

from kdist import ops, saving
from kdist.core import masks, tree
from kdist.core.graph import KerasTensor, Operation
from kdist.layers.core.input_layer import Input
from kdist.layers.input_spec import InputSpec
from kdist.layers.layer import Layer
from kdist.layers.shapes import map_shapes
from kdist.layers.state import LayerState
from kdist.models.graph import Graph
from kdist.models.graph_config import graph_from_config, graph_to_config
from kdist.models.summary import summary
from kdist.training.trainer import Trainer


def _is_functional_call(args: tuple, kwargs: dict) -> bool:
    return (
        len(args) == 2
        or (len(args) == 1 and "outputs" in kwargs)
        or ("inputs" in kwargs and "outputs" in kwargs)
    )


class Model(Trainer, Layer):
    """A model, made in one of two ways.

    As a graph: `Model(inputs, outputs)` with symbolic tensors (or structures of them) from `Input()` and from calling
    layers. By subclassing: layers are made in `__init__`, and `call(self, inputs, training=None)` uses them.

    Arguments:
        inputs, outputs: symbolic tensors, for a graph.
        name: the model's name.
        trainable, dtype: as for a layer.
    """

    _graph: Graph | None = None
    _only_connects = True
    _saved_parts = ("layers", "loss", "metrics", "optimizer")

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and _is_functional_call(args, kwargs):
            return super().__new__(Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any):
        if _is_functional_call(args, kwargs):
            inputs = kwargs.pop("inputs", None) if not args else args[0]
            outputs = kwargs.pop("outputs") if len(args) < 2 else args[1]
            trainable = kwargs.pop("trainable", None)
            Layer.__init__(self, **kwargs)
            Trainer.__init__(self)
            self._set_graph(Graph(*_from_inputs(_unwrapped(inputs), _unwrapped(outputs))))
            if trainable is not None:
                self.trainable = trainable
        else:
            if args:
                raise TypeError(
                    f"{type(self).__name__}() takes inputs and outputs, or keyword arguments alone; received {args!r}."
                )
            Layer.__init__(self, **kwargs)
            Trainer.__init__(self)

    # ---- the graph
    def _set_graph(self, graph: Graph) -> None:
        object.__setattr__(self, "_graph", graph)
        for op in graph.operations:
            if isinstance(op, LayerState):
                self._track(op.name, op)
        names = [op.name for op in graph.operations]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(
                f"The name {twice[0]!r} is used {names.count(twice[0])} times in the model. Layers of a model "
                "must have different names."
            )
        self.input_spec = self._graph_input_spec()
        self.built = True
        self._called = True

    def _graph_input_spec(self) -> Any:
        graph = self._graph
        assert graph is not None

        def spec(x: KerasTensor, name: str | None = None) -> InputSpec:
            op = x._keras_history.operation  # type: ignore[union-attr]
            return InputSpec(
                shape=(None, *x.shape[1:]) if x.shape else (),
                allow_last_axis_squeeze=True,
                name=name or op.name,
                optional=getattr(op, "optional", False),
            )

        if isinstance(graph.inputs, dict):
            if all(isinstance(v, KerasTensor) for v in graph.inputs.values()):
                return [spec(graph.inputs[k], k) for k in sorted(graph.inputs)]
            return None
        return [spec(x) for x in graph.flat_inputs]

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        graph = self._graph
        if graph is None:
            raise NotImplementedError(
                f"{type(self).__name__} is a subclass of Model without a call() method. Define call(self, inputs)."
            )
        flat = self._flat_inputs(inputs)
        if mask is not None:
            for x, m in zip(flat, tree.flatten(mask), strict=False):
                if m is not None:
                    masks.set_keras_mask(x, m)
        return graph.run(flat)

    def _flat_inputs(self, inputs: Any) -> list:
        graph = self._graph
        assert graph is not None
        wanted = graph.inputs
        if isinstance(inputs, dict) and not isinstance(wanted, dict):
            names = [x._keras_history.operation.name for x in graph.flat_inputs]  # type: ignore[union-attr]
            missing = [n for n in names if n not in inputs]
            if missing:
                raise ValueError(
                    f"Model {self.name!r} has the inputs {names}; the dict has no {missing[0]!r}, only "
                    f"{sorted(inputs)}."
                )
            flat = [inputs[n] for n in names]
        elif isinstance(wanted, dict) and isinstance(inputs, dict):
            missing = [k for k in wanted if k not in inputs]
            if missing:
                raise ValueError(
                    f"Model {self.name!r} has no value for its input {missing[0]!r}; the dict has {sorted(inputs)}."
                )
            flat = tree.flatten({k: inputs[k] for k in wanted})
        else:
            flat = tree.flatten(inputs)
        if len(flat) != len(graph.flat_inputs):
            raise ValueError(
                f"Model {self.name!r} has {len(graph.flat_inputs)} inputs, and received {len(flat)}."
            )
        return [_adjust_rank(x, t) for x, t in zip(flat, graph.flat_inputs, strict=True)]

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if self._graph is None or type(self).call is not Model.call:
            # That method would ask this one.
            if type(self).compute_output_shape is Model.compute_output_shape:
                return self._probe_call(args, kwargs)
            return super().compute_output_spec(*args, **kwargs)
        return self._graph.specs(self._flat_inputs(args[0] if args else kwargs["inputs"]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        symbolic = map_shapes(lambda s: KerasTensor(s), input_shape)
        return tree.map_structure(lambda x: x.shape, self.compute_output_spec(symbolic))

    @property
    def inputs(self) -> list:
        return self._require_graph("inputs").flat_inputs

    @property
    def outputs(self) -> list:
        return self._require_graph("outputs").flat_outputs

    @property
    def input(self) -> Any:
        return self._graph.inputs if self._graph is not None else Operation.input.fget(self)  # type: ignore[attr-defined]

    @property
    def output(self) -> Any:
        return self._graph.outputs if self._graph is not None else Operation.output.fget(self)  # type: ignore[attr-defined]

    @property
    def input_shape(self) -> Any:
        return tree.map_structure(lambda x: x.shape, self._require_graph("input_shape").inputs)

    @property
    def output_shape(self) -> Any:
        return tree.map_structure(lambda x: x.shape, self._require_graph("output_shape").outputs)

    @property
    def output_names(self) -> list[str] | None:
        """The names of the outputs: the keys of a dict, else the layers that made them.

        None where there is no graph.
        """
        if self._graph is None:
            return None
        if isinstance(self._graph.outputs, dict):
            return sorted(self._graph.outputs)
        return [x._keras_history.operation.name for x in self._graph.flat_outputs]  # type: ignore[union-attr]

    def _require_graph(self, what: str) -> Graph:
        if self._graph is None:
            raise AttributeError(
                f"Model {self.name!r} is a subclass without a graph, and has no {what}."
            )
        return self._graph

    # ---- layers
    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside the model."""
        return list(self._layers)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by `name` or by `index` in `layers`, one of them.

        Raises: ValueError naming what there is.
        """
        if (name is None) == (index is None):
            raise ValueError("get_layer takes name or index, one of them.")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"index={index}: the model has {len(self.layers)} layers.")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(
            f"There is no layer named {name!r}. The model has {[layer.name for layer in self.layers]}."
        )

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Print a table of layers, shapes and parameters."""
        summary(self, *args, **kwargs)

    # ---- files
    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Write architecture, weights, optimizer state and compile arguments to one `.keras` file.

        Arguments:
            filepath: a path or URL that ends in ".keras", or a binary file object.
            overwrite: replace what is there; False asks at a terminal, and raises elsewhere.
            zipped: False writes a folder with the same parts instead of one file.
        """
        saving.save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None
    ) -> None:
        """Write the weights to a `.weights.h5` file.

        Arguments:
            filepath: a path or URL that ends in ".weights.h5"; in ".weights.json" for shards.
            overwrite: replace what is there; False asks at a terminal, and raises elsewhere.
            max_shard_size: None, or the most GiB of one file; several are written then.
        """
        saving.save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read the weights from a file.

        Arguments:
            filepath: a path or URL that ends in ".weights.h5", ".weights.json" or ".keras".
            skip_mismatch: leave what does not fit as it is, with a warning.
        """
        saving.load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture, without weights, as JSON."""
        return json.dumps(saving.serialize_keras_object(self), **kwargs)

    def get_config(self) -> dict:
        if self._graph is not None and _has_graph_constructor(type(self)):
            config = {
                "name": self.name,
                "trainable": self.trainable,
                **graph_to_config(self._graph, _is_nested_functional),
            }
            return config
        return Layer.get_config(self)

    @classmethod
    def from_config(cls, config: dict, custom_objects: Any = None) -> Any:
        """A model from `config`, what `get_config` gave.

        Arguments:
            custom_objects: dict of names and the classes or functions of the user's own.
        """
        config = dict(config)
        if {"layers", "input_layers", "output_layers"} <= set(config) and (
            cls in (Model, Functional) or _has_graph_constructor(cls)
        ):
            graph = {k: config.pop(k) for k in ("layers", "input_layers", "output_layers")}
            with saving.custom_object_scope(custom_objects or {}):
                inputs, outputs = graph_from_config(graph, _is_nested_functional)
            config.pop("dtype", None)
            return cls(inputs=inputs, outputs=outputs, **config)
        return super().from_config(config)

    def get_build_config(self) -> dict | None:
        return None if self._graph is not None else super().get_build_config()

    def build_from_config(self, config: dict) -> None:
        """Create a subclassed model's variables by running it on symbolic inputs.

        `config` is what `get_build_config` gave, which holds their shapes.
        """
        if type(self).build is not Layer.build:
            super().build_from_config(config)
            return
        shapes = config.get("input_shape") or config.get("shapes_dict")
        if not shapes:
            return
        symbolic = lambda s: map_shapes(lambda t: KerasTensor(t, self.compute_dtype), s)
        if "input_shape" in config:
            self(symbolic(config["input_shape"]))
        else:
            self(**{k.removesuffix("_shape"): symbolic(v) for k, v in shapes.items()})


class Functional(Model):
    """A model made from a graph of inputs and outputs: what `Model(inputs, outputs)` gives."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        super().__init__(inputs, outputs, name=name, **kwargs)


def _has_graph_constructor(cls: type) -> bool:
    """Whether `cls(inputs=..., outputs=...)` makes it again from its graph."""
    spec = inspect.getfullargspec(cls.__init__)
    return spec.args[1:] == ["inputs", "outputs", "name"] or (
        spec.varargs is not None and spec.varkw is not None
    )


def _is_nested_functional(operation: Operation) -> bool:
    return (
        isinstance(operation, Model)
        and operation._graph is not None
        and type(operation).__name__ != "Sequential"
    )


def _from_inputs(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """The same computation from tensors that `Input()` makes, where some of `inputs` are made by layers.

    What made these is no part of the model.
    """
    flat = tree.flatten(inputs)
    starts = [x for x in flat if isinstance(x, KerasTensor) and not _is_made(x)]
    if len(starts) == len(flat):
        return inputs, outputs
    graph = Graph(inputs, outputs)
    fresh = [
        Input(batch_shape=x.shape, dtype=x.dtype) if _is_made(x) else x for x in graph.flat_inputs
    ]
    return tree.pack_sequence_as(inputs, fresh), graph.run(fresh)


def _is_made(x: KerasTensor) -> bool:
    """Whether an operation made it from others."""
    h = x._keras_history
    return h is None or not h.operation._inbound_nodes[h.node_index].is_input


def _unwrapped(tensors: Any) -> Any:
    """Plain containers: a list that a layer tracked is a list."""
    if isinstance(tensors, list):
        return [_unwrapped(t) for t in tensors]
    if isinstance(tensors, dict):
        return {k: _unwrapped(v) for k, v in tensors.items()}
    return tensors


def _adjust_rank(x: Any, wanted: KerasTensor) -> Any:
    """Add or drop a trailing dim of 1: targets and scalars of a batch come both ways."""
    if x is None:
        return x
    rank, expected = len(x.shape), len(wanted.shape)
    if rank == expected:
        return x
    if rank == expected + 1 and x.shape[-1] == 1:
        return ops.squeeze(x, axis=-1)
    if rank == expected - 1 and wanted.shape[-1] == 1:
        return ops.expand_dims(x, -1)
    return x


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """A new model, with weights as they begin, of the form that `Model.to_json()` saved.

    Arguments:
        json_string: the text that this gave.
        custom_objects: dict of names and the classes or functions of the user's own.
    """
    return saving.deserialize_keras_object(json.loads(json_string), custom_objects=custom_objects)
