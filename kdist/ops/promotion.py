"""Dtypes of what composite ops compute with."""

from __future__ import annotations

from typing import Any

from kdist.core import dtypes
from kdist.ops.core import cast, convert_to_tensor, dtype

Tensor = Any


def kind(x: Any) -> Any:
    """What takes part in promotion: the type of a Python number, else the dtype of a tensor."""
    return type(x) if type(x) in (bool, int, float, complex) else dtype(convert_to_tensor(x))


def to_float(*xs: Any, least: str | None = None) -> Any:
    """`xs` as tensors of the one float (or complex) dtype they promote to.

    Arguments:
        least: a dtype to promote with, "float32" where half precision would be too coarse.

    Returns: a tensor for one argument, else a list.
    """
    target = dtypes.result_type(*(kind(x) for x in xs), float)
    if least is not None:
        target = dtypes.result_type(target, least)
    out = [convert_to_tensor(x, target) for x in xs]
    return out[0] if len(out) == 1 else out


def is_float(x: Tensor) -> bool:
    """Whether a tensor holds floats, and so may hold NaN."""
    return dtypes.is_float(dtype(x))


def in_float32(x: Tensor) -> Tensor:
    """`x` in float32 or more: half precision is too coarse for long sums."""
    return cast(x, dtypes.result_type(dtype(x), "float32"))
