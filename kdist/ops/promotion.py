"""Dtypes of what composite ops compute with."""

from __future__ import annotations

from typing import Any

from kdist.core import dtypes
from kdist.ops.core import cast, convert_to_tensor, dtype

Tensor = Any


def kind(x: Any) -> Any:
    """What takes part in promotion: the type of a Python number, else the dtype of a tensor."""
    return type(x) if type(x) in (bool, int, float, complex) else dtype(convert_to_tensor(x))


def as_float(x: Any, *others: Any) -> Tensor:
    """`x` as a tensor of the float dtype that it and `others` promote to."""
    return convert_to_tensor(x, dtypes.result_type(*(kind(v) for v in (x, *others)), float))


def is_float(x: Tensor) -> bool:
    """Whether a tensor holds floats, and so may hold NaN."""
    return dtypes.is_float(dtype(x))


def in_float32(x: Tensor) -> Tensor:
    """`x` in float32 or more: half precision is too coarse for long sums."""
    return cast(x, dtypes.result_type(dtype(x), "float32"))
