"""Counts of true and false positives and negatives at thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kdist import ops
from kdist.backend.variable import Variable
from kdist.core import config
from kdist.losses.reduction import leading, squeeze_or_expand_to_same_rank

LOWEST = -1e10  # below every score: all predictions that remain count as positive


def as_thresholds(thresholds: Any, default: float = 0.5) -> list[float]:
    """A list of thresholds from a float, a list or None. Raises: ValueError outside of [0, 1]."""
    if thresholds is None:
        return [default]
    listed = list(thresholds) if isinstance(thresholds, list | tuple) else [thresholds]
    wrong = [t for t in listed if t is None or not 0 <= t <= 1]
    if wrong:
        raise ValueError(
            f"Threshold values must be in [0, 1]. Received: {wrong} in thresholds={thresholds}."
        )
    return listed


def evenly_spread(thresholds: Sequence[float]) -> bool:
    """Whether the thresholds divide [0, 1] into equal parts (up to epsilon at the ends)."""
    n = len(thresholds)
    if n < 3:
        return False
    even = np.arange(n, dtype=np.float32) / (n - 1)
    return bool(np.allclose(thresholds, even, atol=config.epsilon()))


def keep_top_k(scores: Any, k: int) -> Any:
    """`scores` (..., classes) with all but the `k` largest replaced by `LOWEST`."""
    _, ids = ops.top_k(scores, k)
    classes = scores.shape[-1]
    kept = ops.sum(ops.one_hot(ids, classes, dtype=ops.dtype(scores)), axis=-2)
    return scores * kept + LOWEST * (1 - kept)


def count(
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float],
    sample_weight: Any = None,
    top_k: int | None = None,
    class_id: int | None = None,
    label_weights: Any = None,
    per_label: bool = False,
    dtype: str = "float32",
) -> dict[str, Any]:
    """Weighted counts at each threshold.

    Arguments:
        y_true: (batch, ...), 0 or 1.
        y_pred: the same shape, scores; above a threshold they are positive.
        thresholds: T ascending floats.
        sample_weight: None, or a tensor of the leading dims.
        top_k: only the `top_k` largest scores of each sample can be positive.
        class_id: look at this class of the last dim alone.
        label_weights: None, or (labels,), weights of the last dim.
        per_label: count each label of (batch, labels) apart.

    Returns: "tp", "fp", "fn", "tn": (T,), or (T, labels).
    """
    y_true, y_pred = ops.cast(y_true, dtype), ops.cast(y_pred, dtype)
    y_pred, y_true = squeeze_or_expand_to_same_rank(y_pred, y_true)
    if top_k is not None:
        y_pred = keep_top_k(y_pred, top_k)
    if class_id is not None:
        if len(y_pred.shape) == 1:
            raise ValueError(
                f"class_id={class_id} needs y_pred of (batch, classes), not a vector. Leave class_id out."
            )
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
    weight = ops.ones_like(y_pred)
    if sample_weight is not None:
        given = ops.cast(sample_weight, dtype)
        if len(given.shape) > len(y_pred.shape) and given.shape[-1] == 1:
            given = ops.squeeze(given, -1)
        weight = weight * leading(given, y_pred)
    if label_weights is not None:
        weight = weight * label_weights
    # Rows of labels: (labels, batch), or (1, all) where labels are not told apart.
    rows = lambda x: ops.transpose(x) if per_label else ops.reshape(x, (1, -1))
    label = ops.cast(ops.cast(y_true, "bool"), dtype)
    positives, negatives = rows(label * weight), rows((1.0 - label) * weight)
    over = _over_even if evenly_spread(thresholds) else _over
    tp, fp = (over(rows(y_pred), x, thresholds, dtype) for x in (positives, negatives))
    fn = ops.expand_dims(ops.sum(positives, axis=1), 1) - tp
    tn = ops.expand_dims(ops.sum(negatives, axis=1), 1) - fp
    shaped = ops.transpose if per_label else lambda x: ops.reshape(x, (-1,))
    return {"tp": shaped(tp), "fp": shaped(fp), "fn": shaped(fn), "tn": shaped(tn)}


def _over(scores: Any, weight: Any, thresholds: Sequence[float], dtype: str) -> Any:
    """(labels, T): the weight of the scores (labels, batch) above each threshold."""
    limits = ops.reshape(ops.convert_to_tensor(list(thresholds), dtype=dtype), (1, -1, 1))
    above = ops.cast(ops.greater(ops.expand_dims(scores, 1), limits), dtype)
    return ops.sum(above * ops.expand_dims(weight, 1), axis=2)


def _over_even(scores: Any, weight: Any, thresholds: Sequence[float], dtype: str) -> Any:
    """As `_over` for T evenly spread thresholds, in O(batch + T): a histogram, summed from the end.

    A score lies above the thresholds 0 ... `ceil(score * (T - 1)) - 1`.
    """
    labels, n = scores.shape[0], len(thresholds)
    bucket = ops.ceil(ops.clip(scores, 0.0, 1.0) * (n - 1.0))
    if thresholds[0] < 0:
        bucket = ops.maximum(bucket, 1.0)
    offset = ops.reshape(ops.arange(labels, dtype="int32"), (-1, 1)) * (n + 1)
    ids = ops.reshape(ops.cast(bucket, "int32") + offset, (-1,))
    histogram = ops.segment_sum(ops.reshape(weight, (-1,)), ids, num_segments=labels * (n + 1))
    histogram = ops.reshape(histogram, (labels, n + 1))
    from_end = ops.flip(ops.cumsum(ops.flip(histogram, axis=1), axis=1), axis=1)
    return from_end[:, 1:]


def add_counts(variables: dict[str, Variable], counts: dict[str, Any]) -> None:
    """Add each count to the variable of its name."""
    for name, variable in variables.items():
        variable.assign_add(counts[name])
