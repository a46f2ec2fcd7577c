"""How the ops that are made of other ops take their arguments in."""

from __future__ import annotations

from typing import Any

from kdist.core import dtypes
from kdist.ops.checks import dtype_of
from kdist.ops.core import cast, convert_to_tensor

Tensor = Any


def to_float(*xs: Any, least: str | None = None) -> Any:
    """`xs` as tensors of the one float (or complex) dtype they promote to.

    Arguments:
        least: a dtype to promote with, "float32" where half precision would be too coarse.

    Returns: a tensor for one argument, else a list.
    """
    tensors = [convert_to_tensor(x) for x in xs]
    dtype = dtypes.result_type(*(dtype_of(x) for x in tensors), float)
    if least is not None:
        dtype = dtypes.result_type(dtype, least)
    out = [x if dtype_of(x) == dtype else cast(x, dtype) for x in tensors]
    return out[0] if len(out) == 1 else out
