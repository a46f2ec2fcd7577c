"""How a cast keeps numbers in the range of the dtype they are cast to."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from kdist.core import dtypes


class Ends(NamedTuple):
    """Where numbers of one dtype are cut off before they become another.

    Attributes:
        low: the least number of the first dtype that the second can hold.
        high: the greatest one.
        least: what numbers below `low` become, where that is not `low`: the second dtype's least number
            need not be one of the first. None where `low` is right.
        greatest: the same of numbers above `high`.
    """

    low: Any
    high: Any
    least: Any
    greatest: Any


@functools.cache
def ends(source: str, target: str) -> Ends:
    """The ends for a saturating cast from dtype `source` to dtype `target`.

    Example:
        >>> ends("float16", "int8")
        Ends(low=-128.0, high=127.0, least=None, greatest=None)
        >>> ends("float16", "int16")
        Ends(low=-32768.0, high=32752.0, least=None, greatest=32767)
    """
    own, other = _range(source), _range(target)
    least, greatest = max(own[0], other[0]), min(own[1], other[1])
    low, high = _towards_zero(source, least), _towards_zero(source, greatest)
    return Ends(low, high, least if low > least else None, greatest if high < greatest else None)


def within(value: Any, dtype: str) -> Any:
    """A Python int brought into the range of an int dtype, as a bound of such numbers; others as they are.

    Example:
        >>> within(-1, "uint8"), within(7, "uint8"), within(300, "uint8"), within(-1, "float32")
        (0, 7, 255, -1)
    """
    if type(value) is not int or dtype not in dtypes.INTS:
        return value
    least, greatest = _range(dtype)
    return min(max(value, least), greatest)


def _range(dtype: str) -> tuple[Any, Any]:
    if dtype == "bool":
        return 0, 1
    if dtypes.is_float(dtype):
        info = ml_dtypes.finfo(dtype)
        return float(info.min), float(info.max)
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def _towards_zero(dtype: str, value: Any) -> Any:
    """The number of a dtype that is nearest to `value`, of those not farther from zero."""
    if not dtypes.is_float(dtype):
        return int(value)
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype)).type
    found = kind(value)
    # Compared as Python numbers, which are exact: NumPy would round the int to the float's dtype.
    if abs(float(found)) > abs(value):
        found = np.nextafter(found, kind(0))
    return float(found)
