"""Rows of elementwise arithmetic, comparison and rounding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kdist.backend.torch.rows import (
    binary,
    comparison,
    float_dtype,
    unary,
    unary_float,
)
from kdist.backend.torch.tensors import NAMES, as_tensor, promoted, weak
from kdist.core.saturation import within


def absolute(x: Any) -> Tensor:
    x = as_tensor(x)
    return x if x.dtype is torch.bool else torch.abs(x)


def floor_divide(x1: Any, x2: Any) -> Tensor:
    x1, x2 = promoted(x1, x2)
    if x1.dtype is torch.bool:
        x1, x2 = x1.to(torch.int32), x2.to(torch.int32)
    return torch.floor_divide(x1, x2)


def divide_no_nan(x1: Any, x2: Any) -> Tensor:
    x1, x2 = promoted(x1, x2, also=(float,))
    zero = x2 == 0
    # The divisor is made safe first: a where() around a division by zero would still have NaN gradients.
    return torch.where(zero, 0, x1 / torch.where(zero, 1, x2))


def power(x1: Any, x2: Any) -> Tensor:
    if isinstance(x1, Tensor) and x1.is_floating_point() and (type(x2) is int or type(x2) is float):
        return torch.pow(x1, x2)
    x1, x2 = promoted(x1, x2)
    return (
        torch.pow(x1.to(torch.int32), x2.to(torch.int32))
        if x1.dtype is torch.bool
        else torch.pow(x1, x2)
    )


def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    x = as_tensor(x)
    if x.is_floating_point() and type(x_min) in (int, float) and type(x_max) in (int, float):
        return torch.clamp(x, x_min, x_max)
    if x.dtype is torch.bool:
        x = x.to(torch.int32)
    low, high = (weak(within(v, NAMES[x.dtype])) for v in (x_min, x_max))
    x, x_min, x_max = promoted(x, low, high)
    return torch.clamp(x, x_min, x_max)


def square(x: Any) -> Tensor:
    x = as_tensor(x)
    return torch.square(x.to(torch.int32) if x.dtype is torch.bool else x)


def rounding(native: Any) -> Any:
    """A row that gives a float, of integers and booleans too."""

    def row(x: Any) -> Tensor:
        x = as_tensor(x)
        return native(x) if x.is_floating_point() else native(x.to(float_dtype(x)))

    return row


def round_(x: Any, decimals: int = 0) -> Tensor:
    x = as_tensor(x)
    x = x.int() if x.dtype is torch.bool else x
    if x.is_floating_point():
        return torch.round(x, decimals=decimals)
    if x.is_complex():
        return torch.complex(*(torch.round(v, decimals=decimals) for v in (x.real, x.imag)))
    return torch.round(x.to(torch.float64), decimals=decimals).to(x.dtype)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    condition = as_tensor(condition)
    if condition.dtype is not torch.bool:
        condition = condition.to(torch.bool)
    if (x1 is None) != (x2 is None):
        raise ValueError("where takes both x1 and x2, or neither.")
    if x1 is None:
        return tuple(i.to(torch.int32) for i in torch.where(condition))
    if isinstance(x1, Tensor) and isinstance(x2, Tensor) and x1.dtype is x2.dtype:
        return torch.where(condition, x1, x2)
    x1, x2 = promoted(x1, x2)
    return torch.where(condition, x1, x2)


def isclose(
    x1: Any, x2: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    x1, x2 = promoted(x1, x2)
    if x1.is_floating_point() or x1.is_complex():
        return torch.isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan)
    return torch.eq(x1, x2)


def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    return torch.nan_to_num(as_tensor(x), nan=nan, posinf=posinf, neginf=neginf)


def logical(native: Any) -> Any:
    """Operands of any dtypes are taken for their truth."""

    def row(x1: Any, x2: Any) -> Tensor:
        return native(as_tensor(x1), as_tensor(x2))

    return row


def _sign(x: Tensor) -> Tensor:
    """torch's own gives 0 for NaN, which would hide it."""
    if x.is_floating_point():
        return torch.where(torch.isnan(x), x, torch.sign(x))
    return torch.sgn(x)  # of complex values, too


divide = binary(torch.div, also=(float,))
_int = torch.int32

OPS = {
    "abs": absolute,
    "absolute": absolute,
    "add": binary(torch.add),
    "ceil": rounding(torch.ceil),
    "clip": clip,
    "cos": unary_float(torch.cos),
    "cosh": unary_float(torch.cosh),
    "divide": divide,
    "divide_no_nan": divide_no_nan,
    "equal": comparison(torch.eq),
    "erf": unary_float(torch.erf),
    "erfinv": unary_float(torch.erfinv),
    "exp": unary_float(torch.exp),
    "expm1": unary_float(torch.expm1),
    "floor": rounding(torch.floor),
    "floor_divide": floor_divide,
    "greater": comparison(torch.gt),
    "greater_equal": comparison(torch.ge),
    "isclose": isclose,
    "isfinite": unary(torch.isfinite),
    "isinf": unary(torch.isinf),
    "isnan": unary(torch.isnan),
    "less": comparison(torch.lt),
    "less_equal": comparison(torch.le),
    "log": unary_float(torch.log),
    "log10": unary_float(torch.log10),
    "log1p": unary_float(torch.log1p),
    "log2": unary_float(torch.log2),
    "logaddexp": binary(torch.logaddexp, scalars=False, also=(float,)),
    "logical_and": logical(torch.logical_and),
    "logical_not": unary(torch.logical_not),
    "logical_or": logical(torch.logical_or),
    "logical_xor": logical(torch.logical_xor),
    "maximum": binary(torch.maximum, scalars=False),
    "minimum": binary(torch.minimum, scalars=False),
    "mod": binary(torch.remainder, on_bool=_int),
    "multiply": binary(torch.mul),
    "nan_to_num": nan_to_num,
    "negative": unary(torch.neg),
    "not_equal": comparison(torch.ne),
    "power": power,
    "reciprocal": unary_float(torch.reciprocal),
    "round": round_,
    "rsqrt": unary_float(torch.rsqrt),
    "sign": unary(_sign),
    "sin": unary_float(torch.sin),
    "sinh": unary_float(torch.sinh),
    "sqrt": unary_float(torch.sqrt),
    "square": square,
    "subtract": binary(torch.sub, on_bool=_int),
    "tan": unary_float(torch.tan),
    "tanh": unary_float(torch.tanh),
    "true_divide": divide,
    "where": where,
}
