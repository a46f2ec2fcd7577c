"""Activation checkpointing: computing intermediate values again for the gradients, instead of keeping them."""

from __future__ import annotations

import functools
import inspect
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kdist.backend import bound as backend
from kdist.core import tree
from kdist.core.graph import KerasTensor
from kdist.layers.region import run_again


class RematMode(NamedTuple):
    """What a `RematScope` says, as the layers made inside of it remember it."""

    mode: str | None
    output_size_threshold: int
    layer_names: tuple[str, ...]


class _Scopes(threading.local):
    current: RematMode | None = None


_scopes = _Scopes()
_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class RematScope:
    """Layers made inside keep their inputs for the gradients, and compute what lies between again.

    Chen et al. 2016, https://arxiv.org/abs/1604.06174. It costs one more forward pass of these layers, and saves the
    memory of what they would keep. Values, gradients, random numbers and moving statistics stay the same.

    Arguments:
        mode: which of the layers.
            "full": each of them. A layer inside of another one that was made in the scope is computed again within
            that one's second run. Models only connect layers, and are left to their layers.
            "activations": of each layer, its `activation` alone.
            "larger_than": those whose outputs have more than `output_size_threshold` elements together.
            "list_of_layers": those with a name in `layer_names`; a model, too: it is computed again as one.
            None: none, inside of a scope that says otherwise.
        output_size_threshold: elements; dims that are not known count once.
        layer_names: names of layers.

    The innermost scope counts. Configurations and files do not tell of it: a layer loaded from one is as the scope
    says in which it is loaded.

    Raises: ValueError for another mode.

    Example:
        with kdist.RematScope("list_of_layers", layer_names=["block_1", "block_2"]):
            model = make_model()
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Sequence[str] | None = None,
    ):
        if mode not in _MODES:
            raise ValueError(f"mode={mode!r} of RematScope must be one of {_MODES}.")
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or [])
        self._outer: list[RematMode | None] = []

    def __enter__(self) -> RematScope:
        self._outer.append(_scopes.current)
        _scopes.current = RematMode(self.mode, self.output_size_threshold, tuple(self.layer_names))
        return self

    def __exit__(self, *_: object) -> None:
        _scopes.current = self._outer.pop()


def remat(f: Callable) -> Callable:
    """`f`, of whose calls gradients keep the arguments, and compute what lies between again.

    Arguments:
        f: a function of tensors, or a layer or model. It computes with its arguments and with variables, and changes
            nothing but variables (seeds and moving statistics among them, which change once). On TensorFlow a tensor
            that it takes from elsewhere counts as a constant.

    Returns: a function with f's arguments and outputs.

    Example:
        class Block(kdist.layers.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.inner = kdist.layers.Dense(1024, activation="gelu")
                self.outer = kdist.layers.Dense(256)
                self.light = kdist.remat(lambda x: self.outer(self.inner(x)))

            def call(self, x):
                return x + self.light(x)
    """

    @functools.wraps(f, updated=())
    def rematerialized(*args: Any, **kwargs: Any) -> Any:
        return run_again(f, args, kwargs)

    return rematerialized


def enroll(layer: Any) -> None:
    """Have a new layer remember the scope that it is made in, and act on it.

    Its `call` is replaced, so that layers made outside of any scope pay nothing.
    """
    mode = _scopes.current
    if mode is None:
        return
    object.__setattr__(layer, "remat_mode", mode)
    kind = _KINDS.get(mode.mode)
    if kind is not None and kind.applies(layer, mode):
        object.__setattr__(layer, "call", kind(layer))


class _Call:
    """Stands in for the `call` of one layer. Abstract."""

    def __init__(self, layer: Any):
        self._layer = layer

    @staticmethod
    def applies(layer: Any, mode: RematMode) -> bool:
        return not layer._only_connects

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._own)

    @property
    def _own(self) -> Callable:
        """The layer's own `call`."""
        return type(self._layer).call.__get__(self._layer)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


class _Whole(_Call):
    """Runs all of it again."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return run_again(self._own, args, kwargs)


class _Named(_Whole):
    """Does so for layers of given names."""

    @staticmethod
    def applies(layer: Any, mode: RematMode) -> bool:
        return layer.name in mode.layer_names


class _Large(_Call):
    """Does so where the outputs are large."""

    def __init__(self, layer: Any):
        super().__init__(layer)
        self._is_large: dict[tuple, bool] = {}
        self._measuring = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._measuring or not self._measured(args, kwargs):
            return self._own(*args, **kwargs)
        return run_again(self._own, args, kwargs)

    def _measured(self, args: tuple, kwargs: dict) -> bool:
        """Whether the outputs for such arguments are large; found once for each shape."""
        key = tuple(
            tuple(x.shape) if backend.is_tensor(x) else None for x in tree.flatten((args, kwargs))
        )
        found = self._is_large.get(key)
        if found is None:
            specs = self._specs(*tree.map_structure(_symbolic, (args, kwargs)))
            size = sum(
                math.prod(d or 1 for d in x.shape)
                for x in tree.flatten(specs)
                if isinstance(x, KerasTensor)
            )
            found = size > self._layer.remat_mode.output_size_threshold
            self._is_large[key] = found
        return found

    def _specs(self, args: tuple, kwargs: dict) -> Any:
        """The outputs for symbolic arguments, found without a trace on the losses of the call under way."""
        held = [(x, x._losses, x._loss_token) for x in self._layer._flatten_layers()]
        for layer, losses, _ in held:
            object.__setattr__(layer, "_losses", list(losses))
        self._measuring = True
        try:
            return self._layer.compute_output_spec(*args, **kwargs)
        finally:
            self._measuring = False
            for layer, losses, token in held:
                object.__setattr__(layer, "_losses", losses)
                object.__setattr__(layer, "_loss_token", token)


def _symbolic(x: Any) -> Any:
    return KerasTensor(tuple(x.shape), backend.dtype_of(x)) if backend.is_tensor(x) else x


class _Activation(_Call):
    """Runs the layer's activation alone again."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        held = self._layer.__dict__
        activation = held.get("activation")
        if activation is None:
            return self._own(*args, **kwargs)
        held["activation"] = remat(activation)
        try:
            return self._own(*args, **kwargs)
        finally:
            held["activation"] = activation


_KINDS: dict[str | None, type[_Call]] = {
    "full": _Whole,
    "activations": _Activation,
    "larger_than": _Large,
    "list_of_layers": _Named,
}
