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
        x: any shape.
        negative_slope: factor below `threshold`.
        max_value: upper limit; None: none.
        threshold: values up to it count as negative: the result is 0 or negative_slope * (x -
            threshold).

    Returns: a tensor of the shape of `x`.

    Example:
        >>> activations.relu([-1.0, 2.0, 9.0], max_value=6.0)
        tensor([0., 2., 6.])
        >>> activations.relu([-1.0, 0.5, 2.0], negative_slope=0.1, threshold=1.0)
        tensor([-0.2000, -0.0500,  2.0000])
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
    """`x` where positive, else `negative_slope * x`.

    Example:
        >>> activations.leaky_relu([-1.0, 2.0], negative_slope=0.1)
        tensor([-0.1000,  2.0000])
    """
    return ops.leaky_relu(x, negative_slope=negative_slope)


def relu6(x: Tensor) -> Tensor:
    """`min(max(x, 0), 6)`.

    Example:
        >>> activations.relu6([-1.0, 2.0, 9.0])
        tensor([0., 2., 6.])
    """
    return ops.relu6(x)


def softmax(x: Tensor, axis: Any = -1) -> Tensor:
    """`exp(x) / sum(exp(x))` along `axis`, an int or a tuple.

    Example:
        >>> activations.softmax([[0.0, math.log(3)]])
        tensor([[0.2500, 0.7500]])
    """
    return ops.softmax(x, axis=axis)


def log_softmax(x: Tensor, axis: Any = -1) -> Tensor:
    """`log(softmax(x))` without underflow, along `axis`, an int or a tuple.

    Example:
        >>> activations.log_softmax([[0.0, math.log(3)]])  # log(1/4), log(3/4)
        tensor([[-1.3863, -0.2877]])
    """
    return ops.log_softmax(x, axis=axis)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """`x` where positive, else alpha * (exp(x) - 1).

    Clevert et al. 2015, https://arxiv.org/abs/1511.07289.

    Arguments:
        x: any shape.
        alpha: minus the limit far below 0; 1 makes the slope continuous at 0.

    Example:
        >>> activations.elu([-1.0, 2.0])
        tensor([-0.6321,  2.0000])
    """
    return ops.elu(x, alpha=alpha)


def selu(x: Tensor) -> Tensor:
    """Scaled elu that keeps mean 0 and variance 1, with lecun_normal kernels and AlphaDropout.

    `1.0507 * elu(x, 1.6733)`: Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.

    Example:
        >>> activations.selu([-1.0, 1.0])
        tensor([-1.1113,  1.0507])
    """
    return ops.selu(x)


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)).

    Barron 2017, https://arxiv.org/abs/1704.07483.

    Arguments:
        x: any shape.
        alpha: minus the limit far below 0, not 0; the slope is continuous at 0 for any.

    Example:
        >>> activations.celu([-1.0, 2.0], alpha=2.0)
        tensor([-0.7869,  2.0000])
    """
    return ops.celu(x, alpha=alpha)


def softplus(x: Tensor) -> Tensor:
    """`log(1 + exp(x))`.

    Example:
        >>> activations.softplus([-1000.0, 0.0, 10.0])
        tensor([ 0.0000,  0.6931, 10.0000])
    """
    return ops.softplus(x)


def softsign(x: Tensor) -> Tensor:
    """`x / (1 + |x|)`.

    Example:
        >>> activations.softsign([-1.0, 3.0])
        tensor([-0.5000,  0.7500])
    """
    return ops.softsign(x)


def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """`x` moved towards 0 by `threshold`, and 0 within it.

    Example:
        >>> activations.soft_shrink([-1.0, 0.2, 2.0])
        tensor([-0.5000,  0.0000,  1.5000])
    """
    return ops.soft_shrink(x, threshold=threshold)


def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """`x` where `|x| > threshold`, else 0.

    Example:
        >>> activations.hard_shrink([-1.0, 0.2, 2.0])
        tensor([-1.,  0.,  2.])
    """
    return ops.hard_shrink(x, threshold=threshold)


def tanh_shrink(x: Tensor) -> Tensor:
    """`x - tanh(x)`.

    Example:
        >>> activations.tanh_shrink([-1.0, 0.0, 1.0])
        tensor([-0.2384,  0.0000,  0.2384])
    """
    return ops.tanh_shrink(x)


def sparse_plus(x: Tensor) -> Tensor:
    """0 for `x` up to -1, (x + 1)^2 / 4 up to 1, then `x` itself.

    Example:
        >>> activations.sparse_plus([-2.0, 0.0, 2.0])
        tensor([0.0000, 0.2500, 2.0000])
    """
    return ops.sparse_plus(x)


def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2, a smooth relu. Barron 2021, https://arxiv.org/abs/2112.11687.

    Arguments:
        x: any shape.
        b: how wide the bend is: the result at 0 is sqrt(b) / 2, and 0 gives relu.

    Example:
        >>> activations.squareplus([-3.0, 0.0, 3.0])
        tensor([0.3028, 1.0000, 3.3028])
    """
    return ops.squareplus(x, b=b)


