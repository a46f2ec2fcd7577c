"""Which layers' inputs and outputs are brought to a layout of their own, and to which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kdist.distribution.layout import TensorLayout, axes_of
from kdist.distribution.tensor_split import Cuts, InnerSplit, LinearSplit, leaves

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
    """The layouts that the user's rules give, and those of sequences that are cut in time.

    Arguments:
        layouts: the layouts of the model's variables, by their ids.
    """
    inputs: dict[str, Layouts] = {}
    outputs: dict[str, Layouts] = {}
    if strategy.sequence_layout() is not None:
        _cut_in_time(strategy, model, layouts, inputs, outputs)
    for layer in model._flatten_layers(include_self=False):
        ruled = strategy.activation_layout(path_of(layer))
        if ruled is not None:
            outputs[path_of(layer)] = (ruled,)
    return Activations(inputs, outputs)


def path_of(layer: Any) -> str:
    """The path under which rules name a layer."""
    return layer._path or layer.name


def _cut_in_time(
    strategy: Any, model: Any, layouts: Mapping[int, TensorLayout], inputs: dict, outputs: dict
) -> None:
    """Layers whose computation is split see whole sequences; what comes out of them as a sum is cut in time, and so
    is what layers give that compute each position for itself. Others, which may look at any position, see whole
    sequences too, unless they pool them.

    A sum is whole before it is cut, and its gradient gathered before it is used. Where that is not said, XLA gathers
    the weights instead and leaves the sequences cut.
    """
    whole, sequence = strategy.data_layout(3), strategy.sequence_layout()
    features_cut = False  # the features are, by a product by columns: what looks at single elements leaves them so
    for layer in leaves(model):
        split, path = layer.tensor_split(), path_of(layer)
        if isinstance(split, LinearSplit) and _is_cut(strategy, split.rows, layouts):
            features_cut, outputs[path] = False, (whole, sequence)
        elif isinstance(split, LinearSplit) and _is_cut(strategy, split.columns, layouts):
            features_cut, inputs[path] = True, (whole,)
        elif isinstance(split, InnerSplit) and any(
            _is_cut(strategy, cuts, layouts) for cuts in split.cuts
        ):
            features_cut, inputs[path], outputs[path] = False, (whole,), (whole, sequence)
        else:
            features_cut = features_cut and layer.keeps_tensor_split
            if features_cut or layer.pools_positions:
                continue
            if keeps_positions(layer):
                outputs[path] = (sequence,)
            else:
                inputs[path] = (whole,)


def keeps_positions(layer: Any) -> bool:
    """Whether each position of a layer's output is computed from the same one of its inputs alone."""
    return layer.is_positionwise or layer.keeps_tensor_split


def _is_cut(strategy: Any, cuts: Cuts, layouts: Mapping[int, TensorLayout]) -> bool:
    """Whether the first of `cuts` is made along a mesh axis that splits the computation."""
    if not cuts:
        return False
    variable, dim = cuts[0]
    layout = layouts.get(id(variable))
    if layout is None:
        return False
    entry = layout.padded(len(variable.shape)).axes[dim % len(variable.shape)]
    return any(a not in strategy.batch_axes for a in axes_of(entry))
