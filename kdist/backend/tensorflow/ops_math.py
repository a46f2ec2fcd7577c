"""Rows of special functions, segments, complex views and Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.ops_elementwise import float_unary
from kdist.backend.tensorflow.tensors import as_tensor, promote, to_float


def _segments(kernel: Callable, empty: float | None = None) -> Callable:
    """A reduction of segments.

    Arguments:
        empty: the value of an empty segment of floats, where TensorFlow gives another.
    """

    def row(
        data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
    ) -> Any:
        data, ids = as_tensor(data), as_tensor(segment_ids, "int32")
        count = tf.reduce_max(ids) + 1 if num_segments is None else num_segments
        # A negative id is left out; one past the end would be an error on the CPU.
        ids = tf.where(ids < count, ids, -1)
        out = kernel(data, ids, count)
        if empty is None or not data.dtype.is_floating:
            return out
        rows = tf.math.unsorted_segment_sum(tf.ones_like(ids), ids, count)
        rows = tf.reshape(rows, [-1] + [1] * (data.shape.rank - 1))
        return tf.where(rows == 0, tf.constant(empty, data.dtype), out)

    return row


# ---- complex numbers -----------------------------------------------------------------------------
def view_as_complex(x: Any) -> Any:
    x = as_tensor(x, "float32")
    return tf.complex(x[..., 0], x[..., 1])


def view_as_real(x: Any) -> Any:
    x = as_tensor(x)
    parts = [tf.math.real(x), tf.math.imag(x)] if x.dtype.is_complex else [x, tf.zeros_like(x)]
    return tf.stack(parts, axis=-1)


def polar(abs_: Any, angle: Any) -> Any:
    size, angle = promote(abs_, angle, also="float32")
    return tf.complex(size * tf.cos(angle), size * tf.sin(angle))


# ---- Fourier transforms of pairs (real part, imaginary part) -------------------------------------
def _complex(x: Any) -> Any:
    return tf.complex(*promote(*x))


def _pair(x: Any) -> tuple:
    return tf.math.real(x), tf.math.imag(x)


def _pairs(native: Callable) -> Callable:
    def row(x: Any) -> tuple:
        return _pair(native(_complex(x)))

    return row


def _length(fft_length: int | None) -> list | None:
    return None if fft_length is None else [fft_length]


def _cut(x: Any, length: int) -> Any:
    """The first entries of the last axis: TensorFlow's gradient of a transform that leaves some out has no place
    for them."""
    size = x.shape[-1]
    return x[..., :length] if size is None or size > length else x


def rfft(x: Any, fft_length: int | None = None) -> tuple:
    x = to_float(x)
    if fft_length is not None:
        x = _cut(x, fft_length)
    return _pair(tf.signal.rfft(x, _length(fft_length)))


def irfft(x: Any, fft_length: int | None = None) -> Any:
    x = _complex(x)
    if fft_length is not None:
        x = _cut(x, fft_length // 2 + 1)
    return tf.signal.irfft(x, _length(fft_length))


OPS: dict[str, Callable] = {
    "erfc": float_unary(tf.math.erfc),
    "fft": _pairs(tf.signal.fft),
    "fft2": _pairs(tf.signal.fft2d),
    "ifft2": _pairs(tf.signal.ifft2d),
    "irfft": irfft,
    "polar": polar,
    "rfft": rfft,
    "segment_max": _segments(tf.math.unsorted_segment_max, float("-inf")),
    "segment_min": _segments(tf.math.unsorted_segment_min, float("inf")),
    "segment_prod": _segments(tf.math.unsorted_segment_prod),
    "segment_sum": _segments(tf.math.unsorted_segment_sum),
    "view_as_complex": view_as_complex,
    "view_as_real": view_as_real,
}
