"""Keras's activation functions: ops under the names and defaults that layers and files use."""

from __future__ import annotations

from typing import Any

from kdist import ops

Tensor = Any


def relu(
    x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """max(x, 0), with options.

    Arguments:
        negative_slope: factor below `threshold`.
        max_value: upper limit; None: none.
        threshold: values up to it count as negative: the result is 0 or negative_slope * (x -
            threshold).

    Example: `relu(x, max_value=6.0)`.
    """
    if negative_slope == 0.0 and threshold == 0.0:
        if max_value is None:
            return ops.relu(x)
        return ops.relu6(x) if max_value == 6 else ops.clip(x, 0, max_value)
    if negative_slope and max_value is None and threshold == 0.0:
        return ops.leaky_relu(x, negative_slope=negative_slope)
    kept = x if threshold == 0.0 else ops.where(ops.greater(x, threshold), x, ops.zeros_like(x))
    kept = ops.relu(kept) if max_value is None else ops.clip(kept, 0, max_value)
    if not negative_slope:
        return kept
    below = ops.minimum(ops.subtract(x, threshold), 0)
    return ops.add(kept, ops.multiply(below, negative_slope))


def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """x where positive, else negative_slope * x."""
    return ops.leaky_relu(x, negative_slope=negative_slope)


def relu6(x: Tensor) -> Tensor:
    """min(max(x, 0), 6)."""
    return ops.relu6(x)


def softmax(x: Tensor, axis: Any = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along `axis`, an int or a tuple."""
    return ops.softmax(x, axis=axis)


def log_softmax(x: Tensor, axis: Any = -1) -> Tensor:
    """log(softmax(x)) without underflow."""
    return ops.log_softmax(x, axis=axis)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x where positive, else alpha * (exp(x) - 1)."""
    return ops.elu(x, alpha=alpha)


def selu(x: Tensor) -> Tensor:
    """Scaled elu that keeps mean 0 and variance 1, with lecun_normal kernels and AlphaDropout."""
    return ops.selu(x)


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))."""
    return ops.celu(x, alpha=alpha)


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x))."""
    return ops.softplus(x)


def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return ops.softsign(x)


def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x moved towards 0 by `threshold`, and 0 within it."""
    return ops.soft_shrink(x, threshold=threshold)


def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x where |x| > threshold, else 0."""
    return ops.hard_shrink(x, threshold=threshold)


def tanh_shrink(x: Tensor) -> Tensor:
    """x - tanh(x)."""
    return ops.tanh_shrink(x)


def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, (x + 1)^2 / 4 up to 1, then x."""
    return ops.sparse_plus(x)


def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2."""
    return ops.squareplus(x, b=b)


def silu(x: Tensor) -> Tensor:
    """x * sigmoid(x); also known as swish."""
    return ops.silu(x)


def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """x times the standard normal distribution function of x, exact unless `approximate`."""
    return ops.gelu(x, approximate=approximate)


def glu(x: Tensor, axis: int = -1) -> Tensor:
    """a * sigmoid(b), a and b the halves of `x` along `axis`."""
    return ops.glu(x, axis=axis)


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return ops.tanh(x)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return ops.sigmoid(x)


def sparse_sigmoid(x: Tensor) -> Tensor:
    """(x + 1) / 2 limited to 0..1."""
    return ops.sparse_sigmoid(x)


def log_sigmoid(x: Tensor) -> Tensor:
    """log(sigmoid(x))."""
    return ops.log_sigmoid(x)


def hard_sigmoid(x: Tensor) -> Tensor:
    """relu6(x + 3) / 6."""
    return ops.hard_sigmoid(x)


def hard_silu(x: Tensor) -> Tensor:
    """x * hard_sigmoid(x); also known as hard_swish."""
    return ops.hard_silu(x)


def hard_tanh(x: Tensor) -> Tensor:
    """x limited to -1..1."""
    return ops.hard_tanh(x)


def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """x where x > threshold, else default_value."""
    return ops.threshold(x, threshold, default_value)


def exponential(x: Tensor) -> Tensor:
    """exp(x)."""
    return ops.exp(x)


def linear(x: Tensor) -> Tensor:
    """x itself."""
    return x


def mish(x: Tensor) -> Tensor:
    """x * tanh(softplus(x)). Misra 2019, https://arxiv.org/abs/1908.08681."""
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """The nearest point of the probability simplex along `axis`."""
    return ops.sparsemax(x, axis=axis)
