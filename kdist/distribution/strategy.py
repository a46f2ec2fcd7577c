"""`Strategy`: the contract of every strategy."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from kdist.distribution.layout import TensorLayout, entry_of, replicated
from kdist.distribution.mesh import DeviceMesh
from kdist.distribution.plan import Plan, make_plan
from kdist.distribution.runtime import distribution_scope

# Where a strategy has no size of its own below which variables stay whole: 4 MiB of float32.
LARGE = 1 << 20


@dataclass(frozen=True)
class Decision:
    """Where a variable lies, and why.

    Arguments:
        layout: where.
        why: what decided, in a few words for the Plan's table; "" where there is nothing to say.
    """

    layout: TensorLayout
    why: str


class Strategy(ABC):
    """Where things lie while a model trains. Frozen data; a backend places what it says.

    Attributes:
        device_mesh: the devices.
        batch_axes: the mesh axes along which each global batch is split. A variable that is sharded along one of
            them is gathered before it is used; along any other axis the computation itself is split.
        auto_shard_dataset: whether kdist cuts each process's slice out of the global batch (True), or the data
            source of each process gives its slice alone.
    """

    device_mesh: DeviceMesh
    batch_axes: tuple[str, ...]
    auto_shard_dataset: bool = True

    @abstractmethod
    def variable_layout(self, path: str, shape: Sequence[int]) -> TensorLayout:
        """The layout in which a trainable variable with the path `path` and the shape `shape` is created."""

    def birth_layout(self, variable: Any) -> TensorLayout:
        """The layout in which `variable` is created. What is not trained (seeds, statistics, counters) is whole."""
        if not variable.trainable:
            return replicated(len(variable.shape), self.device_mesh)
        return self.variable_layout(variable.path, variable.shape)

    def decide(self, model: Any) -> dict[int, Decision]:
        """The final layout of each variable of the built `model`, by the variable's id."""
        return {id(v): Decision(self.birth_layout(v), "") for v in model.variables}

    def slot_layout(self, layout: TensorLayout, shape: Sequence[int]) -> TensorLayout:
        """The layout of an optimizer's variable that goes with a variable of `layout` and `shape`."""
        return layout

    def compute_layout(self, layout: TensorLayout) -> TensorLayout:
        """The layout in which a variable that is stored in `layout` takes part in computations."""
        return layout.without(self.batch_axes)

    def data_layout(self, ndim: int) -> TensorLayout:
        """Layout of an array of `ndim` dims of a batch: its first dim is split over the batch axes."""
        return TensorLayout(
            (entry_of(self.batch_axes), *(None,) * (ndim - 1)) if ndim else (), self.device_mesh
        )

    def activation_layout(self, path: str) -> TensorLayout | None:
        """A layout that the outputs of the layer at `path` are brought to, or None to leave them."""
        return None

    def sequence_layout(self) -> TensorLayout | None:
        """A layout for outputs (batch, time, ...) of the layers between those whose computation is split, or None."""
        return None

    # ---- Keras's names
    def get_data_layout(self, data_shape: Sequence[int]) -> TensorLayout:
        """The layout of a batch of shape `data_shape`, its first dim the batch."""
        return self.data_layout(len(data_shape))

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout that `variable` has on this mesh; if it has none, the one in which it would be created."""
        layout = getattr(variable, "layout", None)
        if layout is not None and layout.device_mesh == self.device_mesh:
            return layout
        return self.birth_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout that a rule gives the outputs of the layer at `path`; None to leave them as they are."""
        return self.activation_layout(path.removesuffix("/output"))

    @property
    def data_shards(self) -> int:
        """Into how many slices a global batch is cut."""
        return math.prod(self.device_mesh.axis_size(a) for a in self.batch_axes)

    @property
    def tensor_axes(self) -> tuple[str, ...]:
        """The mesh axes that do not split the batch."""
        return tuple(a for a in self.device_mesh.axis_names if a not in self.batch_axes)

    @property
    def shards_from(self) -> int | None:
        """The number of elements from which on a plan warns of a variable that stays whole; None: it never does."""
        return None

    def plan(self, model: Any, batch_size: int | None = None, **details: Any) -> Plan:
        """Every layout of `model` under this strategy, with bytes per device, and what a step communicates.

        Needs no device and no memory beyond the built model's.

        Arguments:
            batch_size: rows of the global batch. With it the step is traced on one device's rows: the plan then knows
                the memory of activations, and what tensor parallelism communicates of them.
            details: `input_shape=` and others, see `make_plan`.
        """
        return make_plan(self, model, batch_size, complete=True, **details)

    def scope(self) -> AbstractContextManager:
        """This strategy is the active one within."""
        return distribution_scope(self)
