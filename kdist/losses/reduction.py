"""From losses per sample to one loss: weights, masks, and one reduction over the global batch.

A reduction is a numerator and a denominator, summed apart over the replicas, and divided once:
never a mean of the replicas' means. Per replica the loss is scaled so that the mean over replicas
is the global loss (see `kdist.core.replicas`).
"""

from __future__ import annotations

import math
from typing import Any

from kdist import ops
from kdist.core.replicas import Replicas

_REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def standardize_reduction(reduction: str | None) -> str | None:
    """`reduction` itself. Raises: ValueError if it is not one of those known."""
    if reduction not in _REDUCTIONS:
        known = ", ".join(map(repr, _REDUCTIONS))
        raise ValueError(
            f"Invalid value for argument: reduction={reduction!r} is not known. Use one of {known}."
        )
    return reduction


def squeeze_or_expand_to_same_rank(x1: Any, x2: Any, expand_rank_1: bool = True) -> tuple[Any, Any]:
    """`x1` and `x2` with one rank, where they differ by a last dim of size 1.

    The dim is taken off, or, with `expand_rank_1`, added if the other one is a vector.
    """
    r1, r2 = len(x1.shape), len(x2.shape)
    if r1 == r2:
        return x1, x2
    if r1 == r2 + 1 and x1.shape[-1] == 1:
        if r2 == 1 and expand_rank_1:
            return x1, ops.expand_dims(x2, -1)
        return ops.squeeze(x1, -1), x2
    if r2 == r1 + 1 and x2.shape[-1] == 1:
        if r1 == 1 and expand_rank_1:
            return ops.expand_dims(x1, -1), x2
        return x1, ops.squeeze(x2, -1)
    return x1, x2


def leading(x: Any, like: Any) -> Any:
    """`x`, whose dims are the leading dims of `like`, with dims of size 1 appended to its rank."""
    for _ in range(len(like.shape) - len(x.shape)):
        x = ops.expand_dims(x, -1)
    return x


def applies(sample_mask: Any, x: Any) -> bool:
    """Whether `sample_mask` (batch,) speaks of the rows of `x`: whether the lengths agree."""
    if sample_mask is None or len(x.shape) == 0:
        return False
    rows, masked = x.shape[0], sample_mask.shape[0]
    return rows is None or masked is None or rows == masked


def sums_batch(axes: Any, rank: int) -> bool:
    """Whether a sum along `axes` (int, several, or None for all) of `rank` dims sums the batch."""
    if axes is None:
        return True
    return 0 in [a % rank for a in (axes if isinstance(axes, list | tuple) else (axes,))]


def merge_masks(keras_mask: Any, sample_mask: Any) -> Any:
    """Both masks as one bool tensor of the first one's shape; None if there is none."""
    if keras_mask is None:
        return sample_mask
    keras_mask = ops.cast(keras_mask, "bool")
    if not applies(sample_mask, keras_mask):
        return keras_mask
    return ops.logical_and(keras_mask, leading(sample_mask, keras_mask))


def partial(
    values: Any, sample_weight: Any, mask: Any, reduction: str | None
) -> tuple[Any, Any, bool]:
    """This replica's part of the reduction.

    Arguments:
        values: losses per sample, (batch, ...).
        sample_weight: None, or a tensor of the leading dims of `values`.
        mask: None, or a bool tensor of the leading dims of `values`; False counts nowhere.
        reduction: as in `Loss`.

    Returns: the numerator (for "none" the weighted values themselves); the denominator, a tensor,
    an int where it is known beforehand, or None; and whether it may differ between replicas.
    """
    weight = sample_weight
    if weight is not None:
        values, weight = squeeze_or_expand_to_same_rank(values, ops.cast(weight, ops.dtype(values)))
        weight = leading(weight, values)
    if mask is not None:
        values, mask = squeeze_or_expand_to_same_rank(values, mask)
        # Selected rather than multiplied by 0: a NaN in padding must not spread.
        mask = leading(mask, values)
        values = ops.where(mask, values, ops.zeros_like(values))
    weighted = values if weight is None else ops.multiply(values, weight)
    if reduction in (None, "none"):
        return weighted, None, False
    total = ops.sum(weighted)
    if reduction == "sum":
        return total, None, False
    if reduction == "mean_with_sample_weight" and weight is not None:
        counted = weight if mask is None else ops.where(mask, weight, ops.zeros_like(weight))
        return total, ops.sum(counted), True
    if mask is not None:
        ones = ops.ones_like(values)
        return total, ops.sum(ops.where(mask, ones, ops.zeros_like(ones))), True
    shape = tuple(weighted.shape)
    return total, ops.sum(ops.ones_like(weighted)) if None in shape else math.prod(shape), False


def combine(numerator: Any, denominator: Any, varies: bool, replicas: Replicas) -> Any:
    """The loss of this replica, of which the mean over replicas is the global loss."""
    if denominator is None:
        return numerator if replicas.count == 1 else ops.multiply(numerator, replicas.count)
    if varies and replicas.count > 1:
        numerator = ops.multiply(numerator, replicas.count)
        denominator = replicas.all_sum(denominator)
    if isinstance(denominator, int):
        return ops.divide(numerator, denominator) if denominator else numerator
    return ops.divide_no_nan(numerator, denominator)
