"""What was wrong with a norm; see `explain`."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.ops.checks import shape_of
from kdist.ops.explain import in_range

_OF_MATRICES = (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)


class BadNormError(ValueError, IndexError, RuntimeError):
    """No such axis or order: a ValueError as all bad arguments of ops, and what torch raises for either."""


def norm(op: str, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> None:
    shape = shape_of(x)
    try:
        in_range(op, axis, shape)
    except ValueError as error:
        raise BadNormError(str(error)) from error
    if ord is None:
        return
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, list | tuple) else [axis]
    received = f"Received: ord={ord!r}, axis={axis}, x.shape={shape}."
    if len(axes) not in (1, 2):
        raise BadNormError(f"{op}: a norm with an `ord` is of one axis or of two. {received}")
    if len(axes) == 2 and ord not in _OF_MATRICES:
        raise BadNormError(f"{op}: ord of matrices must be one of {_OF_MATRICES}. {received}")
    if len(axes) == 1 and isinstance(ord, str):
        raise BadNormError(f"{op}: ord of vectors must be a number or None. {received}")
