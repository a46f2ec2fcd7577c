"""What every initializer is."""

from __future__ import annotations

from typing import Any


class Initializer:
    """Makes the first value of a variable: `initializer(shape, dtype=None)` gives a tensor.

    Abstract: a subclass gives `__call__`, and `get_config` if it has arguments.

    Example:
        >>> class Halves(initializers.Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return ops.full(shape, 0.5, dtype)
        >>> Halves()((2, 2))
        tensor([[0.5000, 0.5000],
                [0.5000, 0.5000]])
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """A tensor of `shape`; `dtype=None` stands for the float default."""
        raise NotImplementedError(
            f"{type(self).__name__} must define __call__(self, shape, dtype=None)."
        )

    def get_config(self) -> dict:
        """The arguments of `__init__`, as plain data."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> Initializer:
        return cls(**config)

    def clone(self) -> Initializer:
        """A new one of the same config."""
        return type(self).from_config(self.get_config())
