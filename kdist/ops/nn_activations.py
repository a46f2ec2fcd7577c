"""Elementwise nonlinearities, and those that normalise along one axis.

All keep the shape of `x` unless said.
"""

from __future__ import annotations

from typing import Any

from kdist.ops import explain_nn
from kdist.ops.declare import op
from kdist.ops.numpy_binary import (
    add,
    divide,
    greater,
    less_equal,
    maximum,
    minimum,
    multiply,
    subtract,
)
from kdist.ops.numpy_creation import arange, zeros_like
from kdist.ops.numpy_reductions import cumsum, sort, sum, where
from kdist.ops.numpy_shaping import flip, moveaxis
from kdist.ops.numpy_unary import absolute, sqrt, square, tanh

Tensor = Any


@op
def relu(x: Tensor) -> Tensor:
    """max(x, 0). Example: `relu([-1.0, 2.0])` gives `[0.0, 2.0]`."""


@op
def relu6(x: Tensor) -> Tensor:
    """min(max(x, 0), 6). Example: `relu6([-1.0, 9.0])` gives `[0.0, 6.0]`."""


@op
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """x where positive, else negative_slope * x.

    Example: `leaky_relu([-1.0, 2.0])` gives `[-0.2, 2.0]`.
    """


@op
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """x where positive, else alpha * (exp(x) - 1).

    Clevert et al. 2015, https://arxiv.org/abs/1511.07289.
    """


@op
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)).

    Barron 2017, https://arxiv.org/abs/1704.07483.
    """


@op
def selu(x: Tensor) -> Tensor:
    """1.0507 * elu(x, 1.6733), which keeps mean 0 and variance 1.

    Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.
    """


@op
def gelu(x: Tensor, approximate: bool = True) -> Tensor:
    """x times the standard normal distribution function of x.

    By tanh if `approximate`, else by erf.

    Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415.
    """


@op
def silu(x: Tensor) -> Tensor:
    """x * sigmoid(x). Example: `silu([0.0])` gives `[0.0]`."""


@op
def swish(x: Tensor) -> Tensor:
    """The same as `silu`."""
    return silu(x)


@op
def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)). Example: `sigmoid([0.0])` gives `[0.5]`."""


@op
def log_sigmoid(x: Tensor) -> Tensor:
    """log(sigmoid(x)) without underflow. Example: `log_sigmoid([0.0])` gives -log(2)."""


@op
def hard_sigmoid(x: Tensor) -> Tensor:
    """relu6(x + 3) / 6, a piecewise linear sigmoid.

    Example: `hard_sigmoid([-3.0, 0.0, 3.0])` gives `[0.0, 0.5, 1.0]`.
    """


@op
def hard_silu(x: Tensor) -> Tensor:
    """x * hard_sigmoid(x). Howard et al. 2019, https://arxiv.org/abs/1905.02244."""


@op
def hard_swish(x: Tensor) -> Tensor:
    """The same as `hard_silu`."""
    return hard_silu(x)


@op
def hard_tanh(x: Tensor) -> Tensor:
    """x limited to -1..1. Example: `hard_tanh([-2.0, 0.5])` gives `[-1.0, 0.5]`."""


@op
def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)) without overflow. Example: `softplus([0.0])` gives log(2)."""


@op
def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|). Example: `softsign([1.0])` gives `[0.5]`."""


@op
def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x moved towards 0 by `threshold`, and 0 within it.

    Example: `soft_shrink([-1.0, 0.2])` gives `[-0.5, 0.0]`.
    """


@op
def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """x where |x| > threshold, else 0. Example: `hard_shrink([-1.0, 0.2])` gives `[-1.0, 0.0]`."""
    return where(greater(absolute(x), threshold), x, zeros_like(x))


@op
def tanh_shrink(x: Tensor) -> Tensor:
    """x - tanh(x). Example: `tanh_shrink([0.0])` gives `[0.0]`."""
    return subtract(x, tanh(x))


@op
def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """x where x > threshold, else default_value.

    Example: `threshold([1.0, 3.0], 2.0, 0.0)` gives `[0.0, 3.0]`.
    """


@op
def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2, a smooth relu. Barron 2021, https://arxiv.org/abs/2112.11687."""
    return divide(add(x, sqrt(add(square(x), b))), 2)


@op
def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, (x + 1)^2 / 4 up to 1, then x.

    Example: `sparse_plus([-2.0, 0.0, 2.0])` gives `[0.0, 0.25, 2.0]`.
    """
    middle = multiply(square(add(x, 1)), 0.25)
    return where(less_equal(x, -1), zeros_like(x), where(less_equal(1, x), x, middle))


@op
def sparse_sigmoid(x: Tensor) -> Tensor:
    """(x + 1) / 2 limited to 0..1.

    Example: `sparse_sigmoid([-2.0, 0.0, 2.0])` gives `[0.0, 0.5, 1.0]`.
    """
    return multiply(add(minimum(maximum(x, -1), 1), 1), 0.5)


@op
def glu(x: Tensor, axis: int = -1) -> Tensor:
    """Halve `x` along `axis` into a and b, and return a * sigmoid(b).

    Dauphin et al. 2016, https://arxiv.org/abs/1612.08083.

    Raises: ValueError if the size of `axis` is odd.
    """


@op(explain=explain_nn.along_axis)
def softmax(x: Tensor, axis: Any = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along `axis`, an int or a tuple.

    Example: `softmax([0.0, 0.0])` gives `[0.5, 0.5]`.
    """


@op(explain=explain_nn.along_axis)
def log_softmax(x: Tensor, axis: Any = -1) -> Tensor:
    """log(softmax(x)) without underflow.

    Example: `log_softmax([0.0, 0.0])` gives `[-log(2), -log(2)]`.
    """


@op
def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """The nearest point of the probability simplex along `axis`; unlike softmax it has exact zeros.

    Martins and Astudillo 2016, https://arxiv.org/abs/1602.02068. Example: `sparsemax([2.0, 0.0])`
    gives `[1.0, 0.0]`.
    """
    z = moveaxis(x, axis, -1)
    ordered = flip(sort(z, axis=-1), axis=-1)
    totals = cumsum(ordered, axis=-1)
    ranks = arange(1, z.shape[-1] + 1, dtype=z.dtype)
    inside = greater(add(multiply(ranks, ordered), 1), totals)
    zero = zeros_like(z)
    size = sum(where(inside, add(zero, 1), zero), axis=-1, keepdims=True)
    total = sum(where(inside, ordered, zero), axis=-1, keepdims=True)
    return moveaxis(maximum(subtract(z, divide(subtract(total, 1), size)), 0), -1, axis)
