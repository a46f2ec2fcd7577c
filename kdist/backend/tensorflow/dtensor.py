"""DTensor, under the strategies that shard variables: meshes, layouts, and values onto devices and back.

A step is computed once, on the view of the whole batch, and TensorFlow cuts it over the devices.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.experimental import dtensor

from kdist.core.replicas import replicas
from kdist.distribution.layout import TensorLayout, axes_of, entry_of, replicated
from kdist.distribution.mesh import DeviceMesh


class GlobalStep:
    """The replicas of a step on global tensors: one.

    It keeps what is written to variables until its end: of two assignments of one variable in a
    function, DTensor does not keep the order (seen with TensorFlow 2.21, after `tf.cond`).

    Arguments:
        strategy: where things lie.
        micro_steps: where the step stands within an update, if gradients are accumulated.
    """

    count = 1
    index = 0

    def __init__(self, strategy: Any, micro_steps: Any):
        self._strategy, self.micro_steps = strategy, micro_steps
        self._graph = tf.compat.v1.get_default_graph()
        self.written: dict[Any, Any] = {}  # storage -> the value that it takes

    def owns_graph(self) -> bool:
        """Whether what is computed now is the step itself, and not a branch or loop inside of it."""
        return tf.compat.v1.get_default_graph() is self._graph

    def settle(self) -> None:
        """Assign what was written."""
        for storage, value in self.written.items():
            storage.settle(value)

    def all_sum(self, x: Any) -> Any:
        return x

    def mean_gradients(self, gradients: list, variables: Sequence = ()) -> list:
        return gradients

    def by_rows(self, x: Any) -> Any:
        """A tensor cut along the batch alone."""
        return relaid(x, self._strategy.data_layout(x.shape.rank))

    def whole(self, x: Any) -> Any:
        """A tensor that each device holds whole."""
        return relaid(x, replicated(x.shape.rank, self._strategy.device_mesh))


def global_step() -> GlobalStep | None:
    """The step that is being computed, if its tensors are DTensors."""
    step = replicas()
    return step if isinstance(step, GlobalStep) else None


def in_global_step() -> bool:
    return global_step() is not None


@functools.lru_cache(maxsize=16)
def mesh_of(mesh: DeviceMesh) -> dtensor.Mesh:
    """DTensor's mesh; axes of one device, along which nothing can be cut, are left out."""
    axes = [(n, s) for n, s in zip(mesh.axis_names, mesh.shape, strict=True) if s > 1]
    names = [name.upper() for name in mesh.device_names]
    return dtensor.create_mesh(
        axes or [(mesh.axis_names[0], 1)], devices=names, device_type=names[0].partition(":")[0]
    )


def one_axis_a_dim(layout: TensorLayout, shape: Sequence[int]) -> TensorLayout:
    """The layout with at most one mesh axis for each dim, which is all that DTensor has.

    A further axis of a dim goes to the largest other dim that it divides, so that a device holds as
    much as before; where there is none, it cuts nothing.
    """
    mesh = layout.device_mesh
    layout = layout.padded(len(shape))
    kept: list[str | None] = []
    further = []
    for entry in layout.axes:
        axes = [a for a in axes_of(entry) if mesh.axis_size(a) > 1]  # type: ignore[union-attr]
        kept.append(axes[0] if axes else None)
        further += axes[1:]
    for axis in further:
        count = mesh.axis_size(axis)  # type: ignore[union-attr]
        free = [d for d, n in enumerate(shape) if kept[d] is None and n > 1 and n % count == 0]
        if free:
            kept[max(free, key=lambda d: (shape[d], -d))] = axis
    return TensorLayout(kept, mesh)


def native(layout: TensorLayout) -> dtensor.Layout:
    """DTensor's layout. `layout` has an entry for each dim, and no more than one axis in it."""
    mesh = mesh_of(layout.device_mesh)
    names = [entry_of([a for a in axes_of(e) if a in mesh.dim_names]) for e in layout.axes]
    return dtensor.Layout([dtensor.UNSHARDED if a is None else a for a in names], mesh)


def relaid(value: Any, layout: TensorLayout) -> Any:
    """A DTensor in another layout; its gradient comes back in the layout that `value` has."""
    return dtensor.relayout(value, native(layout))


# ---- values onto devices and back ----------------------------------------------------------------
def _places(layout: dtensor.Layout, shape: Sequence[int]) -> list[tuple[slice, ...]]:
    """The part of a tensor of `shape` that each device of the mesh holds, in the mesh's order."""
    mesh = layout.mesh
    names, sizes = mesh.dim_names, [mesh.dim_size(n) for n in mesh.dim_names]
    places = []
    for number in range(math.prod(sizes)):
        where = dict(zip(names, np.unravel_index(number, sizes), strict=True))
        place = []
        for spec, n in zip(layout.sharding_specs, shape, strict=True):
            count = 1 if spec == dtensor.UNSHARDED else mesh.dim_size(spec)
            at = 0 if spec == dtensor.UNSHARDED else int(where[spec])
            place.append(slice(at * n // count, (at + 1) * n // count))
        places.append(tuple(place))
    return places


def place(value: Any, layout: TensorLayout) -> Any:
    """An array, or what gives parts of one by slices, as a DTensor; each device receives its part."""
    return place_parts(lambda index: value[index], value.shape, layout)


def place_parts(read: Callable, shape: Sequence[int], layout: TensorLayout) -> Any:
    """The tensor of `shape` whose regions `read(index)` gives. Each region is read once."""
    shape = tuple(shape)
    laid = native(layout.padded(len(shape)))
    regions: dict[tuple, Any] = {}
    parts = []
    for device, index in zip(laid.mesh.local_devices(), _places(laid, shape), strict=True):
        key = tuple((s.start, s.stop) for s in index)
        if key not in regions:
            regions[key] = read(index)
        with tf.device(device):
            parts.append(tf.identity(tf.convert_to_tensor(regions[key])))
    return dtensor.pack(parts, laid)


def parts_of(x: Any) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """(offset, values) of each different part of a DTensor."""
    layout, shape = dtensor.fetch_layout(x), tuple(x.shape)
    found: dict[tuple[int, ...], Any] = {}
    for index, part in zip(_places(layout, shape), dtensor.unpack(x), strict=True):
        found.setdefault(tuple(s.start for s in index), part)
    return [(offset, part.numpy()) for offset, part in found.items()]


def whole(x: Any) -> np.ndarray:
    """The values of a DTensor on the host."""
    parts = parts_of(x)
    if len(parts) == 1:
        return np.array(parts[0][1])
    out = np.empty(tuple(x.shape), parts[0][1].dtype)
    for offset, part in parts:
        out[tuple(slice(o, o + n) for o, n in zip(offset, part.shape, strict=True))] = part
    return out
