"""Penalties on the size of weights or activities.

`regularizer(x)` gives a scalar that is added to the loss.
"""

from __future__ import annotations

import math
from typing import Any

from kdist import ops

Tensor = Any


class Regularizer:
    """A function of a tensor that gives a scalar penalty, with a config.

    Abstract: a subclass gives `__call__` and `get_config`.

    Example:
        >>> class Peak(regularizers.Regularizer):
        ...     def __call__(self, x):
        ...         return 0.1 * ops.max(ops.abs(x))
        ...
        ...     def get_config(self):
        ...         return {}
        >>> Peak()(ops.array([1.0, -5.0]))
        tensor(0.5000)
    """

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty of `x`, a scalar."""
        return 0.0

    def get_config(self) -> dict:
        """The arguments of `__init__`, as plain data."""
        raise NotImplementedError(
            f"{type(self).__name__} must define get_config(self) to be saved."
        )

    @classmethod
    def from_config(cls, config: dict) -> Regularizer:
        return cls(**config)


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x^2).

    Arguments:
        l1, l2: non-negative floats; None is 0.

    Raises: ValueError for other factors.

    Example:
        >>> regularizers.L1L2(l1=0.1, l2=0.01)(ops.array([1.0, -2.0]))  # 0.3 + 0.05
        tensor(0.3500)
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Tensor) -> Tensor:
        penalty = ops.convert_to_tensor(0.0, x.dtype)
        if self.l1:
            penalty = ops.add(penalty, ops.multiply(self.l1, ops.sum(ops.absolute(x))))
        if self.l2:
            penalty = ops.add(penalty, ops.multiply(self.l2, ops.sum(ops.square(x))))
        return penalty

    def get_config(self) -> dict:
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """l1 * sum(|x|).

    Arguments:
        l1: non-negative float.

    Raises: ValueError for another factor.

    Example:
        >>> regularizers.L1(0.1)(ops.array([1.0, -2.0]))
        tensor(0.3000)
    """

    def __init__(self, l1: float | None = 0.01):
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Tensor) -> Tensor:
        return ops.multiply(self.l1, ops.sum(ops.absolute(x)))

    def get_config(self) -> dict:
        return {"l1": self.l1}


class L2(Regularizer):
    """l2 * sum(x^2).

    Arguments:
        l2: non-negative float.

    Raises: ValueError for another factor.

    Example:
        >>> regularizers.L2(0.1)(ops.array([1.0, -2.0]))
        tensor(0.5000)
    """

    def __init__(self, l2: float | None = 0.01):
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Tensor) -> Tensor:
        return ops.multiply(self.l2, ops.sum(ops.square(x)))

    def get_config(self) -> dict:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """factor times the mean absolute cosine between different rows (or columns) of a matrix.

    Arguments:
        factor: non-negative float.
        mode: "rows" or "columns".

    Raises: ValueError for another mode, and for inputs that are no matrix.

    Example:
        >>> rows = ops.array([[1.0, 0.0], [3.0, 4.0]])  # their cosine is 0.6
        >>> regularizers.OrthogonalRegularizer(1.0)(rows)
        tensor(0.6000)
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor = _factor("factor", factor)
        if mode not in ("rows", "columns"):
            raise ValueError(f"mode={mode!r} of OrthogonalRegularizer must be 'rows' or 'columns'.")
        self.mode = mode

    def __call__(self, inputs: Tensor) -> Tensor:
        if len(inputs.shape) != 2:
            raise ValueError(
                "OrthogonalRegularizer regularizes matrices, "
                f"and received inputs of shape {tuple(inputs.shape)}."
            )
        vectors = inputs if self.mode == "rows" else ops.transpose(inputs)
        vectors = ops.normalize(vectors, axis=1)
        cosines = ops.matmul(vectors, ops.transpose(vectors))
        n = vectors.shape[0]
        others = ops.multiply(cosines, ops.subtract(1.0, ops.eye(n, dtype=inputs.dtype)))
        pairs = n * (n - 1.0) / 2.0
        return ops.multiply(ops.sum(ops.absolute(others)), self.factor * 0.5 / pairs)

    def get_config(self) -> dict:
        return {"factor": self.factor, "mode": self.mode}


def _factor(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{name}={value!r} must be a non-negative float.")
    return float(value)
