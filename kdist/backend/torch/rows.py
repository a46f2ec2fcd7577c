"""What most rows are made by: a native function with conversion and promotion before it.

Where neither is needed, nothing stands before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdist.backend.torch.tensors import TORCH, as_float, as_tensor, promoted
from kdist.core.dtypes import result_type


def unary(native: Callable) -> Callable:
    """`x` of any dtype."""

    def row(x: Any) -> Tensor:
        return native(x if isinstance(x, Tensor) else as_tensor(x))

    return row


def unary_float(native: Callable) -> Callable:
    """`x` is computed with as float: integers and booleans take the float default."""

    def row(x: Any) -> Tensor:
        if isinstance(x, Tensor) and x.is_floating_point():
            return native(x)
        return native(as_float(x))

    return row


def binary(
    native: Callable, *, scalars: bool = True, on_bool: torch.dtype | None = None, also: tuple = ()
) -> Callable:
    """Two operands of their common dtype.

    Arguments:
        native: the torch function.
        scalars: whether it takes a Python number as its second operand and keeps the dtype of a float first one.
        on_bool: the dtype to compute two booleans in, where torch refuses them.
        also: further dtypes that the operands are promoted with, e.g. `(float,)`.
    """

    def row(x1: Any, x2: Any) -> Tensor:
        if isinstance(x1, Tensor):
            if isinstance(x2, Tensor):
                if x1.dtype is x2.dtype and (x1.is_floating_point() or not (also or on_bool)):
                    return native(x1, x2)
            elif scalars and (type(x2) is float or type(x2) is int) and x1.is_floating_point():
                return native(x1, x2)
        x1, x2 = promoted(x1, x2, also=also)
        if on_bool is not None and x1.dtype is torch.bool:
            x1, x2 = x1.to(on_bool), x2.to(on_bool)
        return native(x1, x2)

    return row


def comparison(native: Callable) -> Callable:
    """Two operands compared in their common dtype, which torch finds itself: the result does not show it."""

    def row(x1: Any, x2: Any) -> Tensor:
        if isinstance(x1, Tensor) and (
            isinstance(x2, Tensor) or type(x2) is float or type(x2) is int
        ):
            return native(x1, x2)
        return native(*promoted(x1, x2))

    return row


def refuses(row: Callable) -> Callable:
    """Mark a row that raises by itself for whatever the op's `check` forbids (see `ops.declare`)."""
    row.refuses = True  # type: ignore[attr-defined]
    return row


def is_int(x: Any) -> bool:
    """Whether `x` is one integer of Python's or NumPy's. (Arrays have `__index__` too, so that does not tell.)"""
    return isinstance(x, int | np.integer)


def wide_int(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which sums and products of `dtype` accumulate: small integers and booleans take int32, as in JAX."""
    return torch.int32 if dtype in (torch.bool, torch.uint8, torch.int8, torch.int16) else dtype


def float_dtype(x: Tensor) -> torch.dtype:
    """The dtype of a mean of `x`."""
    return (
        x.dtype
        if x.is_floating_point() or x.is_complex()
        else TORCH[result_type(str(x.dtype)[6:], float)]
    )


def axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """`axis` (None, an int, or several) as non-negative ints."""
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    if axis is None:
        return tuple(range(ndim))
    found = tuple(
        a % ndim if -ndim <= a < ndim else _out_of_range(a, ndim)
        for a in ([axis] if is_int(axis) else axis)
    )
    if len(set(found)) < len(found):
        raise ValueError(f"axis={axis} names a dim twice.")
    return found


INDEX = (torch.int32, torch.int64)


def whole(x: Any) -> Tensor:
    """`x`, integers of any kind or booleans, as torch's kernels take indices."""
    x = as_tensor(x)
    if x.dtype in INDEX:
        return x
    if x.is_floating_point() or x.is_complex():
        raise TypeError(f"Indices must be integers, and are {x.dtype}.")
    return x.long()


def _out_of_range(axis: int, ndim: int) -> int:
    raise ValueError(f"axis={axis} is out of range for a tensor of {ndim} dims.")


_OF_THIS_PROCESS = (Tensor, torch.nn.Parameter)


def refuses_bad_indices(x: Tensor, indices: Tensor) -> bool:
    """Whether a kernel that reads or writes `x` at `indices` raises for those below 0 or too large, and does no more.

    CPU kernels look at each index as they go. Those of a GPU end the process. A DTensor leaves out what other
    processes hold, and the processes must keep to the same calls; compiled code takes negative ones.
    """
    return (
        indices.is_cpu
        and type(x) in _OF_THIS_PROCESS
        and type(indices) is Tensor
        and not torch.compiler.is_compiling()
    )
