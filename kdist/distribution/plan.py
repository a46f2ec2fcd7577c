"""`Plan`: where everything of a model lies under a strategy, as plain data that can be printed, costed and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kdist.core import dtypes
from kdist.core.lazy import LazyModule
from kdist.distribution.layout import TensorLayout, replicated
from kdist.distribution.mesh import DeviceMesh

if TYPE_CHECKING:
    from rich.table import Table

rich_console, rich_table = LazyModule("rich.console"), LazyModule("rich.table")


@dataclass(frozen=True)
class VariablePlan:
    """One variable: its global shape, and what one device holds of it."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    layout: TensorLayout
    why: str = ""  # what decided the layout

    @property
    def bytes_per_device(self) -> int:
        return math.prod(self.layout.shard_shape(self.shape)) * dtypes.size_in_bytes(self.dtype)


@dataclass(frozen=True)
class Plan:
    """The layouts of a model's variables, of its optimizer's, and of a batch.

    `strategy` is None for a model on a single device; everything is then whole.
    """

    strategy: Any
    mesh: DeviceMesh | None
    variables: tuple[VariablePlan, ...]
    optimizer: tuple[VariablePlan, ...]

    @property
    def data_shards(self) -> int:
        return self.strategy.data_shards if self.strategy is not None else 1

    @property
    def bytes_per_device(self) -> dict[str, int]:
        """Parameters, gradients and optimizer state on one device."""
        return {
            "parameters": sum(v.bytes_per_device for v in self.variables),
            "gradients": sum(v.bytes_per_device for v in self.variables if v.trainable),
            "optimizer": sum(v.bytes_per_device for v in self.optimizer),
        }

    @property
    def bytes_communicated_per_step(self) -> int:
        """Bytes that one device sends per optimizer update.

        A ring all-reduce of every gradient sends 2 (n - 1) / n of its bytes.
        """
        n = self.data_shards
        return int(self.bytes_per_device["gradients"] * 2 * (n - 1) / n)

    def table(self) -> Table:
        table = rich_table.Table(
            title=f"Plan: {self.strategy!r}" if self.strategy is not None else "Plan: one device"
        )
        for column in ("variable", "shape", "dtype", "layout", "bytes per device"):
            table.add_column(column, justify="right" if column.startswith("bytes") else "left")
        for v in self.variables:
            layout = "replicated" if v.layout.is_replicated else repr(v.layout)
            table.add_row(v.path, str(v.shape), v.dtype, layout, f"{v.bytes_per_device:,}")
        table.add_section()
        for name, n in self.bytes_per_device.items():
            table.add_row(name, "", "", "", f"{n:,}")
        table.add_row("sent per step", "", "", "", f"{self.bytes_communicated_per_step:,}")
        return table

    def __str__(self) -> str:
        console = rich_console.Console(width=120)
        with console.capture() as capture:
            console.print(self.table())
        return capture.get()


def make_plan(strategy: Any, model: Any) -> Plan:
    """The plan of a built model under `strategy`, or on one device if that is None.

    It covers the optimizer, too, if the model is compiled.
    """
    decisions = strategy.decide(model) if strategy is not None else {}
    optimizer = getattr(model, "optimizer", None)

    def of_weight(v: Any) -> VariablePlan:
        decision = decisions.get(id(v))
        layout = decision.layout if decision is not None else replicated(len(v.shape))
        why = decision.why if decision is not None else ""
        return VariablePlan(v.path, tuple(v.shape), v.dtype, v.trainable, layout, why)

    def of_slot(v: Any) -> VariablePlan:
        layout = v.layout if v.layout is not None else replicated(len(v.shape))
        return VariablePlan(v.path, tuple(v.shape), v.dtype, v.trainable, layout)

    return Plan(
        strategy=strategy,
        mesh=strategy.device_mesh if strategy is not None else None,
        variables=tuple(map(of_weight, model.variables)),
        optimizer=tuple(map(of_slot, optimizer.variables)) if optimizer is not None else (),
    )
