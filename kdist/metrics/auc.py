"""The area under the ROC or the precision-recall curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist import ops
from kdist.core import config, serialization
from kdist.metrics import counting
from kdist.metrics.metric import Metric

_CURVES = ("ROC", "PR", "PRGAIN")
_METHODS = ("interpolation", "minoring", "majoring")


class AUC(Metric):
    """The area under a curve of rates, from counts at thresholds.

    Arguments:
        num_thresholds: int > 1, how many thresholds, evenly spread over [0, 1].
        curve: "ROC" (recall against the false positives' rate), "PR" (precision against recall) or
            "PRGAIN" (Flach and Kull 2015).
        summation_method: "interpolation", the trapezoidal rule, and for "PR" the interpolation of
            Davis and Goadrich (2006, https://doi.org/10.1145/1143844.1143874); "minoring" or
            "majoring", sums from below or above.
        name, dtype: as in `Metric`.
        thresholds: a list of floats in (0, 1), in place of `num_thresholds`.
        multi_label: take the area for each label of (batch, labels), and average.
        num_labels: with `multi_label`, the number of labels, if it is known beforehand.
        label_weights: list of weights of the labels: of the areas with `multi_label`, else of the
            counts.
        from_logits: whether predictions still need a sigmoid.

    Raises: ValueError for another curve or method, for `num_thresholds` below 2, and for
        `num_labels` without `multi_label`.

    Example:
        >>> metrics.AUC()([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])  # 3 of 4 pairs are in order
        tensor(0.7500)
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        if str(curve).upper() not in _CURVES:
            raise ValueError(f'Invalid AUC curve value: "{curve}". Use one of {_CURVES}.')
        if str(summation_method).lower() not in _METHODS:
            raise ValueError(
                f'Invalid AUC summation method value: "{summation_method}". Use one of {_METHODS}.'
            )
        if thresholds is None and num_thresholds <= 1:
            raise ValueError(
                "Argument `num_thresholds` must be an integer > 1. "
                f"Received: num_thresholds={num_thresholds}."
            )
        if num_labels and not multi_label:
            raise ValueError(f"num_labels={num_labels} of AUC is for multi_label=True only.")
        super().__init__(name=name, dtype=dtype)
        self._given_thresholds = None if thresholds is None else sorted(thresholds)
        if self._given_thresholds is not None:
            inner = counting.as_thresholds(self._given_thresholds)
        else:
            inner = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        epsilon = config.epsilon()
        # One threshold below every score and one above.
        self._thresholds = [0.0 - epsilon, *inner, 1.0 + epsilon]
        self.num_thresholds = len(self._thresholds)
        self.curve = str(curve).upper()
        self.summation_method = str(summation_method).lower()
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = label_weights
        self._from_logits = from_logits
        self._built = False
        if not multi_label or num_labels:
            self._build(num_labels)

    @property
    def thresholds(self) -> list[float]:
        return self._thresholds

    def _build(self, labels: int | None) -> None:
        shape = (self.num_thresholds, labels) if self.multi_label else (self.num_thresholds,)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self.false_positives = self.add_variable(shape, "zeros", name="false_positives")
        self.true_negatives = self.add_variable(shape, "zeros", name="true_negatives")
        self.false_negatives = self.add_variable(shape, "zeros", name="false_negatives")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Arguments:
            y_true: labels 0 or 1.
            y_pred: scores of the same shape.
            sample_weight: weights of the leading dims; None: 1.
        """
        y_pred = ops.convert_to_tensor(y_pred)
        if not self._built:
            if len(y_pred.shape) != 2:
                shape = tuple(y_pred.shape)
                raise ValueError(
                    f"AUC(multi_label=True) takes y_pred of (batch, labels), not {shape}."
                )
            self._build(y_pred.shape[1])
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        weights = None
        if self.label_weights is not None and not self.multi_label:
            weights = ops.convert_to_tensor(np.asarray(self.label_weights), dtype="float32")
        counts = counting.count(
            y_true,
            y_pred,
            self._thresholds,
            sample_weight,
            label_weights=weights,
            per_label=self.multi_label,
        )
        variables = {
            "tp": self.true_positives,
            "fp": self.false_positives,
            "tn": self.true_negatives,
            "fn": self.false_negatives,
        }
        counting.add_counts(variables, counts)

    def result(self) -> Any:
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._over_labels(self._interpolated_pr())
        x, y = self._axes()
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2.0
        elif self.summation_method == "minoring":
            heights = ops.minimum(y[:-1], y[1:])
        else:
            heights = ops.maximum(y[:-1], y[1:])
        return self._over_labels((x[:-1] - x[1:]) * heights)

    def _axes(self) -> tuple[Any, Any]:
        tp, fp = self.true_positives.value, self.false_positives.value
        tn, fn = self.true_negatives.value, self.false_negatives.value
        divide = ops.divide_no_nan
        if self.curve == "ROC":
            return divide(fp, fp + tn), divide(tp, tp + fn)
        if self.curve == "PR":
            return divide(tp, tp + fn), divide(tp, tp + fp)
        odds = divide(tp + fn, tn + fp)
        none = ops.equal(tp, 0.0)
        recall_gain = ops.where(none, ops.zeros_like(tp), 1.0 - odds * divide(fn, tp))
        precision_gain = ops.where(none, ops.ones_like(tp), 1.0 - odds * divide(fp, tp))
        return ops.maximum(recall_gain, 0.0), precision_gain

    def _interpolated_pr(self) -> Any:
        """Areas between thresholds, with tp linear in tp + fp: `tp = slope * p + intercept`."""
        tp, fn = self.true_positives.value, self.false_negatives.value
        p = tp + self.false_positives.value
        dtp = tp[:-1] - tp[1:]
        slope = ops.divide_no_nan(dtp, ops.maximum(p[:-1] - p[1:], 0.0))
        intercept = tp[1:] - slope * p[1:]
        both = ops.logical_and(ops.greater(p[:-1], 0), ops.greater(p[1:], 0))
        ratio = ops.divide_no_nan(p[:-1], ops.maximum(p[1:], 0.0))
        ratio = ops.where(both, ratio, ops.ones_like(ratio))
        area = slope * (dtp + intercept * ops.log(ratio))
        return ops.divide_no_nan(area, ops.maximum(tp[1:] + fn[1:], 0.0))

    def _over_labels(self, areas: Any) -> Any:
        if not self.multi_label:
            return ops.sum(areas)
        by_label = ops.sum(areas, axis=0)
        if self.label_weights is None:
            return ops.mean(by_label)
        weights = ops.convert_to_tensor(np.asarray(self.label_weights), dtype="float32")
        return ops.divide_no_nan(ops.sum(by_label * weights), ops.sum(weights))

    def get_config(self) -> dict[str, Any]:
        out = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self._from_logits,
        }
        if self._given_thresholds is not None:
            out["thresholds"] = self._given_thresholds
        return {**super().get_config(), **out}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> AUC:
        weights = serialization.deserialize_keras_object(config.get("label_weights"))
        plain = None if weights is None else np.asarray(weights).tolist()
        return cls(**{**config, "label_weights": plain})
