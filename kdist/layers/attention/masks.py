"""Masks of which keys a query may see. True: it may."""

from __future__ import annotations

import functools
from typing import Any

from kdist import ops


def causal_mask(queries: Any, keys: Any) -> Any:
    """(1, queries, keys): each query sees the keys up to its own position."""
    rows, columns = _positions(queries, keys)
    return ops.greater_equal(rows, columns)


def window_mask(queries: Any, keys: Any, width: int) -> Any:
    """(1, queries, keys): each query sees the keys that are less than `width` away."""
    rows, columns = _positions(queries, keys)
    return ops.less(ops.abs(ops.subtract(rows, columns)), width)


def combine(masks: list) -> Any:
    """What all of the masks allow; None if there are none."""
    return functools.reduce(ops.logical_and, masks) if masks else None


def _positions(queries: Any, keys: Any) -> tuple[Any, Any]:
    rows = ops.reshape(ops.arange(queries, dtype="int32"), (1, -1, 1))
    return rows, ops.reshape(ops.arange(keys, dtype="int32"), (1, 1, -1))
