"""Mean and variance where some elements do not count or other replicas hold part of the batch."""

from __future__ import annotations

import math
from typing import Any

from kdist import ops
from kdist.core.replicas import replicas


def row_weights(x: Any, mask: Any, rows: Any, name: str) -> Any:
    """1.0 for elements that count and 0.0 for the others, shaped to broadcast against `x`.

    None if all count.

    Arguments:
        x: (batch, ...).
        mask: bool, the shape of `x` without its last axis, or None.
        rows: (batch,) bool, False on rows of padding, or None.
        name: of the layer, for the message.

    Raises: ValueError if the rows of `x` are not those of the batch.
    """
    weights = None
    rank = len(x.shape)
    if mask is not None:
        weights = ops.cast(ops.expand_dims(mask, -1), x.dtype)
    if rows is not None:
        have, expected = x.shape[0], rows.shape[0]
        if have is not None and expected is not None and have != expected:
            if have % expected:
                raise ValueError(
                    f"Layer {name!r}: its input has {have} rows and the batch {expected}, so "
                    "that the rows which only pad the batch "
                    "cannot be told. Keep the batch as the first axis of the input of a "
                    "BatchNormalization."
                )
            # (batch, steps, ...) reshaped to (batch * steps, ...).
            rows = ops.repeat(rows, have // expected, axis=0)
        rows = ops.reshape(ops.cast(rows, x.dtype), (-1, *(1,) * (rank - 1)))
        weights = rows if weights is None else ops.multiply(weights, rows)
    return weights


def masked_moments(x: Any, weights: Any, axes: tuple, shared: bool) -> tuple[Any, Any]:
    """Mean and variance, shape (channels,), of the elements that count; 0 where none does.

    Where all count, they are found by the backend's own kernel.

    Replicas exchange count, mean and sum of squared deviations in one message, which are then
    combined as in Chan et al. 1979
    (http://i.stanford.edu/pub/cstr/reports/cs/tr/79/773/CS-TR-79-773.pdf): a difference of large
    sums of squares would lose a variance that is small against the mean.

    Arguments:
        x: a float tensor.
        weights: from `row_weights`.
        axes: all axes but the channels'.
        shared: over all replicas.
    """
    count, mean, squares = _of_all(x, axes) if weights is None else _of_some(x, weights, axes)
    if shared:
        count, mean, squares = _combine(count, mean, squares)
    return mean, ops.divide(squares, ops.maximum(count, 1.0))


def _of_all(x: Any, axes: tuple) -> tuple[Any, Any, Any]:
    """Count, mean and sum of squared deviations, each (channels,)."""
    mean, variance = ops.moments(x, axes)
    sizes = ops.shape(x)
    count = ops.cast(math.prod(sizes[axis] for axis in axes), x.dtype)
    return ops.multiply(ops.ones_like(mean), count), mean, ops.multiply(variance, count)


def _of_some(x: Any, weights: Any, axes: tuple) -> tuple[Any, Any, Any]:
    """The same of the elements whose weight is not 0."""
    channel = next(i for i in range(len(x.shape)) if i not in axes)
    shape = tuple(-1 if i == channel else 1 for i in range(len(x.shape)))
    counted = ops.broadcast_to(weights, ops.shape(x))
    real = lambda v: ops.where(ops.greater(counted, 0.0), v, ops.zeros_like(v))
    count = ops.sum(counted, axis=axes)
    mean = ops.divide(ops.sum(real(x), axis=axes), ops.maximum(count, 1.0))
    deviation = real(ops.subtract(x, ops.reshape(mean, shape)))
    return count, mean, ops.sum(ops.square(deviation), axis=axes)


def _combine(count: Any, mean: Any, squares: Any) -> tuple[Any, Any, Any]:
    """Count, mean and sum of squared deviations, each (channels,), of all replicas together."""
    step = replicas()
    place = ops.cast(ops.equal(ops.arange(step.count), step.index), mean.dtype)
    place = ops.reshape(place, (step.count, 1, 1))  # 1 for this replica, 0 for the others
    own = ops.stack([count, mean, squares])
    parts = step.all_sum(ops.multiply(place, own))  # (replicas, 3, channels)
    counts, means, deviations = parts[:, 0], parts[:, 1], parts[:, 2]
    total = ops.sum(counts, axis=0)
    mean = ops.divide(ops.sum(ops.multiply(counts, means), axis=0), ops.maximum(total, 1.0))
    between = ops.multiply(counts, ops.square(ops.subtract(means, mean)))
    return total, mean, ops.sum(ops.add(deviations, between), axis=0)
