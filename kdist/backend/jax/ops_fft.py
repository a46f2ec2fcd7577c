"""Rows of complex views and Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kdist.backend.jax.tensors import as_tensor, promote_arrays, to_float


def view_as_complex(x: Any) -> jax.Array:
    x = as_tensor(x, "float32")
    return jax.lax.complex(x[..., 0], x[..., 1])


def view_as_real(x: Any) -> jax.Array:
    x = as_tensor(x)
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)


def polar(abs_: Any, angle: Any) -> jax.Array:
    size, angle = promote_arrays(abs_, angle, also="float32")
    return jax.lax.complex(*jnp.broadcast_arrays(size * jnp.cos(angle), size * jnp.sin(angle)))


def _complex(x: Any) -> jax.Array:
    return jax.lax.complex(*promote_arrays(*x))


def _pair(x: jax.Array) -> tuple:
    return jnp.real(x), jnp.imag(x)


def _pairs(native: Callable) -> Callable:
    def row(x: Any) -> tuple:
        return _pair(native(_complex(x)))

    return row


def rfft(x: Any, fft_length: int | None = None) -> tuple:
    return _pair(jnp.fft.rfft(to_float(x), n=fft_length))


def irfft(x: Any, fft_length: int | None = None) -> jax.Array:
    return jnp.fft.irfft(_complex(x), n=fft_length)


ROWS: dict[str, Callable] = {
    "fft": _pairs(jnp.fft.fft),
    "fft2": _pairs(jnp.fft.fft2),
    "ifft2": _pairs(jnp.fft.ifft2),
    "irfft": irfft,
    "polar": polar,
    "rfft": rfft,
    "view_as_complex": view_as_complex,
    "view_as_real": view_as_real,
}
