"""Further rows that follow NumPy: angles, bits, complex parts, divisors and sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdist.backend.torch.rows import axes, binary, unary, unary_float
from kdist.backend.torch.tensors import as_tensor, promoted, torch_dtype


def bits(native: Callable, on_bool: bool = True) -> Callable:
    """A row of two integers of their common dtype, named x and y.

    Arguments:
        on_bool: whether torch takes booleans; else they count as int32.
    """
    row_of_two = binary(native, on_bool=None if on_bool else torch.int32)

    def row(x: Any, y: Any) -> Tensor:
        return row_of_two(x, y)

    return row


def real(x: Any) -> Tensor:
    x = as_tensor(x)
    return x.real if x.is_complex() else x


def imag(x: Any) -> Tensor:
    x = as_tensor(x)
    return x.imag if x.is_complex() else torch.zeros_like(x)


def conjugate(x: Any) -> Tensor:
    return torch.conj_physical(as_tensor(x))


def view(x: Any, dtype: Any = None) -> Tensor:
    x = as_tensor(x)
    if dtype is None:
        return x
    # torch holds uint16 and uint32 as wider signed types, but reads bytes as exactly these.
    exact = getattr(torch, str(dtype)) if str(dtype) in ("uint16", "uint32") else torch_dtype(dtype)
    return x.contiguous().view(exact)


def trunc(x: Any) -> Tensor:
    x = as_tensor(x)
    return torch.trunc(x) if x.is_floating_point() else x


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    return torch.diagonal(as_tensor(x), offset, axis1, axis2)


def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Tensor:
    x1, x2 = promoted(x1, x2)
    if x1.dtype is torch.bool:
        x1, x2 = x1.to(torch.int32), x2.to(torch.int32)
    return torch.isin(x1, x2, assume_unique=assume_unique, invert=invert)


def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    x = as_tensor(x)
    dim = None if axis is None else axes(axis, x.ndim)[0]
    if dim is not None and not x.numel():
        values, inverse, counts = (
            x,
            torch.arange(0, device=x.device),
            torch.ones(0, device=x.device),
        )
    else:
        values, inverse, counts = torch.unique(
            x, sorted=sorted, return_inverse=True, return_counts=True, dim=dim
        )
    along = 0 if dim is None else dim
    flat = inverse.reshape(-1)
    first = flat.new_full((values.shape[along],), flat.numel()).scatter_reduce(
        0, flat, torch.arange(flat.numel(), device=x.device), "amin"
    )
    if size is not None:
        fill = values.narrow(along, 0, 1) if fill_value is None else fill_value
        values = _resized(values, along, size, fill)
        first = _resized(first, 0, size, first[:1])
        counts = _resized(counts, 0, size, 0)
    asked = ((return_index, first), (return_inverse, inverse), (return_counts, counts))
    out = (values, *(y.to(torch.int32) for wanted, y in asked if wanted))
    return out if len(out) > 1 else values


def _resized(x: Tensor, dim: int, size: int, fill: Any) -> Tensor:
    """`x` cut or filled to `size` along `dim`."""
    if x.shape[dim] >= size:
        return x.narrow(dim, 0, size)
    missing = list(x.shape)
    missing[dim] = size - x.shape[dim]
    return torch.cat([x, as_tensor(fill).to(x.dtype).expand(missing)], dim)


OPS = {
    "arccos": unary_float(torch.acos),
    "arccosh": unary_float(torch.acosh),
    "arcsin": unary_float(torch.asin),
    "arcsinh": unary_float(torch.asinh),
    "arctan": unary_float(torch.atan),
    "arctan2": binary(torch.atan2, scalars=False, also=(float,)),
    "arctanh": unary_float(torch.atanh),
    "bitwise_and": bits(torch.bitwise_and),
    "bitwise_left_shift": bits(torch.bitwise_left_shift, on_bool=False),
    "bitwise_not": unary(torch.bitwise_not),
    "bitwise_or": bits(torch.bitwise_or),
    "bitwise_right_shift": bits(torch.bitwise_right_shift, on_bool=False),
    "bitwise_xor": bits(torch.bitwise_xor),
    "conjugate": conjugate,
    "deg2rad": unary_float(torch.deg2rad),
    "diagonal": diagonal,
    "exp2": unary_float(torch.exp2),
    "fmax": binary(torch.fmax, scalars=False),
    "fmin": binary(torch.fmin, scalars=False),
    "fmod": binary(torch.fmod, on_bool=torch.int32),
    "gcd": binary(torch.gcd, scalars=False, on_bool=torch.int32),
    "hypot": binary(torch.hypot, scalars=False, also=(float,)),
    "i0": unary_float(torch.i0),
    "imag": imag,
    "isin": isin,
    "isneginf": unary(torch.isneginf),
    "isposinf": unary(torch.isposinf),
    "lcm": binary(torch.lcm, scalars=False, on_bool=torch.int32),
    "logaddexp2": binary(torch.logaddexp2, scalars=False, also=(float,)),
    "rad2deg": unary_float(torch.rad2deg),
    "real": real,
    "signbit": unary(torch.signbit),
    "sinc": unary_float(torch.sinc),
    "trunc": trunc,
    "unique": unique,
    "view": view,
}
