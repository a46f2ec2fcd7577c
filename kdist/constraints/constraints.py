"""Projections of weights after each update: `constraint(w)` gives the weights that replace `w`.

`axis` is an int or several: the axes over which a unit's weights lie, e.g. 0 for a Dense kernel
(inputs, units) and (0, 1, 2) for a convolution's kernel.
"""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import config

Tensor = Any


class Constraint:
    """A function of a weight that gives a weight of the same shape, with a config.

    A subclass gives `__call__`, and `get_config` if it has arguments; this one leaves weights as
    they are.

    Example:
        >>> class Rounded(constraints.Constraint):
        ...     def __call__(self, w):
        ...         return ops.round(w, 1)
        >>> Rounded()([0.12, 0.48])
        tensor([0.1000, 0.5000])
    """

    def __call__(self, w: Tensor) -> Tensor:
        """The constrained weights."""
        return w

    def get_config(self) -> dict:
        """The arguments of `__init__`, as plain data."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> Constraint:
        return cls(**config)


class NonNeg(Constraint):
    """Negative weights become 0.

    Example:
        >>> constraints.NonNeg()([-1.0, 2.0])
        tensor([0., 2.])
    """

    def __call__(self, w: Tensor) -> Tensor:
        return ops.maximum(ops.convert_to_tensor(w), 0)


class MaxNorm(Constraint):
    """Norms above `max_value` are scaled down to it.

    Arguments:
        max_value: float, the largest norm that is left alone.
        axis: int or several, the axes over which a norm is taken.

    Example:
        >>> constraints.MaxNorm(2.0)([[3.0, 0.6], [4.0, 0.8]])
        tensor([[1.2000, 0.6000],
                [1.6000, 0.8000]])
    """

    def __init__(self, max_value: float = 2, axis: Any = 0):
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Tensor) -> Tensor:
        w = ops.convert_to_tensor(w)
        norms = _norms(w, self.axis)
        return _scaled(w, ops.clip(norms, 0, self.max_value), norms)

    def get_config(self) -> dict:
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(Constraint):
    """Every norm becomes 1.

    Arguments:
        axis: int or several, the axes over which a norm is taken.

    Example:
        >>> constraints.UnitNorm()([[3.0, 0.6], [4.0, 0.8]])
        tensor([[0.6000, 0.6000],
                [0.8000, 0.8000]])
    """

    def __init__(self, axis: Any = 0):
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        w = ops.convert_to_tensor(w)
        return ops.divide(w, ops.add(_norms(w, self.axis), config.epsilon()))

    def get_config(self) -> dict:
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Norms are moved into the range from `min_value` to `max_value`.

    Arguments:
        min_value, max_value: floats, the ends of the range.
        rate: in [0, 1]; how far a norm outside moves, 1 for all the way.
        axis: int or several, the axes over which a norm is taken.

    Example:
        >>> constraints.MinMaxNorm(2.0, 4.0)([[3.0, 0.6], [4.0, 0.8]])
        tensor([[2.4000, 1.2000],
                [3.2000, 1.6000]])
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0
    ):
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Tensor) -> Tensor:
        w = ops.convert_to_tensor(w)
        norms = _norms(w, self.axis)
        inside = ops.multiply(ops.clip(norms, self.min_value, self.max_value), self.rate)
        return _scaled(w, ops.add(inside, ops.multiply(norms, 1 - self.rate)), norms)

    def get_config(self) -> dict:
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


def _norms(w: Tensor, axis: Any) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


def _scaled(w: Tensor, wanted: Tensor, norms: Tensor) -> Tensor:
    return ops.multiply(w, ops.divide(wanted, ops.add(norms, config.epsilon())))
