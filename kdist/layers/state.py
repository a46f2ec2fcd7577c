"""What a layer holds: variables, sublayers, metrics, seeds. Tracked as attributes are set, listed in a fixed order."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from kdist.backend.variable import Variable
from kdist.layers import tracking
from kdist.layers.shapes import map_shapes

_PLAIN = frozenset({int, float, bool, str, bytes, type(None), np.ndarray})


class LayerState:
    """The bookkeeping part of `Layer`. Order of variables: own trainable, own non-trainable, sublayers', then seeds."""

    _tracked_as = "layers"
    name: str

    def __init__(self) -> None:
        put = object.__setattr__
        for attribute in (
            "_own_trainable",
            "_own_non_trainable",
            "_layers",
            "_metrics",
            "_seed_generators",
        ):
            put(self, attribute, [])
        put(self, "_losses", [])
        put(self, "_loss_token", None)
        put(self, "_root_token", None)
        put(self, "_lists", {})

    # ---- tracking
    def __setattr__(self, name: str, value: Any) -> None:
        if type(value) not in _PLAIN and not name.startswith("_keras"):
            if "_lists" not in self.__dict__:
                if hasattr(type(value), "_tracked_as") or isinstance(value, Variable):
                    raise RuntimeError(
                        f"{type(self).__name__}.__init__ must call super().__init__() before it sets {name!r}."
                    )
            else:
                value = self._track(name, value)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        value = self.__dict__.get(name)
        for held in (
            self._own_trainable,
            self._own_non_trainable,
            self._layers,
            self._metrics,
            self._seed_generators,
        ):
            held[:] = [x for x in held if x is not value]
        object.__delattr__(self, name)
        self._detach(value)
        tracking.changed()

    def _track(self, name: str, value: Any) -> Any:
        """Note a variable, layer, metric or seed generator; returns what to store.

        Those in containers are noted too, and the containers keep noting.
        """
        if isinstance(value, Variable):
            held = self._own_trainable if value.trainable else self._own_non_trainable
            if not any(v is value for v in (*self._own_trainable, *self._own_non_trainable)):
                held.append(value)
                self._attach_variable(name, value)
                tracking.changed()
            return value
        kind = getattr(type(value), "_tracked_as", None)
        if kind is not None:
            held = {
                "layers": self._layers,
                "metrics": self._metrics,
                "seed_generators": self._seed_generators,
            }[kind]
            if not any(v is value for v in held):
                held.append(value)
                if kind == "layers":
                    self._attach_layer(name, value)
                tracking.changed()
            return value
        if type(value) is list:
            return tracking.TrackedList(value, lambda v: self._track(name, v))
        if type(value) is dict:
            return tracking.TrackedDict(value, lambda v: self._track(name, v))
        if type(value) is tuple:
            for v in value:
                self._track(name, v)
            return value
        if type(value).__module__ != "builtins":
            self._attach_foreign(name, value)
        return value

    def _untrack(self, layer: Any) -> None:
        """Forget a sublayer."""
        self._layers[:] = [x for x in self._layers if x is not layer]
        self._detach(layer)
        tracking.changed()

    def _listed(self, key: str, make: Any) -> list:
        """A list computed once per version of the structure. Callers must not change it."""
        entry = self._lists.get(key)
        version = tracking.structure.version
        if entry is None or entry[0] != version:
            entry = (version, make())
            self._lists[key] = entry
        return entry[1]

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list:
        def walk() -> list:
            found, todo = [self], list(self._layers)
            while todo:
                layer = todo.pop(0)
                if not any(layer is x for x in found):
                    found.append(layer)
                    if recursive:
                        todo = list(layer._layers) + todo
            return found

        layers = self._listed(f"layers{recursive}", walk)
        return layers if include_self else layers[1:]

    # ---- variables
    @property
    def weights(self) -> list[Variable]:
        """Variables without seeds and metrics: what files of weights hold."""

        def collect() -> list:
            own = [*self._own_trainable, *self._own_non_trainable]
            return tracking.unique([*own, *(v for layer in self._layers for v in layer.weights)])

        return self._listed("weights", collect)

    @property
    def variables(self) -> list[Variable]:
        """All state but the metrics': weights, and the states of seed generators."""

        def collect() -> list:
            own = [*self._own_trainable, *self._own_non_trainable]
            seeds = [s.state for s in self._seed_generators]
            return tracking.unique(
                [*own, *seeds, *(v for layer in self._layers for v in layer.variables)]
            )

        return self._listed("variables", collect)

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that optimizers update."""
        return self._listed(
            "trainable_weights",
            lambda: [v for v in self.weights if v.trainable] if self.trainable else [],
        )

    @property
    def non_trainable_weights(self) -> list[Variable]:
        return self._listed(
            "non_trainable_weights",
            lambda: (
                [v for v in self.weights if not v.trainable] if self.trainable else self.weights
            ),
        )

    @property
    def trainable_variables(self) -> list[Variable]:
        return self._listed(
            "trainable_variables",
            lambda: [v for v in self.variables if v.trainable] if self.trainable else [],
        )

    @property
    def non_trainable_variables(self) -> list[Variable]:
        return self._listed(
            "non_trainable_variables",
            lambda: (
                [v for v in self.variables if not v.trainable] if self.trainable else self.variables
            ),
        )

    @property
    def metrics_variables(self) -> list[Variable]:
        """The state of the layer's own metrics and its sublayers'."""
        return self._listed(
            "metrics_variables",
            lambda: tracking.unique(
                v for layer in self._flatten_layers() for m in layer._metrics for v in m.variables
            ),
        )

    @property
    def _regularized_variables(self) -> list[Variable]:
        return self._listed(
            "regularized", lambda: [v for v in self.trainable_weights if v.regularizer is not None]
        )

    @property
    def trainable(self) -> bool:
        """Whether this layer and its sublayers are trained. Setting it reaches all of them."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        object.__setattr__(self, "_trainable", bool(value))
        for v in self._own_trainable:
            v.trainable = bool(value)
        for layer in self._layers:
            layer.trainable = bool(value)
        tracking.changed()

    @property
    def path(self) -> str | None:
        return self._path

    def count_params(self) -> int:
        """Number of elements in the weights. Raises ValueError before the layer is built."""
        if not self.built:
            raise ValueError(
                f"Layer {self.name!r} has no parameters to count before it is built. Call build(input_shape), or "
                "the layer, first."
            )
        return sum(v.size for v in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """The weights' values as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: list) -> None:
        """Assign the weights from arrays in `get_weights`'s order. Raises ValueError where number or shapes differ."""
        if len(weights) != len(self.weights):
            raise ValueError(
                f"set_weights received {len(weights)} arrays, and layer {self.name!r} has {len(self.weights)} weights."
            )
        for variable, value in zip(self.weights, weights, strict=True):
            if tuple(np.shape(value)) != variable.shape:
                raise ValueError(
                    f"Weight {variable.path!r} of layer {self.name!r} has shape {variable.shape}; the array has "
                    f"{np.shape(value)}."
                )
        for variable, value in zip(self.weights, weights, strict=True):
            variable.assign(value)

    # ---- parallelism
    # Whether the output's features are split as the input's: true of functions of single elements.
    keeps_tensor_split = False
    # Whether each position of (batch, time, features) is computed from the inputs' features there alone.
    is_positionwise = False
    # Whether it adds its inputs up, so that each one's gradient is the same tensor.
    adds_inputs = False
    # Whether all positions become one, by a mean or an extremum, which can be taken of parts first.
    pools_positions = False
    # Of how many channels it computes the mean and the variance of the batch while training.
    batch_statistics = 0

    def tensor_split(self) -> Any:
        """How this layer may be cut for tensor parallelism: a `LinearSplit`, an `InnerSplit`, or None.

        None leaves the layer's own variables whole, unless a rule says otherwise, and its sublayers to themselves.
        """
        return None

    # ---- files
    def save_own_variables(self, store: dict) -> None:
        """Put the layer's own variables (not its sublayers') into `store`, a mapping from str to array."""
        for i, v in enumerate([*self._own_trainable, *self._own_non_trainable]):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Assign the layer's own variables from what `save_own_variables` stored.

        Raises ValueError where the counts differ.
        """
        own = [*self._own_trainable, *self._own_non_trainable]
        if len(store.keys()) != len(own):
            hint = (
                ""
                if self.built or own
                else " The layer was not built: build(input_shape), or a call, creates its variables."
            )
            raise ValueError(
                f"Layer {self.name!r} has {len(own)} variables, and the file holds {len(store.keys())} for it.{hint}"
            )
        for i, v in enumerate(own):
            v.assign(store[str(i)])

    def _remember_shapes(self, build: Any, args: tuple, kwargs: dict) -> None:
        bound = inspect.signature(build).bind(self, *args, **kwargs).arguments
        shapes = dict(list(bound.items())[1:])
        self._build_shapes = (
            {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1 else shapes
        )

    def get_build_config(self) -> dict | None:
        """What `build_from_config` needs to create the variables anew: the shapes the layer was built for."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        return dict(shapes) if set(shapes) == {"input_shape"} else {"shapes_dict": dict(shapes)}

    def build_from_config(self, config: dict) -> None:
        if "input_shape" in config:
            self.build(map_shapes(tuple, config["input_shape"]))
        elif "shapes_dict" in config:
            self.build(**{k: map_shapes(tuple, v) for k, v in config["shapes_dict"].items()})
