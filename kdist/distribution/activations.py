"""Which layers' inputs and outputs are brought to a layout of their own, and to which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kdist.distribution.layout import TensorLayout, entry_of
from kdist.distribution.roles import Roles, keeps_positions
from kdist.distribution.tensor_split import leaves

Layouts = tuple[TensorLayout, ...]


@dataclass(frozen=True)
class FeatureCut:
    """How the features of a tensor of any rank are cut.

    Arguments:
        dim: which holds them.
        axes: the mesh axes that cut it.
    """

    dim: int
    axes: tuple[str, ...]

    def of(self, layout: TensorLayout, ndim: int) -> TensorLayout:
        """`layout` of a tensor of `ndim` dims, its features cut as well."""
        entries = list(layout.padded(ndim).axes)
        entries[self.dim] = entry_of(self.axes)
        return TensorLayout(entries, layout.device_mesh)


@dataclass(frozen=True)
class Activations:
    """Layouts of layers' inputs and outputs, by the layers' paths.

    Several layouts are taken one after the other, in the backward pass the other way round. One holds for tensors with
    at least as many dims as it has entries. What has none lies as the computation leaves it.

    Arguments:
        gathered: how outputs were cut that are gathered, as their gradients are to be cut again.
    """

    inputs: Mapping[str, Layouts] = field(default_factory=dict)
    outputs: Mapping[str, Layouts] = field(default_factory=dict)
    gathered: Mapping[str, FeatureCut] = field(default_factory=dict)


def activations_of(strategy: Any, model: Any, layouts: Mapping[int, TensorLayout]) -> Activations:
    """The layouts that the user's rules give, and those that cuts of computations ask for.

    Arguments:
        layouts: the layouts of the model's variables, by their ids.
    """
    inputs: dict[str, Layouts] = {}
    outputs: dict[str, Layouts] = {}
    gathered: dict[str, FeatureCut] = {}
    roles = Roles(model, strategy, layouts)
    _lay_products(strategy, model, roles, inputs, outputs, gathered)
    if strategy.sequence_layout() is not None:
        _cut_in_time(strategy, model, roles, inputs, outputs)
    for layer in model._flatten_layers(include_self=False):
        ruled = strategy.activation_layout(path_of(layer))
        if ruled is not None:
            outputs[path_of(layer)] = (ruled,)
            gathered.pop(path_of(layer), None)
    return Activations(inputs, outputs, gathered)


def path_of(layer: Any) -> str:
    """The path under which rules name a layer."""
    return layer._path or layer.name


def _lay_products(
    strategy: Any, model: Any, roles: Roles, inputs: dict, outputs: dict, gathered: dict
) -> None:
    """A product that takes whole features and computes a part has parts of a sum for its input's gradient, which are
    added up before other layers take them for the gradient. Features that it gives in parts, and that others want
    whole, are gathered once, where they are given.

    Backends left to themselves sum the gradients of variables before, cut what meets features in parts, too, and gather
    that in both passes, or even weights. Where it is not said that the gradient is cut again XLA gathers weights for
    it, and where that is said it cuts what it finds on the way, unless the layers there are held to what is whole.
    """
    whole = strategy.data_layout(1)
    gathers = {i for i, role in roles.of.items() if role.output == "gather"} - roles.results
    for layer in leaves(model):
        role, path = roles.of[id(layer)], path_of(layer)
        if role.whole_input:
            inputs[path] = (whole,)
        if id(layer) in gathers:
            dim = 1 if getattr(layer, "data_format", None) == "channels_first" else -1
            outputs[path] = (whole,)
            gathered[path] = FeatureCut(dim, role.axes)
        elif gathers and not role.axes and id(layer) not in roles.between:
            outputs[path] = (whole,)


def _cut_in_time(strategy: Any, model: Any, roles: Roles, inputs: dict, outputs: dict) -> None:
    """What comes out of layers whose computation is split as a sum is cut in time, and so is what layers give that
    compute each position for itself. Others, which may look at any position, see whole sequences
    and give such, unless they pool them.

    A sum is whole before it is cut, and its gradient gathered before it is used. Where that is not said, XLA gathers
    the weights instead and leaves the sequences cut. Nor would it gather the gradients of other layers, but sum those
    of their variables.
    """
    whole, sequence = strategy.data_layout(1), strategy.sequence_layout()
    for layer in leaves(model):
        role, path = roles.of[id(layer)], path_of(layer)
        if role.axes:
            if role.output == "sum":
                outputs[path] = (whole, sequence)
        elif id(layer) in roles.between or layer.pools_positions:
            continue
        elif keeps_positions(layer):
            outputs[path] = (sequence,)
        else:
            inputs[path] = outputs[path] = (whole,)
