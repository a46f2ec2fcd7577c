"""Calls of the further ops that follow NumPy, with what NumPy says."""

from __future__ import annotations

import numpy as np
from op_cases import bools, case, ints, normal, positive, unit

_gaps = normal(4, 5)
_gaps[0, 1] = _gaps[2, :3] = _gaps[3, 4] = np.nan
_special = np.float32([1.0, -0.0, np.nan, np.inf, -np.inf])

# ---- angles and floats -------------------------------------------------------------------------
for _name in ("arcsin", "arccos", "arctanh", "arctan", "arcsinh"):
    case(_name, unit(3, 4), ref=getattr(np, _name), grad=True)
case("arccosh", positive(3, 4) + 1, ref=np.arccosh, grad=True)
case("arctan2", normal(3, 4), normal(4), ref=np.arctan2, grad=True)
case("angle", normal(5), ref=np.angle)
case("angle", np.complex64([1 + 1j, -2j]), ref=np.angle)
for _name in ("deg2rad", "rad2deg", "exp2", "fabs", "sinc", "i0"):
    case(_name, normal(3, 4), ref=getattr(np, _name), grad=True)
case("sinc", np.float32([0, 1, -0.5]), ref=np.sinc)
case("cbrt", normal(3, 4) * 9, ref=np.cbrt, grad=True)
case("cbrt", np.float32([0, np.inf, -27]), ref=np.cbrt)
case("trunc", normal(3, 4) * 3, ref=np.trunc)
for _name in ("signbit", "isneginf", "isposinf"):
    case(_name, _special, ref=getattr(np, _name))
for _name in ("hypot", "logaddexp2", "fmax", "fmin"):
    case(_name, normal(3, 4), normal(4), ref=getattr(np, _name), grad=True)
for _name in ("fmax", "fmin"):
    case(
        _name,
        np.float32([np.nan, 1, np.nan]),
        np.float32([2, np.nan, np.nan]),
        ref=getattr(np, _name),
    )
case("hypot", np.float32([3e30, np.inf, 0]), np.float32([4e30, np.nan, 0]), ref=np.hypot)
case("fmod", np.float32([7.5, -7.5]), np.float32([2, 2]), ref=np.fmod)
case("fmod", np.int32([7, -7, 7, -7]), np.int32([3, 3, -3, -3]), ref=np.fmod)
case("heaviside", np.float32([-1, 0, 2, np.nan]), 0.5, ref=np.heaviside)
case("ldexp", normal(3, 4), ints(4, low=-4), ref=np.ldexp, rtol=1e-7)
case("ldexp", np.float32([1e-30]), np.int32([180]), ref=np.ldexp, rtol=1e-7)
case(
    "nextafter",
    np.float32([1, 1, -1, -1, 5]),
    np.float32([2, 0, 2, -2, 5]),
    ref=lambda a, b: np.nextafter(np.float32(a), np.float32(b)),
    rtol=1e-9,
)
case("allclose", normal(3), normal(3), ref=np.allclose)
case("allclose", np.ones(3, "float32"), np.ones(3, "float32") + 1e-7, ref=np.allclose)

# ---- complex numbers and bits ------------------------------------------------------------------
_complex = (normal(3) + 1j * normal(3)).astype("complex64")
for _name in ("real", "imag", "conj", "conjugate"):
    case(_name, _complex, ref=getattr(np, _name))
    case(_name, normal(3), ref=getattr(np, _name))
case("isreal", np.complex64([1 + 2j, 3]), ref=np.isreal)
case("view", np.int32([[1, 2], [3, 4]]), "float32", ref=lambda x, d: x.view(d))
case("view", np.int32([[1, 2], [-3, 4]]), "int16", ref=lambda x, d: x.view(d))
case("view", np.int16([[1, 2], [-3, 4]]), "int32", ref=lambda x, d: x.view(d))
for _name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    case(_name, ints(3, 4, high=99), ints(4, high=99), ref=getattr(np, _name))
    case(_name, bools(6), bools(6), ref=getattr(np, _name))
