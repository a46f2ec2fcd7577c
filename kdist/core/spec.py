"""Shape and dtype of a value that need not exist."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kdist.core import dtypes


@dataclass(frozen=True)
class Spec:
    """`shape`: sizes, None where unknown. `dtype`: its name."""

    shape: tuple[int | None, ...]
    dtype: str = "float32"

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements; every size must be known."""
        return math.prod(d for d in self.shape if d is not None) if None not in self.shape else 0

    @property
    def nbytes(self) -> int:
        return self.size * dtypes.size_in_bytes(self.dtype)
