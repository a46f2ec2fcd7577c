"""`summary`: a table of a model's layers, shapes and parameters, in Keras's look."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kdist.core import dtypes
from kdist.ops.calls import OpCall

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a table of layers, output shapes and parameter counts, and the totals with their sizes.

    Arguments:
        model: a model, built or not.
        line_length: width of the table in characters; default: 88 (108 with connections), or less
            on a narrow terminal.
        positions: where each column ends, as fractions of the line.
        print_fn: called once with the whole text, in place of printing it.
        expand_nested: show the layers of models inside the model.
        show_trainable: show which layers are trained.
        layer_range: (first, last): names or patterns of the layers to begin and end with.

    Raises:
        ValueError: if the line is too narrow, or no layer has a name in `layer_range`.
    """
    # Here, not above: it takes tens of milliseconds that `import kdist` need not pay.
    from rich.console import Console
    from rich.table import Column, Table

    rows = _Rows(model, expand_nested, show_trainable)
    width = line_length or min(
        (88 if rows.is_chain else 108) + (12 if show_trainable else 0),
        shutil.get_terminal_size().columns - 4,
    )
    ends = list(positions or ([0.45, 0.80, 1.0] if rows.is_chain else [0.3, 0.56, 0.74, 1.0]))
    header = [("Layer (type)", "left"), ("Output Shape", "left"), ("Param #", "right")]
    if not rows.is_chain:
        header.append(("Connected to", "left"))
    if show_trainable:
        ends = [p * 0.90 for p in ends] + [1.0]
        header.append(("Trainable", "center"))
    widths = _widths(ends, width)
    columns = [Column(n, justify=j, width=w) for (n, j), w in zip(header, widths, strict=False)]  # type: ignore[arg-type]
    table = Table(*columns, width=width, show_lines=True)
    for layer in _in_range(rows.layers, layer_range):
        for row in rows.of(layer):
            table.add_row(*row)

    if print_fn is None:
        console = Console(highlight=False)
    else:
        console = Console(highlight=False, force_terminal=False, color_system=None)
        console.begin_capture()
    console.print(f'[bold]Model: "{_escape(model.name)}"[/]')
    console.print(table)
    for what, count, size in _totals(model):
        console.print(f"[bold] {what} params: [/]{_number(f'{count:,}')} ({readable_size(size)})")
    if print_fn is not None:
        print_fn(console.end_capture())


class _Rows:
    """What the table says about each layer."""

    def __init__(self, model: Any, expand_nested: bool, show_trainable: bool):
        self.expand_nested, self.show_trainable = expand_nested, show_trainable
        # A Sequential is listed without its Input, a functional model with every operation.
        graph = None if hasattr(model, "_chain_list") else model._graph
        self.layers: list = list(model.layers) if graph is None else list(graph.operations)
        self.nodes: list = [] if graph is None else graph.nodes
        self.is_chain = graph is None or _is_chain(graph.nodes)
        self._own = {id(n) for n in self.nodes}

    def of(self, layer: Any, level: int = 0) -> list[list[str]]:
        prefix = "   " * level + "└ " if level else ""
        kind = _camel(layer.op.__name__) if isinstance(layer, OpCall) else type(layer).__name__
        fields = [
            f"{_escape(prefix + layer.name)} ([color(33)]{_escape(kind)}[/])",
            _output_shape(layer),
            _parameters(layer),
        ]
        if not self.is_chain:
            fields.append(self._connections(layer))
        if self.show_trainable:
            fields.append(_trainable(layer))
        rows = [fields]
        if self.expand_nested:
            for inner in getattr(layer, "layers", ()):
                rows += self.of(inner, level + 1)
        return rows

    def _connections(self, layer: Any) -> str:
        found = []
        for node in layer._inbound_nodes:
            if id(node) not in self._own:
                continue
            for x in node.input_tensors:
                h = x._keras_history
                found.append(
                    f"{h.operation.name}[{_number(h.node_index)}][{_number(h.tensor_index)}]"
                )
        return ", ".join(found) or "-"


