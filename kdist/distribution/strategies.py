"""Strategies: frozen data that say where variables and batches lie. A backend places them; `plan` shows them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from kdist.distribution.layout import TensorLayout
from kdist.distribution.mesh import DeviceMesh
from kdist.distribution.plan import Plan, make_plan
from kdist.distribution.runtime import distribution_scope, list_devices


class Strategy(ABC):
    """Where things lie while a model trains."""

    device_mesh: DeviceMesh
    batch_dim_name: str

    @abstractmethod
    def variable_layout(self, path: str, shape: Sequence[int]) -> TensorLayout:
        """Layout of the variable at `path`."""

    def data_layout(self, ndim: int) -> TensorLayout:
        """Layout of a batch: its first dim is split over the batch axis."""
        return TensorLayout(
            (self.batch_dim_name, *(None,) * (ndim - 1)) if ndim else (), self.device_mesh
        )

    @property
    def data_shards(self) -> int:
        """Into how many slices a global batch is cut."""
        return self.device_mesh.axis_size(self.batch_dim_name)

    def plan(self, model: Any) -> Plan:
        """Every layout of `model` under this strategy, with bytes per device.

        Needs no device and no memory beyond the built model's.
        """
        return make_plan(self, model)

    def scope(self) -> AbstractContextManager:
        """This strategy is the active one within."""
        return distribution_scope(self)


@dataclass(frozen=True, init=False)
class DataParallel(Strategy):
    """Every device holds the whole model and computes a slice of each global batch; gradients are summed over the
    devices.

    Arguments:
        device_mesh: a mesh; its first axis splits the batch. Default: one axis "batch" over `devices`.
        devices: device names; default: all devices of all processes.
        auto_shard_dataset: whether kdist cuts each process's slice out of the global batch (True), or the data source
            of each process already gives its slice alone.
    """

    device_mesh: DeviceMesh
    batch_dim_name: str
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
        object.__setattr__(self, "batch_dim_name", device_mesh.axis_names[0])
        object.__setattr__(self, "auto_shard_dataset", bool(auto_shard_dataset))

    def variable_layout(self, path: str, shape: Sequence[int]) -> TensorLayout:
        return TensorLayout((None,) * len(shape), self.device_mesh)

    def __repr__(self) -> str:
        return f"<DataParallel {self.device_mesh!r}>"
