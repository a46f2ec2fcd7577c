"""When two results are the same.

- Integers, bools, shapes, dtypes, NaN and infinities: always and exactly.
- Floats: within ROUNDINGS x eps of the result's dtype x (its magnitude + its condition + the row's floor) x the row's
  factor. An evaluation in that dtype rounds its inputs and each step; the condition is how much the result moves per
  relative change of the inputs.
- Gradients, backend by backend: within GRADIENT x eps of float32 x (its magnitude + the largest of its array + the
  row's floor) x the row's factor. A gradient sums contributions of all outputs, of which the large ones round the
  small ones.
- Gradients against a central difference: the same along a random direction, with the magnitudes of all terms. The
  difference quotient itself, in float64, is exact to about 1e-9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

ROUNDINGS = 16
GRADIENT = 128
STEP = 1e-6  # of the relative change that measures conditions, and of central differences

# Without x64 mode, jax holds 64-bit types in 32 bits.
# torch has no arithmetic of uint32: sums of uint8 take int32 there, as Keras's do.
HELD = {
    "jax": {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"},
    "torch": {"uint32": "int32"},
}


def held(backend: str, dtype: str) -> str:
    return HELD.get(backend, {}).get(dtype, dtype)


def epsilon(dtype: str) -> tuple[float, float]:
    """Relative and absolute spacing: eps, and the smallest normal number."""
    name = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
    info = ml_dtypes.finfo(name)
    return float(info.eps), float(info.tiny)


def is_float(x: Any) -> bool:
    return isinstance(x, np.ndarray) and (x.dtype.kind in "fc" or x.dtype == ml_dtypes.bfloat16)


def in_64_bits(x: Any) -> Any:
    if not isinstance(x, np.ndarray):
        return x
    if is_float(x):
        return x.astype("complex128" if x.dtype.kind == "c" else "float64")
    return x.astype("int64") if x.dtype.kind in "iu" else x


def outputs(found: Any) -> list[np.ndarray]:
    return [np.asarray(x) for x in (found if isinstance(found, list | tuple) else [found])]


def evaluated(fn: Callable[[list], Any], leaves: list) -> list[np.ndarray]:
    """The reference's outputs, without its warnings of NaN and infinities, which are compared."""
    with np.errstate(all="ignore"):
        return outputs(fn(leaves))


def conditions(
    fn: Callable[[list], Any], leaves: list, wanted: list, seed: int
) -> list[np.ndarray]:
    """How much each output moves, per relative change of the inputs: the largest of three random ones."""
    rng, most = np.random.default_rng(seed), [np.zeros(w.shape) for w in wanted]
    if not any(is_float(x) for x in leaves):
        return most
    for _ in range(3):
        moved = [
            x * (1 + STEP * rng.choice([-1.0, 1.0], x.shape)) if is_float(x) else x for x in leaves
        ]
        for i, (w, m) in enumerate(zip(wanted, evaluated(fn, moved), strict=True)):
            if w.dtype.kind in "fc" and m.shape == w.shape:
                with np.errstate(all="ignore"):
                    change = np.abs(m - w) / STEP
                # A step over an edge (of rounding, of an order) says nothing of the condition.
                change = np.where(np.isfinite(change) & (change < 0.1 / STEP), change, 0.0)
                most[i] = np.maximum(most[i], change)
    return most


def difference(
    got: np.ndarray, dtype: str, wanted: np.ndarray, condition: Any, factor: float, floor: float
) -> str:
    """What is wrong with `got`, or an empty string."""
    got = np.asarray(got)
    if got.shape != wanted.shape:
        return f"the shape is {got.shape}, not {wanted.shape}"
    if not is_float(got):
        if wanted.dtype.kind in "fc" and not np.all(wanted == np.round(wanted.real)):
            return f"the result is of {dtype}, where the reference has fractions"
        with np.errstate(all="ignore"):
            same = got == wanted.astype(got.dtype)
        return "" if np.all(same) else f"{int(np.sum(~same))} of {same.size} differ"
    eps, tiny = epsilon(dtype)
    exact = in_64_bits(got)
    wanted = wanted.astype("complex128" if "complex" in dtype else "float64")
    finite = np.isfinite(wanted)
    with np.errstate(all="ignore"):
        odd = ~finite & ~((exact == wanted) | (np.isnan(exact) & np.isnan(wanted)))
        allowed = ROUNDINGS * eps * factor * (np.abs(wanted) + condition + floor) + tiny
        off = finite & ~(np.abs(exact - wanted) <= allowed)
    if not (odd | off).any():
        return ""
    with np.errstate(all="ignore"):
        ratio = np.where(off, np.abs(exact - wanted) / allowed, 0.0)
    most = np.nanmax(ratio, initial=0)
    return (
        f"{int(off.sum())} of {off.size} differ, by up to {most:.3g} of what is allowed; "
        f"{int(odd.sum())} NaN or infinities differ"
    )
