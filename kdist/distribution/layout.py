"""`TensorLayout`: which mesh axes shard which dim of a tensor; `LayoutMap`: layouts by variable path."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdist.distribution.mesh import DeviceMesh
from kdist.distribution.runtime import native_layout

# What shards one dim: no mesh axis, one, or several, the first of them the outermost.
DimAxes = str | tuple[str, ...] | None


def axes_of(entry: DimAxes) -> tuple[str, ...]:
    """The mesh axes of one dim's entry, as a tuple."""
    if entry is None:
        return ()
    return (entry,) if isinstance(entry, str) else tuple(entry)


def entry_of(axes: Sequence[str]) -> DimAxes:
    """The shortest entry for mesh axes: the inverse of `axes_of`."""
    return None if not axes else axes[0] if len(axes) == 1 else tuple(axes)


@dataclass(frozen=True, init=False)
class TensorLayout:
    """How a tensor lies on a mesh.

    Arguments:
        axes: for each dim of the tensor the name of the mesh axis that shards it, a tuple of names
            where several do, or None where it is whole. Dims beyond the last entry are whole.
        device_mesh: the mesh; may be filled in later by a LayoutMap.

    Raises: ValueError for a mesh axis that is used twice, or that the mesh does not have.
    """

    axes: tuple[DimAxes, ...]
    device_mesh: DeviceMesh | None

    def __init__(self, axes: Sequence[DimAxes], device_mesh: DeviceMesh | None = None):
        axes = tuple(entry_of(axes_of(a)) for a in axes)
        used = [name for a in axes for name in axes_of(a)]
        if len(set(used)) != len(used):
            raise ValueError(f"axes={axes} uses a mesh axis for two dims.")
        if device_mesh is not None:
            for name in used:
                device_mesh.axis_size(name)
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "device_mesh", device_mesh)

    @property
    def mesh_axes(self) -> tuple[str, ...]:
        """Every mesh axis that shards a dim."""
        return tuple(name for a in self.axes for name in axes_of(a))

    @property
    def is_replicated(self) -> bool:
        return not self.mesh_axes

    @property
    def backend_layout(self) -> Any:
        """The layout as the framework has it.

        That is a `jax.sharding.NamedSharding` on jax and a `tf.experimental.dtensor.Layout` on TensorFlow.

        Raises: ValueError without a mesh; NotImplementedError on torch, where kdist cuts tensors by itself.
        """
        return native_layout(self)

    def shards(self, dim: int) -> int:
        """Into how many parts the dim number `dim` is cut."""
        if self.device_mesh is None or dim >= len(self.axes):
            return 1
        return math.prod(self.device_mesh.axis_size(a) for a in axes_of(self.axes[dim]))

    def shard_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The largest shard's shape for a tensor of `shape` (a dim that does not divide is rounded up)."""
        return tuple(-(-n // self.shards(dim)) for dim, n in enumerate(shape))

    def padded(self, ndim: int) -> TensorLayout:
        """The same layout with an entry for each of `ndim` dims."""
        return TensorLayout((*self.axes, *(None,) * (ndim - len(self.axes))), self.device_mesh)

    def without(self, axes: Collection[str]) -> TensorLayout:
        """The layout after a gather over the mesh axes `axes`."""
        kept = [entry_of([a for a in axes_of(e) if a not in axes]) for e in self.axes]
        return TensorLayout(kept, self.device_mesh)

    def split_further(self, dim: int, axis: str) -> TensorLayout:
        """The layout with `dim` cut along the mesh axis `axis` too, the innermost of it."""
        entries = list(self.axes)
        entries[dim] = entry_of((*axes_of(entries[dim]), axis))
        return TensorLayout(entries, self.device_mesh)

    def __repr__(self) -> str:
        return f"TensorLayout({', '.join('+'.join(axes_of(a)) or '-' for a in self.axes)})"


def replicated(ndim: int, mesh: DeviceMesh | None = None) -> TensorLayout:
    """The layout of a tensor that every device holds whole."""
    return TensorLayout((None,) * ndim, mesh)


class LayoutMap(MutableMapping):
    """Layouts by variable path: a key is a path or a regular expression that is searched in it.

    An exact key wins; otherwise exactly one pattern may match, and two that do are an error that names both.

    Arguments:
        device_mesh: the mesh of all layouts that are set without one.

    Example:
        >>> layout_map = LayoutMap(DeviceMesh((2, 4), ("batch", "model")))
        >>> layout_map["dense.*/kernel"] = (None, "model")
    """

    def __init__(self, device_mesh: DeviceMesh):
        self.device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    def key_for(self, path: str) -> str | None:
        """The key that decides about the variable path `path`, or None.

        Raises: ValueError if several patterns match.
        """
        if path in self._layouts:
            return path
        found = [k for k in self._layouts if re.search(k, path)]
        if len(found) > 1:
            raise ValueError(
                f"The path {path!r} matches {len(found)} keys of the LayoutMap: {found}. Make them exclusive."
            )
        return found[0] if found else None

    def __getitem__(self, path: str) -> TensorLayout | None:
        key = self.key_for(path)
        return None if key is None else self._layouts[key]

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ValueError(
                f"The key {key!r} is already in the LayoutMap, with {self._layouts[key]!r}."
            )
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ValueError(
                f"The value for {key!r} must be a TensorLayout or a tuple of axis names, and is {layout!r}."
            )
        self._layouts[key] = (
            layout if layout.device_mesh else TensorLayout(layout.axes, self.device_mesh)
        )

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)

    def __len__(self) -> int:
        return len(self._layouts)
