"""Initializers that draw no numbers."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from kdist import ops
from kdist.core import dtypes, serialization
from kdist.initializers.initializer import Initializer


class Constant(Initializer):
    """All `value`.

    Arguments:
        value: a number, or what broadcasts to the shape.

    Example:
        >>> initializers.Constant(0.5)((2,))
        tensor([0.5000, 0.5000])
    """

    def __init__(self, value: Any = 0.0):
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        dtype = dtypes.standardize_dtype(dtype)
        return ops.multiply(ops.cast(self.value, dtype), ops.ones(shape, dtype))

    def get_config(self) -> dict:
        return {"value": serialization.serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict) -> Constant:
        return cls(serialization.deserialize_keras_object(config["value"]))


class Zeros(Initializer):
    """All 0.

    Example:
        >>> initializers.Zeros()((2, 2), dtype="int32")
        tensor([[0, 0],
                [0, 0]], dtype=torch.int32)
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return ops.zeros(shape, dtypes.standardize_dtype(dtype))


class Ones(Initializer):
    """All 1.

    Example:
        >>> initializers.Ones()((3,))
        tensor([1., 1., 1.])
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return ops.ones(shape, dtypes.standardize_dtype(dtype))


class Identity(Initializer):
    """`gain` on the main diagonal of a matrix and 0 elsewhere.

    Arguments:
        gain: float.

    Raises: ValueError for a shape of other than two axes.

    Example:
        >>> initializers.Identity(gain=2.0)((2, 3))
        tensor([[2., 0., 0.],
                [0., 2., 0.]])
    """

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        if len(shape) != 2:
            raise ValueError(
                f"Identity makes matrices, and received shape={tuple(shape)} of {len(shape)} axes."
            )
        return ops.multiply(self.gain, ops.eye(*shape, dtype=dtypes.standardize_dtype(dtype)))

    def get_config(self) -> dict:
        return {"gain": self.gain}


class STFT(Initializer):
    """The kernel of a 1-D convolution that computes a short-time Fourier transform.

    Arguments:
        side: "real" or "imag", the part that the kernel computes.
        window: a name known to `scipy.signal.get_window`, an array (frame,), or None.
        scaling: "density" divides by the window's Euclidean norm, "spectrum" by its sum; None
            leaves it.
        periodic: whether the named window is periodic.

    The shape must be (frame, 1, bands) with bands = fft_length / 2 + 1.

    Example:
        >>> kernel = initializers.STFT("real", window=None, scaling=None)((8, 1, 5))
        >>> ops.round(kernel[:4, 0, 1], 3)  # of frequency 1: a cosine
        tensor([ 1.0000,  0.7070,  0.0000, -0.7070])
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ):
        if side not in ("real", "imag"):
            raise ValueError(f"side={side!r} of STFT must be 'real' or 'imag'.")
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(f"scaling={scaling!r} of STFT must be 'density', 'spectrum' or None.")
        if isinstance(window, str):
            _window(window, 1, periodic)  # an unknown name must fail here, not at the first use
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        dtype = dtypes.standardize_dtype(dtype)
        frame, _, bands = shape
        angle = (
            -2.0 * np.pi * np.arange(frame)[:, None, None] * np.arange(bands) / (2 * (bands - 1))
        )
        kernel = np.cos(angle) if self.side == "real" else np.sin(angle)
        if self.window is not None:
            window = self.window
            window = (
                _window(window, frame, self.periodic)
                if isinstance(window, str)
                else np.asarray(window)
            )
            if window.shape != (frame,):
                raise ValueError(
                    f"window of STFT has shape {window.shape}, and the frame needs ({frame},)."
                )
            norm = {
                None: 1.0,
                "density": np.sqrt(np.sum(window**2)),
                "spectrum": np.sum(np.abs(window)),
            }
            kernel = kernel * window[:, None, None] / norm[self.scaling]
        return ops.convert_to_tensor(kernel, dtype)

    def get_config(self) -> dict:
        return {
            "side": self.side,
            "window": self.window,
            "periodic": self.periodic,
            "scaling": self.scaling,
        }


def _window(name: str, length: int, periodic: bool) -> np.ndarray:
    """A window of `scipy.signal`, which is imported here because nothing else needs it."""
    signal = importlib.import_module("scipy.signal")
    return signal.get_window(name, length, periodic)
