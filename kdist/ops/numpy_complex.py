"""The parts of complex numbers, and the bits of any numbers."""

from __future__ import annotations

from typing import Any

from kdist.ops.declare import op
from kdist.ops.numpy_binary import equal

Tensor = Any


@op
def real(x: Tensor) -> Tensor:
    """Real part; real numbers are returned as they are. Example: `real([1 + 2j])` gives `[1.0]`."""


@op
def imag(x: Tensor) -> Tensor:
    """Imaginary part; 0 for real numbers. Example: `imag([1 + 2j])` gives `[2.0]`."""


@op
def conjugate(x: Tensor) -> Tensor:
    """Complex conjugate: the imaginary part changes sign.

    Example: `conjugate([1 + 2j])` gives `[1 - 2j]`.
    """


@op
def conj(x: Tensor) -> Tensor:
    """The same as `conjugate`."""
    return conjugate(x)


@op
def isreal(x: Tensor) -> Tensor:
    """bool: the imaginary part is 0. Example: `isreal([1 + 2j, 3])` gives `[False, True]`."""
    return equal(imag(x), 0)


@op
def view(x: Tensor, dtype: Any = None) -> Tensor:
    """The same bytes read as numbers of `dtype`.

    Arguments:
        x: any shape; its last axis, of n numbers, becomes n * (size of its dtype) / (size of
            `dtype`) numbers.
        dtype: None keeps the one of `x`.

    Raises: an error where the last axis does not hold a whole count of the new numbers.
    Example: `view(convert_to_tensor([1.0]), "int32")` gives `[1065353216]`.
    """
