"""Elementwise nonlinearities, and those that normalise along one axis.

All keep the shape of `x` unless said.
"""

from __future__ import annotations

from typing import Any

from kdist.ops import explain, explain_nn
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
from kdist.ops.promotion import to_float

Tensor = Any


@op
def relu(x: Tensor) -> Tensor:
    """`max(x, 0)`.

    Example:
        >>> ops.relu([-1.0, 2.0])
        tensor([0., 2.])
    """


@op
def relu6(x: Tensor) -> Tensor:
    """`min(max(x, 0), 6)`.

    Example:
        >>> ops.relu6([-1.0, 2.0, 9.0])
        tensor([0., 2., 6.])
    """


@op
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """`x` where positive, else `negative_slope * x`.

    Example:
        >>> ops.leaky_relu([-1.0, 2.0])
        tensor([-0.2000,  2.0000])
    """


@op
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """`x` where positive, else alpha * (exp(x) - 1).

    Clevert et al. 2015, https://arxiv.org/abs/1511.07289.

    Arguments:
        x: any shape.
        alpha: minus the limit far below 0; 1 makes the slope continuous at 0.

    Example:
        >>> ops.elu([-math.inf, -1.0, 2.0])
        tensor([-1.0000, -0.6321,  2.0000])
    """


@op
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)).

    Barron 2017, https://arxiv.org/abs/1704.07483.

    Arguments:
        x: any shape.
        alpha: minus the limit far below 0, not 0; the slope is continuous at 0 for any.

    Example:
        >>> ops.celu([-1.0, 2.0], alpha=2.0)
        tensor([-0.7869,  2.0000])
    """


@op
def selu(x: Tensor) -> Tensor:
    """`1.0507 * elu(x, 1.6733)`, which keeps mean 0 and variance 1.

    Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.

    Example:
        >>> ops.selu([-1.0, 0.0, 1.0])
        tensor([-1.1113,  0.0000,  1.0507])
    """


@op
def gelu(x: Tensor, approximate: bool = True) -> Tensor:
    """`x` times the standard normal distribution function of `x`.

    By tanh if `approximate`, else by erf.

    Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415.

    Example:
        >>> ops.gelu([-1.0, 0.0, 1.0], approximate=False)
        tensor([-0.1587,  0.0000,  0.8413])
    """


@op
def silu(x: Tensor) -> Tensor:
    """`x * sigmoid(x)`.

    Example:
        >>> ops.silu([-1.0, 0.0, 1.0])
        tensor([-0.2689,  0.0000,  0.7311])
    """


@op
def swish(x: Tensor) -> Tensor:
    """The same as `silu`: `x * sigmoid(x)`.

    Example:
        >>> ops.swish([-1.0, 0.0, 1.0])
        tensor([-0.2689,  0.0000,  0.7311])
    """
    return silu(x)


@op
def sigmoid(x: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`.

    Example:
        >>> ops.sigmoid([0.0, math.log(3)])
        tensor([0.5000, 0.7500])
    """


@op
def log_sigmoid(x: Tensor) -> Tensor:
    """`log(sigmoid(x))` without underflow.

    Example:
        >>> ops.log_sigmoid([0.0, -1000.0])
        tensor([-6.9315e-01, -1.0000e+03])
    """


@op
def hard_sigmoid(x: Tensor) -> Tensor:
    """`relu6(x + 3) / 6`, a piecewise linear sigmoid.

    Example:
        >>> ops.hard_sigmoid([-3.0, 0.0, 1.5])
        tensor([0.0000, 0.5000, 0.7500])
    """


@op
def hard_silu(x: Tensor) -> Tensor:
    """`x * hard_sigmoid(x)`. Howard et al. 2019, https://arxiv.org/abs/1905.02244.

    Example:
        >>> ops.hard_silu([-1.5, 1.5, 4.0])
        tensor([-0.3750,  1.1250,  4.0000])
    """


@op
def hard_swish(x: Tensor) -> Tensor:
    """The same as `hard_silu`: `x * hard_sigmoid(x)`.

    Example:
        >>> ops.hard_swish([-1.5, 1.5, 4.0])
        tensor([-0.3750,  1.1250,  4.0000])
    """
    return hard_silu(x)


@op
def hard_tanh(x: Tensor) -> Tensor:
    """`x` limited to -1..1.

    Example:
        >>> ops.hard_tanh([-2.0, 0.5])
        tensor([-1.0000,  0.5000])
    """