for _name in ("bitwise_not", "bitwise_invert"):
    case(_name, ints(4, low=-9, high=9), ref=np.bitwise_not)
for _name in ("left_shift", "bitwise_left_shift"):
    case(_name, ints(3, 4), ints(4), ref=np.left_shift)
for _name in ("right_shift", "bitwise_right_shift"):
    case(_name, ints(3, 4, low=-99, high=99), ints(4), ref=np.right_shift)
for _name in ("gcd", "lcm"):
    case(_name, ints(3, 6, low=-40, high=40), ints(6, high=40), ref=getattr(np, _name))

case("gcd", np.int64([12, 0, -9]), np.int64([18, 5, 6]), ref=np.gcd)
case("lcm", np.int8([4, 0, -9]), np.int8([6, 5, 6]), ref=np.lcm)

# ---- joining, cutting, turning -----------------------------------------------------------------
case("append", normal(2, 3), normal(1, 3), ref=np.append, axis=0)
case("append", normal(2, 3), normal(2), ref=np.append)
case("dstack", [normal(3), normal(3)], ref=np.dstack)
case("dstack", [normal(2, 3), normal(2, 3)], ref=np.dstack)
case("array_split", normal(7, 2), 3, ref=np.array_split)
case("array_split", normal(2, 7), (2, 3), ref=np.array_split, axis=1)
case("vsplit", normal(4, 3), 2, ref=np.vsplit)
case("hsplit", normal(4, 6), 3, ref=np.hsplit)
case("hsplit", normal(6), (2, 3), ref=np.hsplit)
case("dsplit", normal(2, 3, 4), 2, ref=np.dsplit)
case("flipud", normal(3, 4), ref=np.flipud)
case("fliplr", normal(3, 4), ref=np.fliplr)
for _turns in (1, 2, 3, -1, 4):
    case("rot90", normal(2, 3, 4), ref=np.rot90, k=_turns)
case("rot90", normal(2, 3, 4), ref=np.rot90, axes=(2, 1))
case("diagonal", normal(3, 4), ref=np.diagonal, offset=1)
case("diagonal", normal(3, 4, 2), ref=np.diagonal, offset=-1, axis1=2, axis2=0)
case("diagflat", normal(2, 2), ref=np.diagflat, k=-1)
case("tri", 3, ref=lambda n, **k: np.tri(n, dtype="float32", **k), M=4, k=1)
case("empty_like", ints(2, 0), ref=np.empty_like)
case(
    "select",
    [np.array([True, False, False]), np.array([True, True, False])],
    [normal(3), normal(3)],
    9.0,
    ref=np.select,
)
case("unravel_index", ints(4, high=24), (2, 3, 4), ref=np.unravel_index)
case("argpartition", np.float32([3, 1, 2]), 1, ref=lambda x, kth: np.argsort(x))
case("inner", normal(2, 3), normal(4, 3), ref=np.inner, grad=True)
case("kron", normal(2, 3), normal(2, 2), ref=np.kron, grad=True)
case("kron", normal(3), normal(2, 2), ref=np.kron)
case("vander", normal(4), ref=np.vander)
case("vander", np.float32([0, 2, -1]), ref=np.vander, N=3, increasing=True, grad=True)

# ---- reductions that leave out NaN -------------------------------------------------------------
for _name in ("nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd", "nanmedian"):
    case(_name, _gaps, ref=getattr(np, _name))
    case(_name, _gaps, ref=getattr(np, _name), axis=1)
    case(_name, _gaps, ref=getattr(np, _name), axis=(0, 1), keepdims=True)
    case(_name, normal(3, 4), ref=getattr(np, _name), axis=0, grad=True)
for _name in ("nancumsum", "nancumprod"):
    case(_name, _gaps, ref=getattr(np, _name), axis=1)
    case(_name, _gaps, ref=getattr(np, _name))
