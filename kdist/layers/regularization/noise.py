"""Layers that add or multiply noise while training, and a penalty on activations."""

from __future__ import annotations

import math
from typing import Any

from kdist import ops, random, regularizers
from kdist.layers.layer import Layer
from kdist.layers.options import needs_no_build
from kdist.layers.regularization.dropout import Dropping, Noisy, check_rate

_SELU_LIMIT = -1.6732632423543772 * 1.0507009873554805  # of SELU(x) for x to -infinity


class GaussianNoise(Noisy):
    """While training, adds normal noise of mean 0.

    Arguments:
        stddev: of the noise, at least 0.
        seed: int, or None.

    Raises: ValueError for a stddev outside of 0 to 1.
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        if not 0 <= stddev <= 1:
            raise ValueError(
                "Invalid value received for argument `stddev`. Expected a float value "
                f"between 0 and 1. Received: stddev={stddev}"
            )
        super().__init__(stddev > 0, seed, **kwargs)
        self.stddev = stddev

    def call(self, inputs: Any, training: Any = False) -> Any:
        if not training or not self._active:
            return inputs
        noise = random.normal(
            ops.shape(inputs), 0.0, self.stddev, dtype=self.compute_dtype, seed=self.seed_generator
        )
        return ops.add(inputs, noise)

    def get_config(self) -> dict:
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(Noisy):
    """While training, multiplies by normal noise of mean 1.

    Its standard deviation is sqrt(rate / (1 - rate)), that of Dropout's mask. Srivastava et al.
    2014, https://jmlr.org/papers/v15/srivastava14a.html.

    Arguments:
        rate: the rate of the Dropout whose noise this has, 0 to 1.
        seed: int, or None.

    Raises: ValueError for a rate outside of 0 to 1.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(check_rate(rate) > 0, seed, **kwargs)
        self.rate = rate

    def call(self, inputs: Any, training: Any = False) -> Any:
        if not training or not self._active:
            return inputs
        noise = random.normal(
            ops.shape(inputs),
            1.0,
            math.sqrt(self.rate / (1.0 - self.rate)),
            dtype=self.compute_dtype,
            seed=self.seed_generator,
        )
        return ops.multiply(inputs, noise)

    def get_config(self) -> dict:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class AlphaDropout(Dropping):
    """Dropout that keeps mean and variance of what follows a SELU.

    Dropped elements take its negative limit, and the result is scaled and shifted. Klambauer et al.
    2017, https://arxiv.org/abs/1706.02515.

    Arguments:
        rate: fraction that is dropped while training, 0 to 1.
        noise_shape: sizes of the mask, which broadcasts to the input; None among them: the input's.
        seed: int, or None.

    Raises: ValueError for a rate outside of 0 to 1.
    """

    def call(self, inputs: Any, training: Any = False) -> Any:
        if not training or not self._active:
            return inputs
        shape = self._mask_shape(inputs) or ops.shape(inputs)
        kept = ops.greater_equal(random.uniform(shape, seed=self.seed_generator), self.rate)
        scale = ((1 - self.rate) * (1 + self.rate * _SELU_LIMIT**2)) ** -0.5
        shift = -scale * _SELU_LIMIT * self.rate
        x = ops.where(kept, inputs, ops.full_like(inputs, _SELU_LIMIT))
        return ops.add(ops.multiply(x, scale), shift)


class ActivityRegularization(Layer):
    """Passes its input on and adds a penalty on its size to the loss.

    That is `l1 * sum(abs(x)) + l2 * sum(x^2)`, divided by the batch size.

    Arguments:
        l1, l2: weights of the penalty.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1 = l1
        self.l2 = l2
        self.supports_masking = True
        self.built = needs_no_build(self)

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict:
        config = {**super().get_config(), "l1": self.l1, "l2": self.l2}
        config.pop("activity_regularizer", None)  # made from these two
        return config
