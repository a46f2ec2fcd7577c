"""Fourier transforms. Complex tensors are pairs (real part, imaginary part) of float tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.backend import bound as backend
from kdist.core import dtypes
from kdist.core.spec import Spec
from kdist.ops.checks import at_least, dtype_of, positive_int, same, shape_of
from kdist.ops.core import convert_to_tensor
from kdist.ops.declare import op
from kdist.ops.math import extract_sequences
from kdist.ops.numpy_binary import divide, multiply
from kdist.ops.numpy_reductions import where
from kdist.ops.numpy_shaping import broadcast_to, pad, reshape

Tensor = Any


def _ordinary(real: Any, imaginary: Any, rank: int) -> bool:
    """Whether nothing can be wrong with this pair: the shortest way to see it, for small transforms."""
    return (
        backend.is_tensor(real)
        and backend.is_tensor(imaginary)
        and real.shape == imaginary.shape
        and len(real.shape) >= rank
        and dtypes.is_float(backend.dtype_of(real))
        and real.dtype == imaginary.dtype
    )


def _pair(op: str, x: Any, rank: int, fixed: int = 0) -> None:
    """`x` is a pair of floats of one shape with at least `rank` axes.

    Arguments:
        fixed: how many of the last axes must have a known size.
    """
    if not isinstance(x, list | tuple) or len(x) != 2:
        raise ValueError(
            f"{op}: Input `x` should be a tuple of two tensors - real and imaginary part. "
            f"Received: x={x}."
        )
    if _ordinary(*x, rank):
        return
    shapes = shape_of(x[0]), shape_of(x[1])
    if shapes[0] != shapes[1] and not same(*shapes):
        raise ValueError(
            f"{op}: Both the real and imaginary parts should have the same shape. "
            f"Received: x[0].shape={shapes[0]}, x[1].shape={shapes[1]}."
        )
    if len(shapes[0]) < rank:
        at_least(op, x[0], rank, "x[0]")
    # What one part does not say of its sizes the other may.
    known = [b if a is None else a for a, b in zip(*shapes, strict=True)]
    if fixed and any(isinstance(part, Spec) for part in x) and None in known[-fixed:]:
        axes = "last dimension" if fixed == 1 else f"{tuple(range(-fixed, 0))} axes"
        raise ValueError(
            f"{op}: Input should have its {axes} fully-defined. Received: x[0].shape={shapes[0]}."
        )
    kinds = dtype_of(x[0]), dtype_of(x[1])
    if not (dtypes.is_float(kinds[0]) and dtypes.is_float(kinds[1])):
        raise ValueError(f"{op}: the parts of x must be floats. Received: dtypes {kinds}.")


@op(check=lambda x: _pair("fft", x, 1, fixed=1))
def fft(x: Any) -> Any:
    """Discrete Fourier transform of the last axis: y[k] = sum_n x[n] exp(-2 pi i k n / N).

    Arguments:
        x: pair of float tensors (..., N).

    Returns: pair (..., N).
    Raises: ValueError if `x` is not a pair of floats of one shape.

    Example:
        >>> ops.fft((ops.array([1.0, 0.0, -1.0, 0.0]), ops.zeros(4)))  # one wave in 4 samples
        (tensor([0., 2., 0., 2.]), tensor([0., 0., 0., 0.]))
    """


@op(check=lambda x: _pair("fft2", x, 2, fixed=2))
def fft2(x: Any) -> Any:
    """Discrete Fourier transform of the last two axes, of a pair (..., M, N).

    Raises: ValueError if `x` is not a pair of floats of one shape.

    Example:
        >>> real, imag = ops.fft2((ops.ones((2, 2)), ops.zeros((2, 2))))
        >>> real
        tensor([[4., 0.],
                [0., 0.]])
    """


@op(check=lambda x: _pair("ifft2", x, 2, fixed=2))
def ifft2(x: Any) -> Any:
    """Inverse of `fft2`.

    Raises: ValueError if `x` is not a pair of floats of one shape.

    Example:
        >>> x = random.normal((4, 4), seed=0)
        >>> real, imag = ops.ifft2(ops.fft2((x, ops.zeros((4, 4)))))
        >>> ops.allclose(real, x, atol=1e-6)
        tensor(True)
    """


def _length(op: str, fft_length: Any) -> None:
    if fft_length is not None:
        positive_int(op, "fft_length", fft_length)


def _rfft(x: Any, fft_length: int | None = None) -> None:
    at_least("rfft", x, 1)
    _length("rfft", fft_length)


def _irfft(x: Any, fft_length: int | None = None) -> None:
    _pair("irfft", x, 1)
    _length("irfft", fft_length)


@op(check=_rfft)
def rfft(x: Tensor, fft_length: int | None = None) -> Any:
    """Discrete Fourier transform of real numbers, the non-negative frequencies alone.

    Arguments:
        x: (..., N), real.
        fft_length: length to cut or zero-pad the last axis to; default N.

    Returns: pair (..., fft_length // 2 + 1).
    Raises: ValueError for a scalar.

    Example:
        >>> ops.rfft([1.0, 0.0, -1.0, 0.0])
        (tensor([0., 2., 0.]), tensor([0., 0., 0.]))
    """


@op(check=_irfft)
def irfft(x: Any, fft_length: int | None = None) -> Tensor:
    """Inverse of `rfft`: real numbers from their non-negative frequencies.

    Arguments:
        x: pair (..., F).
        fft_length: length of the result; default 2 * (F - 1).

    Returns: (..., fft_length).
    Raises: ValueError if `x` is not a pair of floats of one shape.

    Example:
        >>> ops.irfft(([0.0, 2.0, 0.0], [0.0, 0.0, 0.0]))
        tensor([ 1.,  0., -1.,  0.])
    """


# Cosine windows a - b cos(2 pi n / N), periodic (Harris 1978, doi:10.1109/PROC.1978.10837).
_WINDOWS = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}


_SILENT = 1e-10  # a sum of squared weights that counts as none


def _check_window(op: str, window: Any, length: int) -> None:
    if isinstance(window, str):
        if window not in _WINDOWS:
            raise ValueError(
                f"{op}: If a string is passed to `window`, it must be one of {tuple(_WINDOWS)}. "
                f"Received: window={window!r}."
            )
    elif window is not None and shape_of(window) != (length,):
        raise ValueError(
            f"{op}: The shape of `window` must be equal to (sequence_length,) = ({length},). "
            f"Received: window.shape={shape_of(window)}."
        )


def _window(window: Any, length: int, fft_length: int, dtype: str) -> Any:
    """The window of `length` in the middle of `fft_length` samples; None where there is none."""
    if window is None:
        return None
    if isinstance(window, str):
        a, b = _WINDOWS[window]
        window = a - b * np.cos(2 * np.pi * np.arange(length) / length)
    left = (fft_length - length) // 2
    return pad(convert_to_tensor(window, dtype), [(left, fft_length - length - left)])


def _frames(op: str, sequence_length: int, sequence_stride: int, fft_length: int) -> None:
    if fft_length < sequence_length:
        raise ValueError(
            f"{op}: `fft_length` must equal or larger than `sequence_length`. Received: "
            f"sequence_length={sequence_length}, fft_length={fft_length}."
        )
    positive_int(op, "sequence_length", sequence_length)
    positive_int(op, "sequence_stride", sequence_stride)


def _stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> None:
    _frames("stft", sequence_length, sequence_stride, fft_length)
    _check_window("stft", window, sequence_length)
    at_least("stft", x, 1)
    if dtype_of(x) not in ("float32", "float64"):
        raise TypeError(
            f"stft: Invalid input type. Expected `float32` or `float64`. Received: {dtype_of(x)}."
        )


@op(check=_stft)
def stft(
    x: Tensor,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Short-time Fourier transform: `rfft` of overlapping windows of the last axis.

    Arguments:
        x: (..., samples), float32 or float64.
        sequence_length: length of a window.
        sequence_stride: distance of one window's start to the next.
        fft_length: length that windows are zero-padded to, on both sides.
        window: "hann", "hamming", a vector of `sequence_length` numbers, or None for no weights.
        center: mirror fft_length // 2 samples at both ends, so that window t has its middle at
            sample t * sequence_stride.

    Returns: pair (..., windows, fft_length // 2 + 1).
    Raises: ValueError for lengths or a window that do not fit together; TypeError for another
    dtype.

    Example:
        >>> real, imag = ops.stft(ops.ones(1024), 256, 128, 256)
        >>> real.shape, imag.shape
        (torch.Size([9, 129]), torch.Size([9, 129]))
    """
    x = convert_to_tensor(x)
    weights = _window(window, sequence_length, fft_length, dtype_of(x))
    if center:
        half = fft_length // 2
        x = pad(x, [(0, 0)] * (len(x.shape) - 1) + [(half, half)], mode="reflect")
    x = extract_sequences(x, fft_length, sequence_stride)
    return rfft(x if weights is None else multiply(x, weights))


def _istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> None:
    _frames("istft", sequence_length, sequence_stride, fft_length)
    _check_window("istft", window, sequence_length)
    _pair("istft", x, 2)


@op(check=_istft)
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Tensor:
    """Inverse of `stft`, by weighted overlap and addition.

    Of a pair that is no transform it gives the signal whose transform is nearest (Griffin and Lim
    1984, doi:10.1109/TASSP.1984.1164317). Samples on which no window has any weight are 0.

    Arguments:
        x: pair (..., windows, fft_length // 2 + 1).
        sequence_length, sequence_stride, fft_length, window, center: those of `stft`; with
            window=None, overlapping parts are added up as they are.
        length: samples to return; default all there are.

    Returns: (..., samples).
    Raises: ValueError for lengths or a window that do not fit together.

    Example:
        >>> x = random.normal((1024,), seed=0)
        >>> y = ops.istft(ops.stft(x, 256, 128, 256), 256, 128, 256)
        >>> y.shape, ops.allclose(y, x, atol=1e-5)
        (torch.Size([1024]), tensor(True))
    """
    frames = irfft(x, fft_length)
    weights = _window(window, sequence_length, fft_length, dtype_of(frames))
    windows = frames.shape[-2]
    if weights is None:
        samples = _overlap_and_add(frames, sequence_stride)
    else:
        squares = broadcast_to(weights * weights, (windows, fft_length))
        sums = _overlap_and_add(squares, sequence_stride)
        samples = _overlap_and_add(multiply(frames, weights), sequence_stride)
        samples = divide(samples, where(sums > _SILENT, sums, 1))
    count = fft_length + sequence_stride * (windows - 1)
    start = fft_length // 2 if center else 0
    stop = count - start if length is None else start + length
    return samples[..., start : min(stop, count)]


def _overlap_and_add(frames: Any, stride: int) -> Any:
    """(..., n, length) -> the sum of the n frames, each `stride` later than the one before."""
    overlaps = -(-frames.shape[-1] // stride)
    tail = overlaps * stride - frames.shape[-1]
    none = [(0, 0)] * (len(frames.shape) - 2)
    frames = pad(frames, [*none, (0, 0), (0, tail)])
    lead, n = tuple(frames.shape[:-2]), frames.shape[-2]
    blocks = reshape(frames, (*lead, n, overlaps, stride))
    parts = [
        pad(blocks[..., i, :], [*none, (i, overlaps - 1 - i), (0, 0)]) for i in range(overlaps)
    ]
    summed = parts[0]
    for part in parts[1:]:
        summed = summed + part
    return reshape(summed, (*lead, (n + overlaps - 1) * stride))
