"""A mesh's processes: the groups along its axes, and this process's place in them."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from kdist.backend.torch.device import DEFAULT
from kdist.core.lazy import LazyModule
from kdist.distribution.mesh import DeviceMesh

device_mesh = LazyModule("torch.distributed.device_mesh")


class Grid:
    """The processes of a mesh, one for each of its devices, in row-major order.

    Groups are made when they are first asked for, which all processes must do in the same order.
    """

    def __init__(self, mesh: DeviceMesh):
        self.axes, self.shape = mesh.axis_names, mesh.shape
        self._ranks = np.arange(mesh.size).reshape(mesh.shape)
        rank = dist.get_rank() if dist.is_initialized() else 0
        place = np.unravel_index(rank, mesh.shape)
        self._place = dict(zip(self.axes, map(int, place), strict=True))
        self._sizes = dict(zip(self.axes, mesh.shape, strict=True))
        self._groups: dict[tuple[tuple[str, ...], bool], dist.ProcessGroup] = {}
        self._torch: Any = None

    def ordered(self, axes: Collection[str]) -> tuple[str, ...]:
        """`axes` in the mesh's order, without those of one device."""
        return tuple(a for a in self.axes if a in axes and self._sizes[a] > 1)

    def count(self, axes: Collection[str]) -> int:
        """How many processes share this one's place on all axes but `axes`."""
        return math.prod(self._sizes[a] for a in self.ordered(axes))

    def index(self, axes: Sequence[str]) -> int:
        """This process's number among those, the first of `axes` counting most."""
        index = 0
        for axis in axes:
            index = index * self._sizes[axis] + self._place[axis]
        return index

    def group(self, axes: Collection[str], aside: bool = False) -> dist.ProcessGroup:
        """The group of `count(axes)` processes along `axes`, numbered as `index` does.

        `aside`: a second group of the same processes, whose messages need no order among those of the first.
        """
        axes = self.ordered(axes)
        if (axes, aside) not in self._groups:
            self._groups[axes, aside] = self._new_group(axes) if aside else self._find_group(axes)
        return self._groups[axes, aside]

    def _find_group(self, axes: tuple[str, ...]) -> dist.ProcessGroup:
        if self.count(axes) == self._ranks.size and dist.group.WORLD is not None:
            return dist.group.WORLD
        if len(axes) == 1 and self._torch is not None:
            return self._torch.get_group(axes[0])
        return self._new_group(axes)

    def _new_group(self, axes: tuple[str, ...]) -> dist.ProcessGroup:
        along = [self.axes.index(a) for a in axes]
        across = [i for i in range(len(self.axes)) if i not in along]
        rows = self._ranks.transpose(*across, *along).reshape(-1, self.count(axes))
        mine: dist.ProcessGroup | None = None
        for row in rows.tolist():  # every process takes part in the making of every group
            group = dist.new_group(row)
            if dist.get_rank() in row:
                mine = group
        assert mine is not None
        return mine

    def torch_mesh(self, axes: Collection[str]) -> Any:
        """torch's own mesh over `axes`, for DTensors."""
        if self._torch is None:
            self._torch = device_mesh.DeviceMesh(
                DEFAULT.type, torch.from_numpy(self._ranks), mesh_dim_names=self.axes
            )
        axes = self.ordered(axes)
        return self._torch if axes == self.axes else self._torch[axes if len(axes) > 1 else axes[0]]

    def is_first(self, axes: Collection[str]) -> bool:
        """Whether this process comes first along each of `axes`."""
        return all(self._place[a] == 0 for a in axes)

    def places(self, axes: Collection[str]) -> list[dict[str, int]]:
        """The places along `axes`, in order."""
        axes = self.ordered(axes)
        sizes = (range(self._sizes[a]) for a in axes)
        return [dict(zip(axes, at, strict=True)) for at in itertools.product(*sizes)]


@functools.lru_cache(maxsize=8)
def _made(mesh: DeviceMesh, job: object) -> Grid:
    return Grid(mesh)


def grid_of(mesh: DeviceMesh) -> Grid:
    """The grid of `mesh` in the job that this process belongs to now."""
    return _made(mesh, dist.group.WORLD if dist.is_initialized() else None)
