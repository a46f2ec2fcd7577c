"""`Flatten`, `Reshape`, `Permute` and `RepeatVector`."""

from __future__ import annotations

import math
from typing import Any

from kdist import ops
from kdist.core import config
from kdist.layers.input_spec import InputSpec
from kdist.layers.reshaping.base import Reshaping


class Flatten(Reshaping):
    """Makes one axis of all axes but the batch.

    Arguments:
        data_format: "channels_first" flattens in the order in which channels last would stand.

    Input (batch, ...); output (batch, product of the sizes).
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)
        self._channels_first = self.data_format == "channels_first"

    def call(self, inputs: Any) -> Any:
        rank = len(inputs.shape)
        if self._channels_first and rank > 1:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        sizes = inputs.shape[1:]
        if None in tuple(sizes):
            return ops.reshape(inputs, (ops.shape(inputs)[0], -1))
        flat = math.prod(sizes)
        return ops.reshape(inputs, (-1 if flat else ops.shape(inputs)[0], flat))

    def compute_output_shape(self, input_shape: Any) -> Any:
        sizes = input_shape[1:]
        return (input_shape[0], None if None in sizes else math.prod(sizes))

    def get_config(self) -> dict:
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(Reshaping):
    """Gives each sample another shape.

    Arguments:
        target_shape: without the batch; one size may be -1, which then follows from the others.

    Raises: ValueError if the sizes do not fit, or more than one is -1.
    """

    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        target_shape = tuple(target_shape)
        if target_shape.count(-1) > 1:
            raise ValueError(
                "There can be at most one unknown dimension (-1) in `target_shape`. "
                f"Received: target_shape={target_shape}"
            )
        if any(not isinstance(d, int) or d < -1 for d in target_shape):
            raise ValueError(
                "Each size in `target_shape` must be a non-negative integer, or -1 for one that "
                f"follows from the others. Received: target_shape={target_shape}"
            )
        self.target_shape = target_shape

    def call(self, inputs: Any) -> Any:
        return ops.reshape(inputs, (ops.shape(inputs)[0], *self._resolved(inputs.shape[1:])))

    def _resolved(self, sizes: Any) -> tuple:
        """The target with -1 replaced where the input's sizes are known."""
        sizes, target = tuple(sizes), self.target_shape
        if None in sizes:
            return target
        size, known = math.prod(sizes), math.prod(d for d in target if d != -1)
        fits = size % known == 0 if -1 in target and known else size == known
        if not fits:
            raise ValueError(
                "The total size of the tensor must be unchanged. Received: "
                f"input_shape={sizes}, target_shape={target}"
            )
        return tuple(size // known if d == -1 and known else d for d in target)

    def compute_output_shape(self, input_shape: Any) -> Any:
        resolved = self._resolved(input_shape[1:])
        return (input_shape[0], *(None if d == -1 else d for d in resolved))

    def get_config(self) -> dict:
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Reshaping):
    """Reorders the axes after the batch.

    Arguments:
        dims: for each output axis the input axis, counted from 1; the batch is not among them.

    Raises: ValueError if `dims` is no permutation of 1..n. Example: `Permute((2, 1))` transposes
    each sample.
    """

    def __init__(self, dims: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                "Invalid permutation argument `dims` for Permute Layer. The set of indices "
                "in `dims` must be consecutive and start from 1. "
                f"Received dims={dims}"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], *(input_shape[d] for d in self.dims))

    def get_config(self) -> dict:
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Reshaping):
    """Repeats each sample's vector.

    Arguments:
        n: how often.

    Input (batch, features); output (batch, n, features). Raises: TypeError if n is no int.
    """

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(n, int):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        if n < 1:
            raise ValueError(f"`n` of RepeatVector should be a positive integer. Received: n={n}")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict:
        return {**super().get_config(), "n": self.n}
