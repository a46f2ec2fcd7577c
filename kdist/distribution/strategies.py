"""The strategies of Keras: `DataParallel` and `ModelParallel`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kdist.distribution.layout import LayoutMap, TensorLayout, replicated
from kdist.distribution.mesh import DeviceMesh
from kdist.distribution.runtime import list_devices
from kdist.distribution.strategy import LARGE, Decision, Strategy


@dataclass(frozen=True, init=False)
class DataParallel(Strategy):
    """Every device holds the whole model and computes a slice of each global batch.

    Gradients are summed over the devices.

    Arguments:
        device_mesh: a mesh; its first axis splits the batch. Default: one axis "batch" over `devices`.
        devices: device names; default: all devices of all processes.
        auto_shard_dataset: whether kdist cuts each process's slice out of the global batch (True), or the data source
            of each process already gives its slice alone.
    """

    device_mesh: DeviceMesh
    batch_axes: tuple[str, ...]
    auto_shard_dataset: bool

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        auto_shard_dataset: bool = True,
    ):
        if device_mesh is None:
            names = list(devices) if devices is not None else list_devices()
            device_mesh = DeviceMesh((len(names),), ("batch",), names)
        elif devices is not None:
            raise ValueError("DataParallel takes device_mesh or devices, not both.")
        object.__setattr__(self, "device_mesh", device_mesh)
        object.__setattr__(self, "batch_axes", device_mesh.axis_names[:1])
        object.__setattr__(self, "auto_shard_dataset", bool(auto_shard_dataset))

    @property
    def batch_dim_name(self) -> str:
        return self.batch_axes[0]

    def variable_layout(self, path: str, shape: Sequence[int]) -> TensorLayout:
        return replicated(len(shape), self.device_mesh)

    def __repr__(self) -> str:
        return f"<DataParallel {self.device_mesh!r}>"


@dataclass(frozen=True, init=False)
class ModelParallel(Strategy):
    """Variables lie as a LayoutMap says, and what it does not name is whole on every device.

    Arguments:
        layout_map: layouts by variable path, with their mesh. A key that ends in "/output" after a layer's path is the
            layout of that layer's output.
        batch_dim_name: the mesh axis that splits the batch; default: the mesh's first.
        auto_shard_dataset: as of DataParallel.

    Raises: ValueError without a LayoutMap, or for a mesh axis that there is not.

    Example:
        mesh = DeviceMesh((2, 4), ("batch", "model"))
        layout_map = LayoutMap(mesh)
        layout_map["dense.*kernel"] = (None, "model")
        set_distribution(ModelParallel(layout_map=layout_map))
    """

    device_mesh: DeviceMesh
    batch_axes: tuple[str, ...]
    auto_shard_dataset: bool
    rules: tuple[tuple[str, TensorLayout], ...]
    layout_map: LayoutMap = field(compare=False, hash=False)

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ):
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(
                f"ModelParallel needs layout_map=, a LayoutMap with its DeviceMesh, and received {layout_map!r}."
            )
        mesh = layout_map.device_mesh
        name = batch_dim_name or mesh.axis_names[0]
        mesh.axis_size(name)
        object.__setattr__(self, "device_mesh", mesh)
        object.__setattr__(self, "batch_axes", (name,))
        object.__setattr__(self, "auto_shard_dataset", bool(auto_shard_dataset))
        # The map as it is now: a strategy does not change when the map does.
        frozen = LayoutMap(mesh)
        for key, layout in layout_map.items():
            frozen[key] = layout
        object.__setattr__(self, "layout_map", frozen)
        object.__setattr__(self, "rules", tuple(frozen.items()))

    @property
    def batch_dim_name(self) -> str:
        return self.batch_axes[0]

    def variable_layout(self, path: str, shape: Sequence[int]) -> TensorLayout:
        layout = self.layout_map[path]
        if layout is None:
            return replicated(len(shape), self.device_mesh)
        return fitted(layout, path, shape)

    def decide(self, model: Any) -> dict[int, Decision]:
        decisions = {}
        for v in model.variables:
            key = self.layout_map.key_for(v.path)
            why = "no rule" if key is None else f"rule {key!r}"
            decisions[id(v)] = Decision(self.birth_layout(v), why)
        return decisions

    def birth_layout(self, variable: Any) -> TensorLayout:
        return self.variable_layout(variable.path, variable.shape)

    @property
    def shards_from(self) -> int | None:
        return LARGE

    def activation_layout(self, path: str) -> TensorLayout | None:
        return output_layout(self.layout_map, path)

    def __repr__(self) -> str:
        return f"<ModelParallel {self.device_mesh!r}, {len(self.rules)} rules>"


def output_layout(layout_map: LayoutMap, path: str) -> TensorLayout | None:
    """What the rules whose keys end in "/output" say of the layer at `path`.

    Raises: ValueError where two of them match.
    """
    outputs = LayoutMap(layout_map.device_mesh)
    for key, layout in layout_map.items():
        if key.endswith(("/output", "/output$")):
            outputs[key] = layout
    return outputs[f"{path}/output"]


def fitted(layout: TensorLayout, path: str, shape: Sequence[int]) -> TensorLayout:
    """`layout` for a tensor of `shape`.

    Raises: ValueError where it names more dims than there are, or cuts one that does not divide.
    """
    if len(layout.axes) > len(shape):
        raise ValueError(
            f"The layout {layout!r} has {len(layout.axes)} entries, and the variable {path!r} the shape "
            f"{tuple(shape)}. Give one entry for each dim."
        )
    for dim, n in enumerate(shape):
        if n % layout.shards(dim):
            raise ValueError(
                f"The layout {layout!r} cuts dim {dim} of {path!r}, shape {tuple(shape)}, into "
                f"{layout.shards(dim)} parts, which do not divide {n}. Shard another dim, or leave it whole."
            )
    return layout.padded(len(shape))