case("nancumsum", _gaps, ref=lambda x, axis: np.nan_to_num(x), axis=())
case("nancumprod", _gaps, ref=lambda x, axis: np.nan_to_num(x, nan=1.0), axis=())
for _name in ("nanargmax", "nanargmin"):
    case(_name, _gaps, ref=getattr(np, _name), axis=1)
    case(_name, _gaps, ref=getattr(np, _name))
case("nansum", ints(3, 4), ref=np.nansum, axis=0)

# ---- quantiles and statistics ------------------------------------------------------------------
case("ptp", normal(3, 4), ref=np.ptp, axis=1, grad=True)
for _method in ("linear", "lower", "higher", "midpoint", "nearest"):
    case("quantile", normal(3, 7), 0.3, ref=np.quantile, axis=1, method=_method)
    case("nanquantile", _gaps, 0.3, ref=np.nanquantile, axis=1, method=_method)
case(
    "quantile",
    normal(3, 4, 5),
    np.float32([0, 0.5, 1]),
    ref=np.quantile,
    axis=(0, 2),
    keepdims=True,
)
case("quantile", normal(3, 4), [0.25, 0.5], ref=np.quantile, grad=True)
case("percentile", normal(3, 4), 40, ref=np.percentile, axis=0)
case("nanquantile", _gaps, [0.25, 1.0], ref=np.nanquantile, axis=0)
case("nanpercentile", _gaps, 40, ref=np.nanpercentile)
case("histogram", normal(50), ref=np.histogram, bins=7)
case("histogram", normal(50), ref=np.histogram, bins=4, range=(-1, 1))
case("histogram", np.float32([2, 2]), ref=np.histogram, bins=3)
case("digitize", normal(3, 4), np.float32([-1, 0, 0.5]), ref=np.digitize)
case("digitize", normal(3, 4), np.float32([0.5, 0, -1]), ref=np.digitize)
case("isin", ints(3, 4), np.int32([1, 3]), ref=np.isin)
case("isin", ints(3, 4), np.int32([1, 3]), ref=np.isin, invert=True)
case("unique", ints(9), ref=np.unique)
case(
    "unique",
    ints(3, 4, high=3),
    ref=np.unique,
    return_index=True,
    return_inverse=True,
    return_counts=True,
)
case("unique", np.int32([[1, 2], [0, 5], [1, 2]]), ref=np.unique, axis=0, return_counts=True)
case("unique", np.int32([[3, 1, 3], [2, 5, 2]]), ref=np.unique, axis=1, return_inverse=True)
case(
    "unique",
    np.int32([3, 1, 3]),
    ref=lambda x, size, **k: (np.int32([1, 3, 1, 1]), np.int32([1, 2, 0, 0])),
    size=4,
    return_counts=True,
)
case("corrcoef", normal(3, 8), ref=np.corrcoef, grad=True)
for _mode in ("valid", "same", "full"):
    case("correlate", normal(7), normal(4), ref=np.correlate, mode=_mode)
    case("correlate", normal(3), normal(6), ref=np.correlate, mode=_mode)
case("correlate", normal(7), normal(3), ref=np.correlate, grad=True)
case("trapezoid", normal(3, 5), ref=np.trapezoid, dx=0.5, grad=True)
case("trapezoid", normal(3, 5), ref=np.trapezoid, x=np.float32([0, 1, 3]), axis=0)

# ---- sequences and windows ---------------------------------------------------------------------
case("logspace", 0.0, 2.0, ref=np.logspace, num=5)
case(
    "logspace",
    np.float32([0, 1]),
    np.float32([1, 2]),
    ref=np.logspace,
    num=3,
    endpoint=False,
    axis=1,
)
case("geomspace", 1.0, 1000.0, ref=np.geomspace, num=4)
case("geomspace", np.float32([-1, 2]), np.float32([-8, 32]), ref=np.geomspace, num=3)
for _name in ("bartlett", "blackman", "hamming", "hanning"):
    case(_name, 7, ref=getattr(np, _name))
case("kaiser", 7, 14.0, ref=np.kaiser)
