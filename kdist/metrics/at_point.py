"""The best of one rate where another rate reaches a given value."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.metrics import counting
from kdist.metrics.metric import Metric


class _AtPoint(Metric):
    """The four counts at evenly spread thresholds. Abstract: a subclass gives two rates."""

    _direction = "up"
    _argument: str  # the constructor's argument that gives the value to reach

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: Any, dtype: Any
    ):
        if not 0 <= value <= 1:
            raise ValueError(
                f"`{self._argument}` must be in the range [0, 1]. Received: {self._argument}={value}."
            )
        if num_thresholds <= 0:
            raise ValueError(
                "Argument `num_thresholds` must be an integer > 0. "
                f"Received: num_thresholds={num_thresholds}."
            )
        super().__init__(name=name, dtype=dtype)
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [0.5]
        if num_thresholds > 1:
            self.thresholds = [i / (num_thresholds - 1) for i in range(num_thresholds)]
        add = lambda name: self.add_variable((len(self.thresholds),), "zeros", name=name)
        self.true_positives = add("true_positives")
        self.false_positives = add("false_positives")
        self.true_negatives = add("true_negatives")
        self.false_negatives = add("false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: labels 0 or 1 and scores of one shape, and weights of the leading dims."""
        counts = counting.count(
            y_true, y_pred, self.thresholds, sample_weight, class_id=self.class_id
        )
        variables = {
            "tp": self.true_positives,
            "fp": self.false_positives,
            "tn": self.true_negatives,
            "fn": self.false_negatives,
        }
        counting.add_counts(variables, counts)

    def _recall(self) -> Any:
        tp = self.true_positives.value
        return ops.divide_no_nan(tp, tp + self.false_negatives.value)

    def _precision(self) -> Any:
        tp = self.true_positives.value
        return ops.divide_no_nan(tp, tp + self.false_positives.value)

    def _specificity(self) -> Any:
        tn = self.true_negatives.value
        return ops.divide_no_nan(tn, tn + self.false_positives.value)

    def _best(self, reached: Any, rate: Any) -> Any:
        feasible = ops.greater_equal(reached, self.value)
        return ops.max(ops.where(feasible, rate, ops.zeros_like(rate)))

    def get_config(self) -> dict[str, Any]:
        config = {"num_thresholds": self.num_thresholds, "class_id": self.class_id}
        return {**super().get_config(), **config, self._argument: self.value}


class SensitivityAtSpecificity(_AtPoint):
    """The largest sensitivity (recall) at which the specificity is at least `specificity`.

    Arguments:
        specificity: float in [0, 1].
        num_thresholds: int > 0, how many thresholds are tried, evenly spread over [0, 1].
        class_id: look at this class of the last dim alone.
        name, dtype: as in `Metric`.

    Raises: ValueError for a `specificity` or `num_thresholds` out of these ranges.

    Example:
        >>> metrics.SensitivityAtSpecificity(0.9)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        tensor(0.5000)
    """

    _argument = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> Any:
        return self._best(self._specificity(), self._recall())


class SpecificityAtSensitivity(_AtPoint):
    """The largest specificity at which the sensitivity (recall) is at least `sensitivity`.

    Arguments:
        sensitivity: float in [0, 1].
        num_thresholds, class_id, name, dtype: as in `SensitivityAtSpecificity`.

    Raises: ValueError for a `sensitivity` or `num_thresholds` out of these ranges.

    Example:
        >>> metrics.SpecificityAtSensitivity(0.9)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        tensor(0.5000)
    """

    _argument = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> Any:
        return self._best(self._recall(), self._specificity())


class PrecisionAtRecall(_AtPoint):
    """The largest precision at which the recall is at least `recall`.

    Arguments:
        recall: float in [0, 1].
        num_thresholds, class_id, name, dtype: as in `SensitivityAtSpecificity`.

    Raises: ValueError for a `recall` or `num_thresholds` out of these ranges.

    Example:
        >>> metrics.PrecisionAtRecall(0.9)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        tensor(0.6667)
    """

    _argument = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> Any:
        return self._best(self._recall(), self._precision())


class RecallAtPrecision(_AtPoint):
    """The largest recall at which the precision is at least `precision`.

    Arguments:
        precision: float in [0, 1].
        num_thresholds, class_id, name, dtype: as in `SensitivityAtSpecificity`.

    Raises: ValueError for a `precision` or `num_thresholds` out of these ranges.

    Example:
        >>> metrics.RecallAtPrecision(0.9)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        tensor(0.5000)
    """

    _argument = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> Any:
        return self._best(self._precision(), self._recall())
