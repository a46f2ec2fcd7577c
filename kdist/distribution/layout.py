"""`TensorLayout`: which mesh axis shards which dim of a tensor; `LayoutMap`: layouts by variable path."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from kdist.distribution.mesh import DeviceMesh


@dataclass(frozen=True, init=False)
class TensorLayout:
    """How a tensor lies on a mesh.

    Arguments:
        axes: for each dim of the tensor the name of the mesh axis that shards it, or None where it is whole.
        device_mesh: the mesh; may be filled in later by a LayoutMap.
    """

    axes: tuple[str | None, ...]
    device_mesh: DeviceMesh | None

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None):
        axes = tuple(axes)
        used = [a for a in axes if a is not None]
        if len(set(used)) != len(used):
            raise ValueError(f"axes={axes} uses a mesh axis for two dims.")
        if device_mesh is not None:
            for a in used:
                device_mesh.axis_size(a)
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "device_mesh", device_mesh)

    @property
    def is_replicated(self) -> bool:
        return all(a is None for a in self.axes)

    def shard_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The largest shard's shape for a tensor of `shape` (a dim that does not divide is rounded up)."""
        mesh = self.device_mesh
        axes = (*self.axes, *(None for _ in range(len(shape) - len(self.axes))))
        return tuple(
            n if a is None or mesh is None else -(-n // mesh.axis_size(a))
            for n, a in zip(shape, axes, strict=True)
        )

    def __repr__(self) -> str:
        return f"TensorLayout({', '.join('-' if a is None else a for a in self.axes)})"


class LayoutMap(MutableMapping):
    """Layouts by variable path: a key is a path or a regular expression that is searched in it.

    An exact key wins; otherwise exactly one pattern may match, and two that do are an error that names both.
    """

    def __init__(self, device_mesh: DeviceMesh):
        self.device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    def __getitem__(self, path: str) -> TensorLayout | None:
        if path in self._layouts:
            return self._layouts[path]
        found = [k for k in self._layouts if re.search(k, path)]
        if len(found) > 1:
            raise ValueError(
                f"The path {path!r} matches {len(found)} keys of the LayoutMap: {found}. Make them exclusive."
            )
        return self._layouts[found[0]] if found else None

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
