"""What was wrong with positions, and with what is read or written there; see `explain`."""

from __future__ import annotations

from typing import Any

from kdist.ops.checks import Shape, at_least, same, shape_of
from kdist.ops.explain import in_range


def _size(x: Any) -> int | None:
    return shape_of(x)[0] if hasattr(x, "shape") else len(x)


def scatter(op: str, indices: Any, values: Any, shape: Any) -> None:
    at = at_least(op, indices, 1, "indices")
    _written(op, at, shape_of(values), tuple(shape), "values", f"shape={tuple(shape)}")


def scatter_update(
    op: str, inputs: Any, indices: Any, updates: Any, reduction: str | None = None
) -> None:
    at, shape = at_least(op, indices, 1, "indices"), shape_of(inputs)
    if 0 not in at and 0 in shape[: at[-1]]:
        raise ValueError(
            f"{op}: inputs have no elements. Received: indices.shape={at}, inputs.shape={shape}."
        )
    _written(op, at, shape_of(updates), shape, "updates", f"inputs.shape={shape}")


def _written(op: str, at: Shape, given: Shape, shape: Shape, name: str, into: str) -> None:
    received = f"Received: indices.shape={at}, {name}.shape={given}, {into}."
    if at[-1] is None:
        return
    if at[-1] > len(shape):
        raise ValueError(
            f"{op}: the last axis of indices holds {at[-1]} positions for {len(shape)} axes. "
            f"{received}"
        )
    wanted = (*at[:-1], *shape[at[-1] :])
    if not same(_trimmed(given), _trimmed(wanted)):
        raise ValueError(f"{op}: {name} must have the shape {wanted}. {received}")


def _trimmed(shape: Shape) -> Shape:
    """Without the leading axes of size 1, of which there may be any number."""
    return _trimmed(shape[1:]) if shape[:1] == (1,) else shape


def slice_update(op: str, inputs: Any, start_indices: Any, updates: Any) -> None:
    shape, block, starts = shape_of(inputs), shape_of(updates), _size(start_indices)
    received = f"Received: inputs.shape={shape}, {starts} start_indices, updates.shape={block}."
    if len(block) != len(shape) or starts not in (None, len(shape)):
        raise ValueError(
            f"{op}: start_indices and updates must have as many axes as inputs. {received}"
        )
    if any(None not in (n, m) and n > m for n, m in zip(block, shape, strict=True)):
        raise ValueError(f"{op}: updates are larger than inputs. {received}")


def in_top_k(op: str, targets: Any, predictions: Any, k: int) -> None:
    a, b = shape_of(targets), shape_of(predictions)
    if len(b) != 2 or len(a) != 1 or not same(a, b[:1]):
        raise ValueError(
            f"{op}: predictions must be (batch, classes), and targets (batch,). Received: "
            f"targets.shape={a}, predictions.shape={b}."
        )


def bincount(op: str, x: Any, *rest: Any, **named: Any) -> None:
    if len(shape_of(x)) not in (1, 2):
        raise ValueError(f"{op}: x must have one or two axes. Received: x.shape={shape_of(x)}.")


def embedding_lookup(op: str, table: Any, ids: Any) -> None:
    if len(shape_of(table)) != 2:
        raise ValueError(
            f"{op}: table must be (rows, dim). Received: table.shape={shape_of(table)}."
        )
    if shape_of(table)[0] == 0 and 0 not in shape_of(ids):
        raise ValueError(f"{op}: table has no rows. Received: table.shape={shape_of(table)}.")


def unique(
    op: str,
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> None:
    in_range(op, axis, shape_of(x))
    if size is not None and size < 0:
        raise ValueError(f"{op}: size={size} must not be negative.")
