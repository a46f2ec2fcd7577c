"""Rows of special functions, distances, segments, complex views and Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdist.backend.torch.ops_reduce import by_id, segments
from kdist.backend.torch.rows import refuses, unary_float
from kdist.backend.torch.tensors import alike_floats, as_float, as_tensor, promoted


def cdist(x: Any, y: Any) -> Tensor:
    x, y = promoted(x, y, also=(float,))
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16):
        x, y = x.float(), y.float()
    # The form by a matrix product cancels where points lie close.
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").to(dtype)


def _highest(dtype: torch.dtype) -> Any:
    return float("inf") if dtype.is_floating_point else torch.iinfo(dtype).max


# ---- complex numbers -----------------------------------------------------------------------------
def view_as_complex(x: Any) -> Tensor:
    return torch.view_as_complex(as_tensor(x, "float32").contiguous())


def view_as_real(x: Any) -> Tensor:
    x = as_tensor(x)
    if not x.is_complex():
        return torch.stack((x, torch.zeros_like(x)), -1)
    return torch.view_as_real(x.resolve_conj())


def polar(abs_: Any, angle: Any) -> Tensor:
    return torch.polar(*torch.broadcast_tensors(*promoted(abs_, angle, also=("float32",))))


# ---- Fourier transforms of pairs (real part, imaginary part) -------------------------------------
def _complex(x: Any) -> Tensor:
    if type(x) is not tuple and type(x) is not list:
        raise TypeError("x must be a pair, (real part, imaginary part).")
    real, imaginary = x
    if not alike_floats(real, imaginary):
        real, imaginary = as_tensor(real), as_tensor(imaginary)
        if not (real.is_floating_point() and imaginary.is_floating_point()):
            raise ValueError("The parts of x must be floats.")
        real, imaginary = promoted(real, imaginary)
    if real.shape != imaginary.shape:  # they would be broadcast
        raise ValueError("The parts of x must have one shape.")
    return torch.complex(real, imaginary)


def _pairs(native: Callable) -> Callable:
    @refuses
    def row(x: Any) -> tuple[Tensor, Tensor]:
        out = native(_complex(x))
        return out.real, out.imag

    return row


@refuses
def rfft(x: Any, fft_length: int | None = None) -> tuple[Tensor, Tensor]:
    x = as_float(x)
    try:
        out = torch.fft.rfft(x, fft_length)
    except RuntimeError:  # its kernel takes no empty batch
        length = (x.shape[-1] if fft_length is None else fft_length) if x.ndim else 0
        if x.numel() or length < 1:
            raise
        empty = x.new_zeros((*x.shape[:-1], length // 2 + 1))
        return empty, torch.zeros_like(empty)
    return out.real, out.imag


@refuses
def irfft(x: Any, fft_length: int | None = None) -> Tensor:
    return torch.fft.irfft(_complex(x), fft_length)


OPS: dict[str, Callable] = {
    "cdist": cdist,
    "erfc": unary_float(torch.erfc),
    "fft": _pairs(torch.fft.fft),
    "fft2": _pairs(torch.fft.fft2),
    "ifft2": _pairs(torch.fft.ifft2),
    "irfft": irfft,
    "polar": polar,
    "rfft": rfft,
    "segment_min": segments(by_id("amin", _highest)),
    "segment_prod": segments(by_id("prod", lambda dtype: 1)),
    "view_as_complex": view_as_complex,
    "view_as_real": view_as_real,
}
