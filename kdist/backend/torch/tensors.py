"""Tensors and their dtypes: conversion from and to everything that a row may be given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np
import torch
from torch import Tensor

from kdist.backend.torch.device import place
from kdist.core import config
from kdist.core.dtypes import result_type, standardize_dtype

# torch computes with no unsigned type but uint8: uint16 and uint32 take the next larger signed one, as in Keras.
TORCH: dict[str, torch.dtype] = {
    "bool": torch.bool,
    **{n: getattr(torch, n) for n in ("uint8", "int8", "int16", "int32", "int64")},
    "uint16": torch.int32,
    "uint32": torch.int64,
    **{n: getattr(torch, n) for n in ("bfloat16", "float16", "float32", "float64")},
    **{n: getattr(torch, n) for n in ("float8_e4m3fn", "float8_e5m2", "complex64", "complex128")},
}
NAMES: dict[torch.dtype, str] = {getattr(torch, n): n for n in TORCH if n in str(TORCH[n])}
_KEPT = frozenset(NAMES)  # promoted with itself, each of these is what it was
NAMES |= {torch.uint16: "uint16", torch.uint32: "uint32", torch.uint64: "uint64"}

# Types that NumPy knows by ml_dtypes alone, and the integer type of their width to carry the bits over.
_BITS = {
    torch.bfloat16: (torch.int16, np.dtype(ml_dtypes.bfloat16)),
    torch.float8_e4m3fn: (torch.uint8, np.dtype(ml_dtypes.float8_e4m3fn)),
    torch.float8_e5m2: (torch.uint8, np.dtype(ml_dtypes.float8_e5m2)),
}
_FROM_BITS = {numpy: (bits, dtype) for dtype, (bits, numpy) in _BITS.items()}
_DIRECT = frozenset(
    np.dtype(n)
    for n in ("float32", "float64", "float16", "int32", "int64", "int8", "int16", "uint8", "bool")
)
_PLAIN = frozenset(getattr(torch, d.name) for d in _DIRECT)
_WIDENED = {np.dtype("uint16"): np.int32, np.dtype("uint32"): np.int64}


def torch_dtype(dtype: Any) -> torch.dtype:
    """The torch dtype for a dtype given in any form; None is the float default."""
    if type(dtype) is torch.dtype:
        return dtype
    name = standardize_dtype(dtype)
    found = TORCH.get(name)
    if found is None:
        raise ValueError(
            f"dtype={name!r} does not exist on the torch backend. Use one of {', '.join(TORCH)}."
        )
    return found


def is_tensor(x: Any) -> bool:
    return isinstance(x, Tensor)


def dtype_of(x: Tensor) -> str:
    return NAMES[x.dtype]


def from_numpy(x: np.ndarray) -> Tensor:
    """A CPU tensor that shares the memory of `x` where torch can."""
    flags = x.flags
    if x.dtype in _DIRECT and flags.writeable and flags.c_contiguous:
        return torch.from_numpy(x)
    if x.dtype in _FROM_BITS:
        bits, dtype = _FROM_BITS[x.dtype]
        return from_numpy(x.view(np.int16 if bits is torch.int16 else np.uint8)).view(dtype)
    if x.dtype in _WIDENED:
        return torch.from_numpy(x.astype(_WIDENED[x.dtype]))
    if x.dtype.kind not in "biufc" or x.dtype == np.uint64 or not x.dtype.isnative:
        raise ValueError(
            f"An array of dtype {x.dtype} cannot become a torch tensor. Cast it to a numeric dtype that torch has."
        )
    if not x.flags.writeable or any(s < 0 for s in x.strides):
        x = x.copy()  # torch has no read-only tensors and no negative strides
    return torch.from_numpy(x)


def to_numpy(x: Tensor) -> np.ndarray:
    """`x` as a NumPy array, which shares its memory if `x` lies on the CPU."""
    x = x.detach()
    if type(x) is Tensor and x.dtype in _PLAIN and x.is_cpu:
        return x.numpy()
    if hasattr(x, "full_tensor"):
        x = x.full_tensor()
    x = x.cpu().resolve_conj().resolve_neg()
    if x.dtype in _BITS:
        bits, numpy = _BITS[x.dtype]
        return x.contiguous().view(bits).numpy().view(numpy)
    return x.numpy()


# Methods that take half the time to call of `.to(dtype)`.
_METHODS = {
    torch.bool: Tensor.bool,
    torch.int32: Tensor.int,
    torch.int64: Tensor.long,
    torch.bfloat16: Tensor.bfloat16,
    torch.float16: Tensor.half,
    torch.float32: Tensor.float,
    torch.float64: Tensor.double,
}


def in_dtype(x: Tensor, dtype: torch.dtype) -> Tensor:
    """`x` cast to `dtype`; itself if it has it."""
    if x.dtype is dtype:
        return x
    method = _METHODS.get(dtype)
    return x.to(dtype) if method is None else method(x)


def as_tensor(x: Any, dtype: str | torch.dtype | None = None) -> Tensor:
    """`x` as a tensor: a tensor is returned itself, a Variable gives its value, anything else is converted.

    Arguments:
        x: a tensor, Variable, NumPy array, Python number, or nested lists of those.
        dtype: what to cast to; default: the tensor's or array's own, and for Python numbers int32 or the float default.
    """
    if isinstance(x, Tensor):
        if dtype is None:
            return x
        return in_dtype(x, TORCH.get(dtype) or torch_dtype(dtype))
    if hasattr(x, "_storage"):  # a Variable
        value = x.value
        return value if dtype is None else value.to(torch_dtype(dtype))
    kind = type(x)
    if kind is float or kind is int or kind is bool or kind is complex:
        if dtype is None:
            dtype = _scalar_dtype(x)
        return torch.tensor(x, dtype=torch_dtype(dtype), device=place.device)
    if kind is list or kind is tuple:
        return _from_sequence(x, dtype)
    out = from_numpy(np.asarray(x)).to(place.device)
    return out if dtype is None else out.to(torch_dtype(dtype))


def _scalar_dtype(x: Any) -> str:
    if type(x) is int:
        return "int32" if -(2**31) <= x < 2**31 else "int64"
    return result_type(type(x))


def _leaves(x: Any) -> list:
    return [leaf for item in x for leaf in _leaves(item)] if isinstance(x, list | tuple) else [x]


def _from_sequence(x: list | tuple, dtype: Any) -> Tensor:
    leaves = _leaves(x)
    if any(isinstance(leaf, Tensor) or hasattr(leaf, "_storage") for leaf in leaves):
        parts = [as_tensor(item) for item in x]
        common = result_type(*(NAMES[p.dtype] for p in parts)) if dtype is None else dtype
        return torch.stack([p.to(torch_dtype(common)) for p in parts])
    array = np.asarray(x)
    if dtype is None:
        if not leaves:
            dtype = config.floatx()
        elif all(type(leaf) in (bool, int, float, complex) for leaf in leaves):
            dtype = result_type(*{type(leaf) for leaf in leaves})
            if (
                dtype == "int32"
                and array.dtype == np.int64
                and array.size
                and abs(array).max() >= 2**31
            ):
                dtype = "int64"
        else:
            dtype = standardize_dtype(array.dtype)
    return from_numpy(array).to(device=place.device, dtype=torch_dtype(dtype))


def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """`x` as a tensor on this process's device.

    Arguments:
        x: as for `as_tensor`.
        dtype: dtype to cast to.
        sparse, ragged: not available on torch.
    """
    if sparse or ragged:
        raise ValueError(
            f"sparse={sparse}, ragged={ragged}: the torch backend has dense tensors only. Leave both out."
        )
    out = as_tensor(x, dtype)
    return out if out.device == place.device else out.to(place.device)


def convert_to_numpy(x: Any) -> np.ndarray:
    """`x` as a NumPy array of its own: later updates of a variable, which are in place, do not show in it."""
    if isinstance(x, Tensor):
        return np.array(to_numpy(x))
    if isinstance(x, list | tuple):
        return np.array([convert_to_numpy(item) for item in x])
    return np.array(to_numpy(x.value)) if hasattr(x, "_storage") else np.asarray(x)


def kind_of(x: Any) -> Any:
    """What `result_type` wants to know of `x`: a dtype name, or the Python type of a number, which is weak."""
    return NAMES[x.dtype] if isinstance(x, Tensor) else type(x)


def weak(x: Any) -> Any:
    """`x` as a tensor, unless it is a Python number, whose dtype is to follow the other operands'."""
    return x if isinstance(x, Tensor) or type(x) in (int, float, bool, complex) else as_tensor(x)