@op
def softplus(x: Tensor) -> Tensor:
    """`log(1 + exp(x))` without overflow.

    Example:
        >>> ops.softplus([0.0, 1000.0])
        tensor([6.9315e-01, 1.0000e+03])
    """


@op
def softsign(x: Tensor) -> Tensor:
    """`x / (1 + |x|)`.

    Example:
        >>> ops.softsign([-1.0, 3.0])
        tensor([-0.5000,  0.7500])
    """


@op
def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """`x` moved towards 0 by `threshold`, and 0 within it.

    Example:
        >>> ops.soft_shrink([-1.0, 0.2, 2.0])
        tensor([-0.5000,  0.0000,  1.5000])
    """


@op
def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """`x` where `|x| > threshold`, else 0.

    Example:
        >>> ops.hard_shrink([-1.0, 0.2, 2.0])
        tensor([-1.,  0.,  2.])
    """
    x = to_float(x)
    return where(greater(absolute(x), threshold), x, zeros_like(x))


@op
def tanh_shrink(x: Tensor) -> Tensor:
    """`x - tanh(x)`.

    Example:
        >>> ops.tanh_shrink([-1.0, 0.0, 1.0])
        tensor([-0.2384,  0.0000,  0.2384])
    """
    return subtract(x, tanh(x))


@op
def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """`x` where `x > threshold`, else `default_value`.

    Example:
        >>> ops.threshold([1.0, 3.0], 2.0, -5.0)
        tensor([-5.,  3.])
    """


@op
def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2, a smooth relu. Barron 2021, https://arxiv.org/abs/2112.11687.

    Arguments:
        x: any shape.
        b: how wide the bend is: the result at 0 is sqrt(b) / 2, and 0 gives relu.

    Example:
        >>> ops.squareplus([-3.0, 0.0, 3.0])
        tensor([0.3028, 1.0000, 3.3028])
    """
    return divide(add(x, sqrt(add(square(x), b))), 2)


@op
def sparse_plus(x: Tensor) -> Tensor:
    """0 for `x` up to -1, (x + 1)^2 / 4 up to 1, then `x` itself.

    Example:
        >>> ops.sparse_plus([-2.0, 0.0, 2.0])
        tensor([0.0000, 0.2500, 2.0000])
    """
    middle = multiply(square(add(x, 1)), 0.25)
    return where(less_equal(x, -1), zeros_like(x), where(less_equal(1, x), x, middle))


@op
def sparse_sigmoid(x: Tensor) -> Tensor:
    """`(x + 1) / 2` limited to 0..1.

    Example:
        >>> ops.sparse_sigmoid([-2.0, 0.5, 2.0])
        tensor([0.0000, 0.7500, 1.0000])
    """
    return multiply(add(minimum(maximum(x, -1), 1), 1), 0.5)


@op(explain=explain_nn.glu)
def glu(x: Tensor, axis: int = -1) -> Tensor:
    """Halve `x` along `axis` into a and b, and return a * sigmoid(b).

    Dauphin et al. 2016, https://arxiv.org/abs/1612.08083.

    Raises: ValueError if the size of `axis` is odd.

    Example:
        >>> ops.glu([1.0, 2.0, 0.0, math.log(3)])
        tensor([0.5000, 1.5000])
    """


@op(explain=explain_nn.over_axis)
def softmax(x: Tensor, axis: Any = -1) -> Tensor:
    """`exp(x) / sum(exp(x))` along `axis`, an int or a tuple.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.softmax([0.0, math.log(3)])
        tensor([0.2500, 0.7500])
        >>> ops.softmax([[0.0, 0.0], [0.0, 0.0]], axis=(0, 1))
        tensor([[0.2500, 0.2500],
                [0.2500, 0.2500]])
    """


@op(explain=explain_nn.over_axis)
def log_softmax(x: Tensor, axis: Any = -1) -> Tensor:
    """`log(softmax(x))` without underflow.

    Arguments:
        axis: int or a tuple.

    Raises: ValueError for an axis that `x` has not.

    Example:
        >>> ops.log_softmax([0.0, -1000.0])
        tensor([    0., -1000.])
    """


@op(explain=explain.axis_of_x)
def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """The point of the probability simplex nearest to `x`, along `axis`.

    Unlike softmax it has exact zeros.

    Martins and Astudillo 2016, https://arxiv.org/abs/1602.02068.

    Example:
        >>> ops.sparsemax([2.0, 1.5, 0.0])
        tensor([0.7500, 0.2500, 0.0000])
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
