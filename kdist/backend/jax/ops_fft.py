"""Rows of complex views and Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kdist.backend.jax.kernels import kernel
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


def _of_pairs(native: Callable, *static: str) -> Callable:
    """A transform of complex values for (real part, imaginary part), as one program."""

    @kernel(*static)
    def transform(real: jax.Array, imaginary: jax.Array, **settings: Any) -> Any:
        return native(jax.lax.complex(real, imaginary), **settings)

    return lambda x, **settings: transform(*promote_arrays(*x), **settings)


def _pair(x: jax.Array) -> tuple:
    return jnp.real(x), jnp.imag(x)


@kernel("n")
def _rfft(x: jax.Array, n: int | None) -> tuple:
    return _pair(jnp.fft.rfft(x, n=n))


def rfft(x: Any, fft_length: int | None = None) -> tuple:
    return _rfft(to_float(x), fft_length)


_irfft = _of_pairs(jnp.fft.irfft, "n")


def irfft(x: Any, fft_length: int | None = None) -> jax.Array:
    return _irfft(x, n=fft_length)


ROWS: dict[str, Callable] = {
    "fft": _of_pairs(lambda x: _pair(jnp.fft.fft(x))),
    "fft2": _of_pairs(lambda x: _pair(jnp.fft.fft2(x))),
    "ifft2": _of_pairs(lambda x: _pair(jnp.fft.ifft2(x))),
    "irfft": irfft,
    "polar": polar,
    "rfft": rfft,
    "view_as_complex": view_as_complex,
    "view_as_real": view_as_real,
}
