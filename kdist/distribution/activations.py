"""Which layers' inputs and outputs are brought to a layout of their own, and to which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kdist.distribution.layout import TensorLayout
from kdist.distribution.roles import Roles, keeps_positions
from kdist.distribution.tensor_split import leaves

Layouts = tuple[TensorLayout, ...]


@dataclass(frozen=True)
class Activations:
    """Layouts of layers' inputs and outputs, by the layers' paths.

    Several layouts are taken one after the other, in the backward pass the other way round. One holds for tensors with
    at least as many dims as it has entries. What has none lies as the computation leaves it.
    """

    inputs: Mapping[str, Layouts] = field(default_factory=dict)
    outputs: Mapping[str, Layouts] = field(default_factory=dict)


def activations_of(strategy: Any, model: Any, layouts: Mapping[int, TensorLayout]) -> Activations:
    """The layouts that the user's rules give, and those that cuts of computations ask for.

    Arguments:
        layouts: the layouts of the model's variables, by their ids.
    """
    inputs: dict[str, Layouts] = {}
    outputs: dict[str, Layouts] = {}
    roles = Roles(model, strategy, layouts)
    _gather_features(strategy, model, roles, inputs, outputs)
    if strategy.sequence_layout() is not None:
        _cut_in_time(strategy, model, roles, inputs, outputs)
    for layer in model._flatten_layers(include_self=False):
        ruled = strategy.activation_layout(path_of(layer))
        if ruled is not None:
            outputs[path_of(layer)] = (ruled,)
    return Activations(inputs, outputs)


def path_of(layer: Any) -> str:
    """The path under which rules name a layer."""
    return layer._path or layer.name


def _gather_features(strategy: Any, model: Any, roles: Roles, inputs: dict, outputs: dict) -> None:
    """Features that a layer gives in parts, and that others want whole, are gathered once, where they are given.

    Backends left to themselves cut what meets them, too, and gather that in both passes, or even weights. Then what
    has a sum for its input's gradient adds that up itself: parts of it are not to arrive where features are gathered.
    """
    whole = strategy.data_layout(2)
    gathered = [
        layer
        for layer in leaves(model)
        if roles.of[id(layer)].output == "gather" and id(layer) not in roles.results
    ]
    outputs.update((path_of(layer), (whole,)) for layer in gathered)
    for layer in leaves(model) if gathered else ():
        if roles.of[id(layer)].whole_input:
            inputs[path_of(layer)] = (whole,)


def _cut_in_time(strategy: Any, model: Any, roles: Roles, inputs: dict, outputs: dict) -> None:
    """Layers whose computation is split see whole sequences; what comes out of them as a sum is cut in time, and so
    is what layers give that compute each position for itself. Others, which may look at any position, see whole
    sequences too, unless they pool them.

    A sum is whole before it is cut, and its gradient gathered before it is used. Where that is not said, XLA gathers
    the weights instead and leaves the sequences cut.
    """
    whole, sequence = strategy.data_layout(3), strategy.sequence_layout()
    for layer in leaves(model):
        role, path = roles.of[id(layer)], path_of(layer)
        if role.axes:
            if role.whole_input:
                inputs[path] = (whole,)
            if role.output == "sum":
                outputs[path] = (whole, sequence)
        elif id(layer) in roles.between or layer.pools_positions:
            continue
        elif keeps_positions(layer):
            outputs[path] = (sequence,)
        else:
            inputs[path] = (whole,)
