"""The harmonic mean of precision and recall."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.core import config
from kdist.metrics.metric import Metric

_AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """`(1 + beta**2) * precision * recall / (beta**2 * precision + recall)`.

    Arguments:
        average: None, one score per class; "micro", from the counts of all classes together;
            "macro", the mean over classes; "weighted", the mean weighted by the classes' labels.
        beta: float > 0, how many times as much recall matters as precision.
        threshold: scores above it are positive; None: the largest score of each sample.
        name, dtype: as in `Metric`.

    `update_state` takes one-hot or multi-hot labels and scores of (batch, classes).
    Raises: ValueError for another `average`, `beta` or `threshold`, and for other shapes.

    Example:
        >>> labels, scores = [[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]
        >>> metrics.FBetaScore(beta=2.0)(labels, scores)  # precision 1 and 1/2, recall 1/2 and 1
        tensor([0.5556, 0.8333])
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if average not in _AVERAGES:
            raise ValueError(
                f"average={average!r} of {type(self).__name__}: use one of {_AVERAGES}."
            )
        if not isinstance(beta, float) or beta <= 0.0:
            raise ValueError(f"beta={beta!r} of {type(self).__name__} must be a float > 0.")
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise ValueError(f"threshold={threshold!r} must be None or a float in (0, 1].")
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def _build(self, true_shape: Any, pred_shape: Any) -> None:
        if len(pred_shape) != 2 or len(true_shape) != 2 or pred_shape[-1] is None:
            raise ValueError(
                f"{type(self).__name__} takes labels and scores of (batch, classes) with classes "
                f"known, and received {tuple(true_shape)} and {tuple(pred_shape)}."
            )
        shape = () if self.average == "micro" else (pred_shape[-1],)
        add = lambda name: self.add_variable(shape, "zeros", self.dtype, name=name)
        self.true_positives = add("true_positives")
        self.false_positives = add("false_positives")
        self.false_negatives = add("false_negatives")
        self.intermediate_weights = add("intermediate_weights")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        if self.threshold is None:
            largest = ops.greater_equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
            positive = ops.logical_and(largest, ops.greater(ops.abs(y_pred), 1e-9))
        else:
            positive = ops.greater(y_pred, self.threshold)
        positive = ops.cast(positive, self.dtype)
        axis = None if self.average == "micro" else 0
        weight = None
        if sample_weight is not None:
            weight = ops.expand_dims(ops.convert_to_tensor(sample_weight, dtype=self.dtype), 1)
        add = lambda x: ops.sum(x if weight is None else x * weight, axis=axis)
        self.true_positives.assign_add(add(positive * y_true))
        self.false_positives.assign_add(add(positive * (1 - y_true)))
        self.false_negatives.assign_add(add((1 - positive) * y_true))
        self.intermediate_weights.assign_add(add(y_true))

    def result(self) -> Any:
        epsilon, square = config.epsilon(), self.beta**2
        tp = self.true_positives.value
        precision = tp / (tp + self.false_positives.value + epsilon)
        recall = tp / (tp + self.false_negatives.value + epsilon)
        score = precision * recall / (square * precision + recall + epsilon) * (1 + square)
        if self.average == "weighted":
            labels = self.intermediate_weights.value
            return ops.sum(score * labels / (ops.sum(labels) + epsilon))
        return score if self.average is None else ops.mean(score)

    def get_config(self) -> dict[str, Any]:
        config = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return {**super().get_config(), **config}


class F1Score(FBetaScore):
    """`2 * precision * recall / (precision + recall)`.

    Arguments:
        average, threshold, name, dtype: as in `FBetaScore`.

    Example:
        >>> labels, scores = [[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]
        >>> metrics.F1Score()(labels, scores)
        tensor([0.6667, 0.6667])
        >>> metrics.F1Score(average="micro")(labels, scores)
        tensor(0.6667)
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ):
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
