"""Python's operators on symbolic tensors: each records the op of the same meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdist.core.graph import KerasTensor
from kdist.ops.numpy_binary import (
    add,
    divide,
    floor_divide,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_or,
    logical_xor,
    mod,
    multiply,
    not_equal,
    power,
    subtract,
)
from kdist.ops.numpy_items import get_item
from kdist.ops.numpy_products import matmul
from kdist.ops.numpy_shaping import reshape, squeeze
from kdist.ops.numpy_unary import absolute, logical_not, negative, round

_BINARY = {
    "add": add,
    "sub": subtract,
    "mul": multiply,
    "truediv": divide,
    "floordiv": floor_divide,
    "mod": mod,
    "pow": power,
    "matmul": matmul,
    "and": logical_and,
    "or": logical_or,
    "xor": logical_xor,
}
_COMPARE = {"lt": less, "le": less_equal, "gt": greater, "ge": greater_equal, "ne": not_equal}
_UNARY = {"neg": negative, "abs": absolute, "invert": logical_not}
# `==` keeps meaning identity: symbolic tensors are keys of dictionaries.


def _binary(op: Callable) -> Callable:
    return lambda self, other: op(self, other)


def _reflected(op: Callable) -> Callable:
    return lambda self, other: op(other, self)


def _unary(op: Callable) -> Callable:
    return lambda self: op(self)


def _round(self: KerasTensor, ndigits: int | None = None) -> Any:
    return round(self, decimals=ndigits or 0)


def _reshape(self: KerasTensor, newshape: Any) -> Any:
    return reshape(self, newshape)


def _squeeze(self: KerasTensor, axis: Any = None) -> Any:
    return squeeze(self, axis)


def bind() -> None:
    """Give KerasTensor its operators, indexing, `reshape` and `squeeze`.

    Called once, when kdist.ops is imported.
    """
    for name, op in _BINARY.items():
        setattr(KerasTensor, f"__{name}__", _binary(op))
        setattr(KerasTensor, f"__r{name}__", _reflected(op))
    for name, op in _COMPARE.items():
        setattr(KerasTensor, f"__{name}__", _binary(op))
    for name, op in _UNARY.items():
        setattr(KerasTensor, f"__{name}__", _unary(op))
    # mypy: the class does not declare what is bound here.
    KerasTensor.__getitem__ = lambda self, key: get_item(self, key)  # type: ignore[attr-defined]
    KerasTensor.__round__ = _round  # type: ignore[attr-defined]
    KerasTensor.reshape = _reshape  # type: ignore[attr-defined]
    KerasTensor.squeeze = _squeeze  # type: ignore[attr-defined]
