"""Ops that layers and losses use and for which some backends have one kernel.

They are kdist's own, not part of Keras's API.
"""

from __future__ import annotations

from typing import Any

from kdist.core import config
from kdist.ops import explain, explain_nn, explain_places
from kdist.ops.checks import at_least
from kdist.ops.core import cast
from kdist.ops.declare import op
from kdist.ops.math import logsumexp
from kdist.ops.nn_conv import conv
from kdist.ops.nn_losses import sparse_categorical_crossentropy
from kdist.ops.nn_norm import batch_normalization, moments
from kdist.ops.numpy_binary import add, equal, multiply, subtract
from kdist.ops.numpy_products import matmul
from kdist.ops.numpy_reductions import argmax, mean
from kdist.ops.numpy_shaping import expand_dims, reshape, squeeze, take, take_along_axis

Tensor = Any


@op(explain=explain_nn.linear)
def linear(x: Tensor, kernel: Tensor, bias: Any = None) -> Tensor:
    """x @ kernel + bias, in one kernel where the framework has one.

    Arguments:
        x: (..., in).
        kernel: (in, out).
        bias: (out,) or None.

    Returns: (..., out).

    Example:
        >>> ops.linear([[1.0, 2.0]], [[1.0, 0.0], [0.0, 10.0]], [0.5, 0.5])
        tensor([[ 1.5000, 20.5000]])
    """
    y = matmul(x, kernel)
    return y if bias is None else add(y, bias)


@op(explain=explain_nn.conv_with_bias)
def conv_with_bias(
    inputs: Tensor,
    kernel: Tensor,
    bias: Tensor,
    strides: Any = 1,
    padding: str = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """`conv`, plus `bias` (channels,) on each of the output's channels.

    Arguments:
        inputs, kernel, strides, padding, data_format, dilation_rate: as for `conv`.
        bias: (channels,).

    Example:
        >>> ops.conv_with_bias(ops.ones((1, 5, 1)), ops.ones((3, 1, 2)), [0.0, 0.5])
        tensor([[[3.0000, 3.5000],
                 [3.0000, 3.5000],
                 [3.0000, 3.5000]]])
    """
    out = conv(inputs, kernel, strides, padding, data_format, dilation_rate)
    if config.standardize_data_format(data_format) == "channels_first":
        bias = reshape(bias, (-1, *(1,) * (len(out.shape) - 2)))
    return add(out, bias)


@op(explain=explain_places.embedding_lookup)
def embedding_lookup(table: Tensor, ids: Tensor) -> Tensor:
    """Rows of `table` (rows, dim) at `ids` (any shape, int); gives (*ids.shape, dim).

    Example:
        >>> ops.embedding_lookup([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], [2, 0])
        tensor([[4., 5.],
                [0., 1.]])
    """
    return take(table, ids, axis=0)


@op(explain=explain_nn.integer_labels)
def softmax_crossentropy_with_integer_labels(
    labels: Tensor, logits: Tensor, axis: int = -1
) -> Tensor:
    """-log(softmax(logits)[label]) along `axis`.

    Arguments:
        labels: (...) int.
        logits: of one axis more, the classes', which is `axis`.

    Returns: (...). Computed as logsumexp(logits) - logits[label], without the whole log-softmax.

    Example:
        >>> ops.softmax_crossentropy_with_integer_labels([1, 0], [[0.0, 0.0], [0.0, 100.0]])
        tensor([  0.6931, 100.0000])
    """
    picked = squeeze(take_along_axis(logits, expand_dims(labels, axis), axis=axis), axis)
    return subtract(logsumexp(logits, axis=axis), picked)


@op(explain=explain_nn.mean_crossentropy)
def mean_sparse_categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False
) -> Tensor:
    """The mean of `sparse_categorical_crossentropy` over all elements, a scalar.

    Arguments:
        target: (...) int.
        output: (..., classes).
        from_logits: whether `output` still needs a softmax.

    Example:
        >>> ops.mean_sparse_categorical_crossentropy([1, 0], [[0.5, 0.5], [0.25, 0.75]])
        tensor(1.0397)
    """
    return mean(sparse_categorical_crossentropy(target, output, from_logits))


def _hits(op: str, target: Any, output: Any) -> None:
    classes = at_least(op, output, 1, "output")
    explain.broadcast(op, target, explain.Shaped(classes[:-1]))


@op(explain=_hits)
def sparse_hits(target: Tensor, output: Tensor) -> Tensor:
    """1.0 where the largest of `output` (..., classes) is number `target` (...), else 0.0.

    Example:
        >>> ops.sparse_hits([1, 1], [[0.1, 0.9], [0.8, 0.2]])
        tensor([1., 0.])
    """
    return cast(equal(target, argmax(output, axis=-1)), config.floatx())


@op(explain=explain_nn.batch_normalization_training)
def batch_normalization_training(
    x: Tensor, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> tuple[Tensor, Tensor, Tensor]:
    """`batch_normalization` by the batch's own statistics.

    Arguments:
        x: any rank; statistics are over all axes but `axis`, the channels'.
        offset, scale: (channels,) or None.
        epsilon: added to the variance.

    Returns: the output, shaped as `x`, and mean and variance of the batch, (channels,); the
        variance is the mean squared deviation. Take gradients of the output alone: some kernels
        give the statistics none.

    Example:
        >>> ops.batch_normalization_training(ops.array([[1.0], [3.0]]), axis=1)
        (tensor([[-0.9995],
                [ 0.9995]]), tensor([2.]), tensor([1.]))
    """
    rank = len(x.shape)
    mean, variance = moments(x, [i for i in range(rank) if i != axis % rank])
    return batch_normalization(x, mean, variance, axis, offset, scale, epsilon), mean, variance


@op(explain=lambda name, start, end, weight: explain.broadcast(name, start, end))
def weighted_step(start: Tensor, end: Tensor, weight: float) -> Tensor:
    """`start + (end - start) * weight`, of tensors of one shape and a number.

    Example:
        >>> ops.weighted_step(ops.array([0.0, 10.0]), ops.array([4.0, 0.0]), 0.25)
        tensor([1.0000, 7.5000])
    """
    return add(start, multiply(subtract(end, start), weight))