def _is_chain(nodes: list) -> bool:
    """Whether each operation runs once, on the one output of the one before it."""
    parents = [id(p) for n in nodes for p in n.parents]
    return (
        all(len(n.input_tensors) <= 1 for n in nodes)
        and sum(n.is_input for n in nodes) == 1
        and len(set(parents)) == len(parents)
        and len({id(n.operation) for n in nodes}) == len(nodes)
    )


def _output_shape(layer: Any) -> str:
    if layer._inbound_nodes:
        shapes = [x.shape for x in layer._inbound_nodes[-1].outputs]
    else:
        given = getattr(layer, "_build_shapes", None)
        if not given:
            return "?"
        try:
            computed = layer.compute_output_shape(*given.values())
        except NotImplementedError:
            return "?"
        shapes = _shapes_in(computed)
    texts = [_shape(s) for s in shapes]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _shapes_in(structure: Any) -> list:
    if isinstance(structure, list | tuple) and all(
        d is None or isinstance(d, int) for d in structure
    ):
        return [tuple(structure)]
    values = structure.values() if isinstance(structure, dict) else structure
    return [s for v in values for s in _shapes_in(v)]


def _shape(shape: Iterable) -> str:
    return f"({', '.join(_number(d) for d in shape)})"


def _parameters(layer: Any) -> str:
    if not hasattr(layer, "built"):
        return _number(0)
    if not layer.built:
        return f"{_number(0)} (unbuilt)"
    return _number(f"{layer.count_params():,}")


def _trainable(layer: Any) -> str:
    if not getattr(layer, "weights", None):
        return "[bold]-[/]"
    return "[bold][color(34)]Y[/][/]" if layer.trainable else "[bold][color(9)]N[/][/]"


def _totals(model: Any) -> list[tuple[str, int, float]]:
    """(name, count, bytes) of the lines below the table."""
    parts = [
        ("Trainable", model.trainable_weights),
        ("Non-trainable", model.non_trainable_weights),
    ]
    if model.compiled and model.optimizer is not None and model.optimizer.built:
        parts.append(("Optimizer", model.optimizer.variables))
    lines = [(name, sum(math.prod(v.shape) for v in vs), _nbytes(vs)) for name, vs in parts]
    return [("Total", sum(n for _, n, _ in lines), sum(b for _, _, b in lines)), *lines]


def _nbytes(variables: Iterable) -> float:
    return sum(math.prod(v.shape) * dtypes.size_in_bytes(v.dtype) for v in variables)


def readable_size(nbytes: float) -> str:
    """Bytes in the largest unit of 1024 that leaves at least one: "1016.79 KB"."""
    for unit in _UNITS[:-1]:
        if nbytes < 1024:
            return f"{nbytes:.2f} {unit}"
        nbytes /= 1024
    return f"{nbytes:.2f} {_UNITS[-1]}"


def _widths(ends: Sequence[float], line_length: int) -> list[int]:
    widths: list[int] = []
    for end in ends:
        widths.append(int(end * line_length) - sum(widths))
        if widths[-1] < 4:
            raise ValueError(
                f"line_length={line_length} with positions={list(ends)} leaves {widths[-1]} "
                "characters for a column; pass a longer line_length, or use a wider terminal."
            )
    return widths


def _in_range(layers: list, layer_range: Sequence[str] | None) -> list:
    if layer_range is None:
        return layers
    if len(layer_range) != 2 or not all(isinstance(n, str) for n in layer_range):
        raise ValueError(
            f"layer_range={layer_range!r} must be two names: of the first and the last layer."
        )
    first = [i for i, layer in enumerate(layers) if re.match(layer_range[0], layer.name)]
    last = [i for i, layer in enumerate(layers) if re.match(layer_range[1], layer.name)]
    if not first or not last:
        missing = layer_range[0] if not first else layer_range[1]
        raise ValueError(
            f"layer_range={layer_range!r}: no layer matches {missing!r}; there are "
            f"{[x.name for x in layers]}."
        )
    low, high = min(first), max(last)
    if low > high:
        low, high = min(last), max(first)
    return layers[low : high + 1]


def _number(x: Any) -> str:
    return f"[color({45 if x is None else 34})]{x}[/]"


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
