"""Activations between layers, brought to the layouts that the plan has for them.

Processes along the batch axes have each their own rows, which stay where they are: what is moved, is moved along the
tensor axis. A sum of which every process wants a part is scattered as it is added up, and a part that is wanted whole
is gathered; in the backward pass it is the other way round.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from kdist.backend.torch.parts import dtensor, is_dtensor, is_sum, moved, redistributed
from kdist.backend.torch.sharded_storage import computing
from kdist.core import masks, tree
from kdist.distribution.activations import Activations, Layouts, path_of
from kdist.distribution.layout import TensorLayout, axes_of


class Laid:
    """A layer's `_run`, whose inputs and outputs are brought to layouts.

    Of several layouts the last one that fits counts: a sum of parts may go to it at once. Plain tensors, which are
    whole on every process, stay so.

    Arguments:
        run: the layer's `_run` so far.
        axis: the mesh axis that splits computations.
    """

    def __init__(self, run: Callable, inputs: Layouts, outputs: Layouts, axis: str):
        self.run, self.inputs, self.outputs, self.axis = run, inputs, outputs, axis

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.inputs:
            args, kwargs = tree.map_structure(self._taken, (args, kwargs))
        if not self.outputs:
            return self.run(*args, **kwargs)
        # What it computes on the way may have fewer dims than what it gives: it is not for the first ones.
        with computing.adding_later(lambda x: _laid(x, self.outputs[-1:], self.axis)):
            out = self.run(*args, **kwargs)
        return self._given(out) if is_dtensor(out) else tree.map_structure(self._given, out)

    def _taken(self, x: Any) -> Any:
        """An input as this layer wants it; brought there once for all that want it so."""
        if not is_dtensor(x):
            return x
        shared = computing.shared.setdefault(x, {})
        laid = shared.get(self.inputs)
        if laid is None:
            laid = _laid(x, self.inputs, self.axis)
            if laid is not x:
                shared[self.inputs] = laid
            elif x.requires_grad and any(_fits(x, to, self.axis) for to in self.inputs):
                x.register_hook(_added)
        return laid

    def _given(self, x: Any) -> Any:
        if not is_dtensor(x):
            return x
        laid = _laid(x, self.outputs, self.axis)
        if laid.requires_grad and laid.placements[0].is_shard():
            laid.register_hook(functools.partial(_cut_as, laid.placements))
        return laid


def _added(gradient: Any) -> Any:
    """The gradient of an input that was whole already: parts of a sum are added up here, where the plan says so."""
    if is_sum(gradient):
        return redistributed(gradient, [dtensor.Replicate()])
    return None


def _cut_as(placements: tuple, gradient: Any) -> Any:
    """The gradient of an output that is cut: one that is whole is cut, too, so that it takes the memory of a part."""
    if is_dtensor(gradient) and gradient.placements[0].is_replicate():
        return redistributed(gradient, placements)
    return None


def _laid(x: Any, layouts: Layouts, axis: str) -> Any:
    fitting = [to for to in layouts if _fits(x, to, axis)]
    if not fitting:
        return x
    dim = _dim_of(fitting[-1], axis)
    placement = dtensor.Replicate() if dim is None else dtensor.Shard(dim)
    if x.placements[0] == placement:
        return x
    out = moved(x, placement)
    mask = masks.get_keras_mask(x)
    if mask is not None:
        masks.set_keras_mask(out, mask)
    return out


def _fits(x: Any, layout: TensorLayout, axis: str) -> bool:
    """Whether `x` has the dims of a layout. Dims that do not divide are not cut."""
    if x.ndim < len(layout.axes):
        return False
    dim = _dim_of(layout, axis)
    return dim is None or x.shape[dim] % x.device_mesh.size() == 0


def _dim_of(layout: TensorLayout, axis: str) -> int | None:
    """The dim that `axis` cuts."""
    return next((dim for dim, entry in enumerate(layout.axes) if axis in axes_of(entry)), None)


def laid_runs(model: Any, layers: Activations, axis: str) -> list[tuple[Any, Laid]]:
    """The layers of `model` that have layouts, each with what its `_run` is to become."""
    found = []
    for layer in model._flatten_layers(include_self=False):
        path = path_of(layer)
        inputs, outputs = layers.inputs.get(path, ()), layers.outputs.get(path, ())
        if inputs or outputs:
            found.append((layer, Laid(layer._run, inputs, outputs, axis)))
    return found
