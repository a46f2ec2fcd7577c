"""What a training step communicates under a strategy, counted collective by collective.

Sizes are those of ring algorithms (Patarasuk and Yuan 2009): among n devices, gathering or scattering a tensor of
b bytes has each of them send b (n - 1) / n, and reducing it to all of them twice that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kdist.core import dtypes
from kdist.core.spec import Spec
from kdist.distribution.layout import TensorLayout
from kdist.distribution.links import group_size
from kdist.distribution.mesh import DeviceMesh

ALL_GATHER, REDUCE_SCATTER, ALL_REDUCE = "all-gather", "reduce-scatter", "all-reduce"
_ROUNDS = {ALL_GATHER: 1, REDUCE_SCATTER: 1, ALL_REDUCE: 2}


@dataclass(frozen=True)
class Collective:
    """Collectives of one kind over the same mesh axes, for the same purpose, in one step.

    Arguments:
        kind: "all-gather", "reduce-scatter" or "all-reduce".
        axes: the mesh axes whose devices take part.
        purpose: what for.
        devices: how many devices take part.
        count: how many of them.
        nbytes: bytes of the whole tensors (after gathering, before scattering), all of them together.
    """

    kind: str
    axes: tuple[str, ...]
    purpose: str
    devices: int
    count: int
    nbytes: int

    @property
    def sent(self) -> float:
        """Bytes that one device sends."""
        return self.nbytes * _ROUNDS[self.kind] * (self.devices - 1) / self.devices


class Tally:
    """Adds collectives up."""

    def __init__(self, mesh: DeviceMesh):
        self._mesh = mesh
        self._found: dict[tuple[str, tuple[str, ...], str], list[int]] = {}

    def add(self, kind: str, axes: Sequence[str], purpose: str, nbytes: int) -> None:
        """Count one collective; over a single device there is none."""
        axes = tuple(a for a in axes if self._mesh.axis_size(a) > 1)
        if not axes or not nbytes:
            return
        entry = self._found.setdefault((kind, axes, purpose), [0, 0])
        entry[0] += 1
        entry[1] += nbytes

    def collectives(self) -> tuple[Collective, ...]:
        return tuple(
            Collective(kind, axes, purpose, group_size(self._mesh, axes), count, nbytes)
            for (kind, axes, purpose), (count, nbytes) in self._found.items()
        )


def layout_bytes(layout: TensorLayout, shape: Sequence[int], dtype: str) -> int:
    """Bytes of one device's part of a tensor."""
    return math.prod(layout.shard_shape(shape)) * dtypes.size_in_bytes(dtype)


def count_parameters(
    tally: Tally, strategy: Any, variables: Iterable[Any], regathers: bool
) -> None:
    """What the parameters (`VariablePlan`s) and their gradients communicate.

    Arguments:
        regathers: whether a parameter that was gathered for the forward pass is let go, and gathered again for the
            backward pass.
    """
    batch = strategy.batch_axes
    for v in variables:
        whole = layout_bytes(strategy.compute_layout(v.layout), v.shape, v.dtype)
        stored = tuple(a for a in v.layout.mesh_axes if a in batch)
        tally.add(ALL_GATHER, stored, "parameters, forward", whole)
        if not v.trainable:
            continue
        if regathers:
            tally.add(ALL_GATHER, stored, "parameters, backward", whole)
        slots = strategy.slot_layout(v.layout, v.shape)
        updated = tuple(a for a in slots.mesh_axes if a in batch)
        others = tuple(a for a in batch if a not in updated)
        tally.add(REDUCE_SCATTER, updated, "gradients", whole)
        part = layout_bytes(slots, v.shape, v.dtype)
        tally.add(ALL_REDUCE, others, "gradients", part)
        if updated != stored:
            late = tuple(a for a in updated if a not in stored)
            tally.add(ALL_GATHER, late, "updated parameters", whole)


def count_activations(tally: Tally, strategy: Any, roles: dict[int, Any], calls: Sequence) -> None:
    """What tensor parallelism communicates of activations.

    Arguments:
        roles: `tensor_roles` of the model.
        calls: `LayerCall`s of a step on one device's rows.
    """
    mesh_wide = _Sequence(tally) if getattr(strategy, "sequence", False) else _Whole(tally)
    differentiable = False  # nothing that is trained came before
    for call in calls:
        role = roles.get(call.layer)
        if role is not None and role.axes:
            outputs, inputs = _nbytes(call.outputs), _distinct(call.inputs)
            if role.output == "sum":
                mesh_wide.sum_outputs(role.axes, outputs)
            elif role.output == "gather":
                tally.add(ALL_GATHER, role.axes, "activations, forward", outputs)
            if role.whole_input and differentiable:
                for nbytes in inputs:
                    mesh_wide.sum_input_gradients(role.axes, nbytes)
        differentiable = differentiable or (role is not None and role.trains)


class _Whole:
    """Activations between the layers that are cut are whole on every device."""

    def __init__(self, tally: Tally):
        self._add: Callable = tally.add

    def sum_outputs(self, axes: tuple[str, ...], nbytes: int) -> None:
        self._add(ALL_REDUCE, axes, "activations, forward", nbytes)

    def sum_input_gradients(self, axes: tuple[str, ...], nbytes: int) -> None:
        self._add(ALL_REDUCE, axes, "activations, backward", nbytes)


class _Sequence(_Whole):
    """They are cut in time: each reduction is a scatter, and a gather on the other side and way."""

    def sum_outputs(self, axes: tuple[str, ...], nbytes: int) -> None:
        self._add(REDUCE_SCATTER, axes, "activations, forward", nbytes)
        self._add(ALL_GATHER, axes, "activations, backward", nbytes)

    def sum_input_gradients(self, axes: tuple[str, ...], nbytes: int) -> None:
        self._add(ALL_GATHER, axes, "activations, forward", nbytes)
        self._add(REDUCE_SCATTER, axes, "activations, backward", nbytes)


def _nbytes(specs: Iterable[Spec]) -> int:
    return sum(s.nbytes for s in specs)


def _distinct(specs: Sequence[Spec]) -> list[int]:
    """Bytes of the inputs that have gradients."""
    return [s.nbytes for s in specs if dtypes.is_float(s.dtype)]
