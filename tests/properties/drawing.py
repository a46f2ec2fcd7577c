"""How arguments are drawn, and a row of the tables: an op, its calls, and what they must equal.

Hypothesis draws dtypes, shapes, options and a seed; the values come from NumPy's generator with that
seed, out of a domain.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from hypothesis import strategies as st

FLOATS = ("float32", "float16", "bfloat16", "float64")
SINGLE = ("float32", "float64")
INTS = ("int32", "uint8", "int8", "int64", "int16")
NUMBERS = (*FLOATS, *INTS)
ANY = (*NUMBERS, "bool")
BITS = (*INTS, "bool")

SHAPES = ((3, 4), (5,), (2, 3, 4), (), (1, 3), (0,), (3, 0, 2), (1,), (2, 1, 3, 1))
FULL = ((3, 4), (5,), (2, 3, 4), (1, 3), (2, 1, 3, 2))  # without 0-d ones and empty ones
PAIRS = (  # shapes that broadcast
    ((3, 4), (3, 4)),
    ((3, 4), (4,)),
    ((2, 1, 4), (3, 1)),
    ((), (3,)),
    ((5,), ()),
    ((), ()),
    ((0,), (1,)),
    ((2, 0), (0,)),
    ((1,), (2, 3)),
)


def _off_integers(rng, shape):
    return rng.integers(-4, 4, shape) + rng.uniform(0.2, 0.8, shape)


def _nonzero(rng, shape):
    return rng.uniform(0.25, 3.0, shape) * rng.choice([-1.0, 1.0], shape)


def _distinct(rng, shape):
    """No two alike, and none near another: the derivative of an order statistic exists."""
    n = int(np.prod(shape, dtype=int))
    return (rng.permutation(n).reshape(shape) - n // 2) * 0.125 + 0.0625


def _special(rng, shape):
    return rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.5], shape)


def _gaps(rng, shape):
    """NaN at about a fourth of the places."""
    return np.where(rng.random(shape) < 0.25, np.nan, _distinct(rng, shape))


def _near_zero(rng, shape):
    """Magnitudes from 1e-4 to 1, where naive formulas cancel."""
    return 10.0 ** rng.uniform(-4, 0, shape) * rng.choice([-1.0, 1.0], shape)


# Each domain: its values for floats, and for integers a least and a greatest one.
DOMAINS: dict[str, tuple[Callable, tuple[int, int]]] = {
    "real": (lambda rng, s: rng.normal(size=s) * 2, (-5, 5)),
    "mild": (lambda rng, s: rng.uniform(-2, 2, s), (-2, 2)),
    "positive": (lambda rng, s: rng.uniform(0.25, 4.0, s), (1, 6)),
    "unit": (lambda rng, s: rng.uniform(-0.9, 0.9, s), (0, 0)),
    "above_one": (lambda rng, s: rng.uniform(1.2, 4.0, s), (2, 6)),
    "shares": (lambda rng, s: rng.uniform(0.05, 0.95, s), (0, 1)),
    "off_integers": (_off_integers, (-5, 5)),
    "nonzero": (_nonzero, (1, 5)),
    "distinct": (_distinct, (-9, 9)),
    "special": (_special, (-5, 5)),
    "gaps": (_gaps, (-9, 9)),
    "near_zero": (_near_zero, (-3, 3)),
    "halves": (lambda rng, s: rng.integers(-9, 9, s) / 2, (-5, 5)),
    "natural": (lambda rng, s: rng.integers(0, 6, s) * 1.0, (0, 5)),
    "vast": (
        lambda rng, s: rng.choice([-1.0, 1.0], s) * 2.0 ** rng.uniform(0, 15.9, s),
        (-128, 127),
    ),
}


def values(rng: np.random.Generator, shape: tuple, domain: str, dtype: str) -> np.ndarray:
    make, (low, high) = DOMAINS[domain]
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if "int" in dtype and domain == "distinct":
        n = int(np.prod(shape, dtype=int))
        return (rng.permutation(n).reshape(shape) - (low < 0 and dtype[0] != "u") * n // 2).astype(
            dtype
        )
    if "int" in dtype:
        return rng.integers(
            0 if dtype.startswith("u") and low < 0 else low, high + 1, shape
        ).astype(dtype)
    if dtype == "complex64":
        return (make(rng, shape) + 1j * make(rng, shape)).astype("complex64")
    return np.asarray(make(rng, shape)).astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)


class Draw:
    """What the calls of a row are drawn with."""

    def __init__(self, draw: Callable) -> None:
        self._draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**20)))

    def pick(self, *options: Any) -> Any:
        """One of the options; a failing example is simplified towards the first."""
        return self._draw(st.sampled_from(options))

    def between(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def array(self, shape: tuple, domain: str = "real", dtype: Any = FLOATS) -> np.ndarray:
        dtype = dtype if isinstance(dtype, str) else self.pick(*dtype)
        return values(self.rng, shape, domain, dtype)

    def ints(self, shape: tuple, low: int, high: int, dtype: str = "int32") -> np.ndarray:
        return np.asarray(self.rng.integers(low, high, shape)).astype(dtype)

    def axis(self, ndim: int) -> int:
        return self.between(-ndim, ndim - 1)

    def axes(self, ndim: int) -> Any:
        """None, one, or a tuple of one or two."""
        if ndim == 0:
            return None
        one = self.axis(ndim)
        if ndim == 1:
            return self.pick(None, one)
        return self.pick(None, one, (one,), tuple(sorted({one % ndim, (one + 1) % ndim})))


@dataclass(frozen=True)
class Row:
    """An op, how it is called, and what it must equal.

    Attributes:
        call: draws `(args, kwargs)`, in which NumPy arrays are tensors.
        reference: NumPy's or SciPy's function of the same, with floats in float64 and integers in int64;
            None compares with the op itself in float64 on torch.
        grad: whether it is differentiated by its float32 arguments. Its domain then keeps away from kinks.
        factor: of the tolerance, where more roundings stand between input and output.
        floor: an error relative to this magnitude is allowed besides: that of an intermediate result.
        unknown: which dims may be unknown in a symbolic call: "any", "leading" or "none".
        take: what of the outputs is compared, where not all is determined.
        why: the reason of a domain, factor, floor or of what must be known.
    """

    op: str
    call: Callable[[Draw], tuple[tuple, dict]]
    reference: Callable | None = None
    grad: bool = False
    factor: float = 1.0
    floor: float = 0.0
    unknown: str = "any"
    take: Callable[[list], list] = list
    why: str = ""
    label: str = ""

    @property
    def id(self) -> str:
        return f"{self.op}-{self.label}" if self.label else self.op

    @property
    def seed(self) -> int:
        return zlib.crc32(self.id.encode())


ROWS: list[Row] = []


def row(op: str, call: Callable, reference: Callable | None = None, **options: Any) -> None:
    label = options.pop("label", "")
    if any(r.op == op and r.label == label for r in ROWS):
        label = f"{label}{sum(r.op == op for r in ROWS)}"
    ROWS.append(Row(op, call, reference, label=label, **options))