def alike_floats(x1: Any, x2: Any) -> bool:
    """Whether these are tensors of one float dtype, as most often: then there is nothing to promote."""
    return (
        isinstance(x1, Tensor)
        and isinstance(x2, Tensor)
        and x1.dtype is x2.dtype
        and x1.is_floating_point()
    )


def promoted(*xs: Any, also: tuple = ()) -> Sequence[Tensor]:
    """`xs` as tensors of their common dtype, joined with the dtypes `also`."""
    dtype = getattr(xs[0], "dtype", None) if xs else None
    for x in xs:  # on every eager op's path: `all` of a generator takes twice as long
        if not isinstance(x, Tensor) or x.dtype is not dtype:
            break
    else:  # of one dtype already, which `also` (Python's float) may lift
        if dtype in _KEPT and (not also or (also == (float,) and dtype.is_floating_point)):
            return xs
    xs = tuple(weak(x) for x in xs)
    dtype = TORCH[result_type(*(kind_of(x) for x in xs), *also)]
    return [
        x.to(dtype) if isinstance(x, Tensor) else torch.tensor(x, dtype=dtype, device=place.device)
        for x in xs
    ]


def as_float(x: Any) -> Tensor:
    """`x` as a tensor of a float (or complex) dtype: integers and booleans take the float default."""
    if isinstance(x, Tensor) and x.is_floating_point():
        return x
    x = as_tensor(x)
    return (
        x
        if x.is_floating_point() or x.is_complex()
        else x.to(TORCH[result_type(NAMES[x.dtype], float)])
    )
