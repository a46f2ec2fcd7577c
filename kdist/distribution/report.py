"""A plan in words and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kdist.core.lazy import LazyModule
from kdist.distribution.links import link

if TYPE_CHECKING:
    from rich.table import Table

rich_console, rich_table = LazyModule("rich.console"), LazyModule("rich.table")

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@dataclass
class _Row:
    """Variables that differ in the numbers in their paths alone."""

    path: str
    variable: Any
    count: int = 1


def readable(nbytes: float) -> str:
    """Bytes in the largest unit that leaves at least one: 3.2 GiB."""
    size = float(nbytes)
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")


def grouped(variables: Iterable[Any]) -> list[_Row]:
    """One row for all `VariablePlan`s that are alike but for the numbers in their paths."""
    rows: dict[tuple, _Row] = {}
    for v in variables:
        pattern = re.sub(r"\d+", "*", v.path)
        key = (pattern, v.shape, v.dtype, v.layout.axes, v.why)
        row = rows.get(key)
        if row is None:
            rows[key] = _Row(v.path, v)
        else:
            row.path, row.count = pattern, row.count + 1
    return list(rows.values())


def _table(title: str, *columns: str) -> Table:
    table = rich_table.Table(title=title, title_justify="left")
    for column in columns:
        numbers = column.startswith(("bytes", "count", "sent"))
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    return table


def plan_table(plan: Any) -> Table:
    """The variables with their layouts, and what one device holds altogether."""
    title = f"Plan: {plan.strategy!r}" if plan.strategy is not None else "Plan: one device"
    table = _table(title, "variable", "shape", "dtype", "layout", "bytes per device", "why")
    for row in grouped(plan.variables):
        v = row.variable
        layout = "replicated" if v.layout.is_replicated else repr(v.layout)
        name = row.path if row.count == 1 else f"{row.path} x{row.count}"
        table.add_row(
            name, str(v.shape), v.dtype, layout, f"{row.count * v.bytes_per_device:,}", v.why
        )
    table.add_section()
    total = 0
    for name, n in plan.bytes_per_device.items():
        note = ", an estimate" if name == "activations" else ""
        table.add_row(name, "", "", "", f"{n:,}", readable(n) + note)
        total += n
    table.add_row("altogether", "", "", "", f"{total:,}", readable(total))
    sent = plan.bytes_communicated_per_step
    table.add_row("sent per step", "", "", "", f"{sent:,}", readable(sent))
    return table


def communication_table(plan: Any, devices_per_host: int | None) -> Table:
    """What one device communicates per step, by kind and mesh axes."""
    columns = ["collective", "mesh axes", "of what", "count", "bytes in all", "sent per device"]
    table = _table("Communication per step", *columns, *(["link"] if devices_per_host else []))
    for c in plan.collectives:
        axes = ", ".join(f"{a}={plan.mesh.axis_size(a)}" for a in c.axes)
        cells = [c.kind, axes, c.purpose, str(c.count), readable(c.nbytes), readable(c.sent)]
        if devices_per_host:
            cells.append(link(plan.mesh, c.axes, devices_per_host))
        table.add_row(*cells)
    if devices_per_host:
        table.add_section()
        for where, sent in plan.bytes_per_link(devices_per_host).items():
            table.add_row("altogether", "", "", "", "", readable(sent), where)
    return table


def plan_text(plan: Any, devices_per_host: int | None, width: int) -> str:
    """The report: tables, then what deserves attention."""
    console = rich_console.Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(plan_table(plan))
        if plan.collectives:
            console.print(communication_table(plan, devices_per_host))
        for warning in plan.warnings:
            console.print(f"Warning: {warning}", highlight=False, markup=False, soft_wrap=True)
    return capture.get()
