"""`Dot` and `dot`."""

from __future__ import annotations

import string
from typing import Any

from kdist import ops
from kdist.layers.masking import hands_on
from kdist.layers.merging.base import Merge


class Dot(Merge):
    """For each sample, the dot product of two tensors over one axis of each.

    Arguments:
        axes: the axis (not 0), or one for each input.
        normalize: divide by the norms along these axes first: the result is then the cosine of the
            angle.

    Raises: ValueError unless there are two inputs whose sizes along the axes agree.
    Example: (batch, 3, 5) and (batch, 10, 3) with axes=(1, 2) give (batch, 5, 10).
    """

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(axes, int):
            if not isinstance(axes, list | tuple):
                raise TypeError(
                    "Invalid type for argument `axes`: it should be a list or an int. "
                    f"Received: axes={axes}"
                )
            if len(axes) != 2:
                raise ValueError(
                    "Invalid format for argument `axes`: it should contain two elements. "
                    f"Received: axes={axes}"
                )
            if not all(isinstance(a, int) for a in axes):
                raise ValueError(
                    "Invalid format for argument `axes`: list elements should be integers. "
                    f"Received: axes={axes}"
                )
        self.axes = axes
        self.normalize = normalize

    def _both(self, first: Any, second: Any) -> tuple[int, int]:
        """The axis of each input, from 1 on."""
        if len(first) < 2 or len(second) < 2:
            raise ValueError(
                "A `Dot` layer needs inputs with a batch and at least one more axis. "
                f"Received shapes {tuple(first)} and {tuple(second)}."
            )
        a, b = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        a, b = a % len(first), b % len(second)
        if 0 in (a, b):
            raise ValueError(
                f"A `Dot` layer cannot sum over the batch axis. Received: axes={self.axes} "
                f"for shapes {tuple(first)} and {tuple(second)}"
            )
        return a, b

    def _merge(self, inputs: list) -> Any:
        if len(inputs) != 2:
            raise ValueError(
                f"A `Dot` layer should be called on exactly 2 inputs. Received: inputs={inputs}"
            )
        x, y = inputs
        a, b = self._both(x.shape, y.shape)
        if self.normalize:
            x, y = ops.normalize(x, axis=a), ops.normalize(y, axis=b)
        letters = iter(string.ascii_lowercase[2:])  # a: the batch, b: the sum
        left = "a" + "".join("b" if i == a else next(letters) for i in range(1, len(x.shape)))
        right = "a" + "".join("b" if i == b else next(letters) for i in range(1, len(y.shape)))
        out = (left + right[1:]).replace("b", "")
        result = ops.einsum(f"{left},{right}->{out}", x, y)
        return ops.expand_dims(result, -1) if len(out) == 1 else result

    def compute_output_shape(self, input_shape: Any) -> Any:
        if len(input_shape) != 2 or not isinstance(input_shape[0], list | tuple):
            raise ValueError(
                "A `Dot` layer should be called on a list of 2 inputs. Received: "
                f"input_shape={input_shape}"
            )
        first, second = list(input_shape[0]), list(input_shape[1])
        a, b = self._both(first, second)
        if first[a] != second[b] and None not in (first[a], second[b]):
            raise ValueError(
                f"Incompatible input shapes: axis values {first[a]} (at axis {a}) != "
                f"{second[b]} (at axis {b}). "
                f"Full input shapes: {tuple(first)}, {tuple(second)}"
            )
        out = first[:a] + first[a + 1 :] + second[1:b] + second[b + 1 :]
        return tuple(out) if len(out) > 1 else (*out, 1)

    @hands_on
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None

    def get_config(self) -> dict:
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """`Dot(axes=axes, **kwargs)(inputs)`."""
    return Dot(axes=axes, **kwargs)(inputs)
