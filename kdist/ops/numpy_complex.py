"""The parts of complex numbers, and the bits of any numbers."""

from __future__ import annotations

from typing import Any

from kdist.core import dtypes
from kdist.ops.checks import dtype_of, shape_of
from kdist.ops.declare import op
from kdist.ops.numpy_binary import equal

Tensor = Any


@op
def real(x: Tensor) -> Tensor:
    """Real part of `x`; real numbers are returned as they are.

    Example:
        >>> ops.real([1 + 2j, 3 - 4j])
        tensor([1., 3.])
    """


@op
def imag(x: Tensor) -> Tensor:
    """Imaginary part of `x`; 0 for real numbers.

    Example:
        >>> ops.imag([1 + 2j, 3 - 4j])
        tensor([ 2., -4.])
    """


@op
def conjugate(x: Tensor) -> Tensor:
    """Complex conjugate of `x`: the imaginary part changes sign.

    Example:
        >>> ops.conjugate(ops.array([1 + 2j])) * (1 + 2j)
        tensor([5.+0.j])
    """


@op
def conj(x: Tensor) -> Tensor:
    """The same as `conjugate` of `x`.

    Example:
        >>> ops.imag(ops.conj([1 + 2j]))
        tensor([-2.])
    """
    return conjugate(x)


@op
def isreal(x: Tensor) -> Tensor:
    """bool: the imaginary part of `x` is 0.

    Example:
        >>> ops.isreal([1 + 2j, 3])
        tensor([False,  True])
    """
    return equal(imag(x), 0)


def _fits(op: str, x: Any, dtype: Any = None) -> None:
    shape, given = shape_of(x), dtype_of(x)
    held, wanted = (dtypes.size_in_bytes(d) for d in (given, dtype or given))
    if wanted > held and (not shape or (shape[-1] or 0) * held % wanted):
        raise ValueError(
            f"{op}: the last axis of x, of shape {shape} and dtype {given}, does not hold a whole "
            f"count of dtype={dtype}."
        )


@op(explain=_fits)
def view(x: Tensor, dtype: Any = None) -> Tensor:
    """The same bytes read as numbers of `dtype`.

    Arguments:
        x: any shape; its last axis, of n numbers, becomes n * (size of its dtype) / (size of
            `dtype`) numbers.
        dtype: None keeps the one of `x`.

    Raises: an error where the last axis does not hold a whole count of the new numbers.

    Example:
        >>> ops.view(ops.array([1.0, 2.0]), "int32")
        tensor([1065353216, 1073741824], dtype=torch.int32)
    """
