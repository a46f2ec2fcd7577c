"""What a training step communicates under a strategy, counted collective by collective.

Sizes are those of ring algorithms (Patarasuk and Yuan 2009): among n devices, gathering or scattering a tensor of
b bytes has each of them send b (n - 1) / n, and reducing it to all of them twice that.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kdist.core import dtypes
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
        count: how many messages; where a compiler packs tensors into messages as it likes, how many tensors.
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

    def counts(self, axis: str) -> bool:
        """Whether there is anybody along a mesh axis to communicate with."""
        return self._mesh.axis_size(axis) > 1

    def ordered(self, axes: Collection[str]) -> tuple[str, ...]:
        """`axes` in the mesh's order."""
        return tuple(a for a in self._mesh.axis_names if a in axes)

    def add(self, kind: str, axes: Sequence[str], purpose: str, nbytes: int) -> None:
        """Count one collective; over a single device there is none."""
        axes = tuple(a for a in axes if self.counts(a))
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