def silu(x: Tensor) -> Tensor:
    """`x * sigmoid(x)`; also known as swish.

    Example:
        >>> activations.silu([-1.0, 0.0, 1.0])
        tensor([-0.2689,  0.0000,  0.7311])
    """
    return ops.silu(x)


def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """`x` times the standard normal distribution function of `x`, exact unless `approximate`.

    Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415.

    Example:
        >>> activations.gelu([-1.0, 0.0, 1.0])
        tensor([-0.1587,  0.0000,  0.8413])
    """
    return ops.gelu(x, approximate=approximate)


def glu(x: Tensor, axis: int = -1) -> Tensor:
    """a * sigmoid(b), a and b the halves of `x` along `axis`, whose size must be even.

    Dauphin et al. 2016, https://arxiv.org/abs/1612.08083.

    Example:
        >>> activations.glu([1.0, 2.0, 0.0, math.log(3)])
        tensor([0.5000, 1.5000])
    """
    return ops.glu(x, axis=axis)


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent of `x`, between -1 and 1.

    Example:
        >>> activations.tanh([-1000.0, 0.0, math.log(2)])
        tensor([-1.0000,  0.0000,  0.6000])
    """
    return ops.tanh(x)


def sigmoid(x: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`.

    Example:
        >>> activations.sigmoid([-1000.0, 0.0, math.log(3)])
        tensor([0.0000, 0.5000, 0.7500])
    """
    return ops.sigmoid(x)


def sparse_sigmoid(x: Tensor) -> Tensor:
    """`(x + 1) / 2` limited to 0..1.

    Example:
        >>> activations.sparse_sigmoid([-2.0, 0.5, 2.0])
        tensor([0.0000, 0.7500, 1.0000])
    """
    return ops.sparse_sigmoid(x)


def log_sigmoid(x: Tensor) -> Tensor:
    """`log(sigmoid(x))`.

    Example:
        >>> activations.log_sigmoid([0.0, -1.0])
        tensor([-0.6931, -1.3133])
    """
    return ops.log_sigmoid(x)


def hard_sigmoid(x: Tensor) -> Tensor:
    """`relu6(x + 3) / 6`.

    Example:
        >>> activations.hard_sigmoid([-3.0, 0.0, 1.5])
        tensor([0.0000, 0.5000, 0.7500])
    """
    return ops.hard_sigmoid(x)


def hard_silu(x: Tensor) -> Tensor:
    """`x * hard_sigmoid(x)`; also known as hard_swish. Howard et al. 2019,
    https://arxiv.org/abs/1905.02244.

    Example:
        >>> activations.hard_silu([-1.5, 1.5, 4.0])
        tensor([-0.3750,  1.1250,  4.0000])
    """
    return ops.hard_silu(x)


def hard_tanh(x: Tensor) -> Tensor:
    """`x` limited to -1..1.

    Example:
        >>> activations.hard_tanh([-2.0, 0.5])
        tensor([-1.0000,  0.5000])
    """
    return ops.hard_tanh(x)


def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """`x` where `x > threshold`, else `default_value`.

    Example:
        >>> activations.threshold([1.0, 3.0], 2.0, -5.0)
        tensor([-5.,  3.])
    """
    return ops.threshold(x, threshold, default_value)


def exponential(x: Tensor) -> Tensor:
    """`exp(x)`.

    Example:
        >>> activations.exponential([0.0, 1.0])
        tensor([1.0000, 2.7183])
    """
    return ops.exp(x)


def linear(x: Tensor) -> Tensor:
    """`x` itself.

    Example:
        >>> activations.linear(ops.array([-1.0, 2.0]))
        tensor([-1.,  2.])
    """
    return x


def mish(x: Tensor) -> Tensor:
    """`x * tanh(softplus(x))`. Misra 2019, https://arxiv.org/abs/1908.08681.

    Example:
        >>> activations.mish([-1.0, 0.0, 1.0])
        tensor([-0.3034,  0.0000,  0.8651])
    """
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """The point of the probability simplex nearest to `x`, along `axis`; it may have exact zeros.

    Martins and Astudillo 2016, https://arxiv.org/abs/1602.02068.

    Example:
        >>> activations.sparsemax([2.0, 1.5, 0.0])
        tensor([0.7500, 0.2500, 0.0000])
    """
    return ops.sparsemax(x, axis=axis)
