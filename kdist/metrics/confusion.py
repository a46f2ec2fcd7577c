"""Metrics from counts of right and wrong answers: counts, precision, recall."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.metrics import counting
from kdist.metrics.metric import Metric


class _Count(Metric):
    """One kind of count at thresholds. Abstract: a subclass says which in `_kind`."""

    _kind: str

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = counting.as_thresholds(thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: labels 0 or 1 and scores of one shape, and weights of the leading dims."""
        counts = counting.count(y_true, y_pred, self.thresholds, sample_weight)
        self.accumulator.assign_add(counts[self._kind])

    def result(self) -> Any:
        value = self.accumulator.value
        return value[0] if len(self.thresholds) == 1 else value

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """How many labels of 1 have a score above each of `thresholds`.

    Arguments:
        thresholds: float in [0, 1], or a list of them for one count each; None: 0.5.
        name, dtype: as in `Metric`.

    Raises: ValueError for a threshold beyond [0, 1].

    Example:
        >>> metrics.TruePositives()([0, 1, 1, 1], [0.9, 0.8, 0.7, 0.1])
        tensor(2.)
        >>> metrics.TruePositives(thresholds=[0.05, 0.75])([0, 1, 1, 1], [0.9, 0.8, 0.7, 0.1])
        tensor([3., 1.])
    """

    _kind = "tp"


class FalsePositives(_Count):
    """How many labels of 0 have a score above each of `thresholds`.

    Arguments:
        thresholds: float in [0, 1], or a list of them for one count each; None: 0.5.
        name, dtype: as in `Metric`.

    Raises: ValueError for a threshold beyond [0, 1].

    Example:
        >>> metrics.FalsePositives()([0, 0, 0, 1], [0.9, 0.8, 0.1, 0.7])
        tensor(2.)
    """

    _kind = "fp"


class TrueNegatives(_Count):
    """How many labels of 0 have a score of at most each of `thresholds`.

    Arguments:
        thresholds: float in [0, 1], or a list of them for one count each; None: 0.5.
        name, dtype: as in `Metric`.

    Raises: ValueError for a threshold beyond [0, 1].

    Example:
        >>> metrics.TrueNegatives()([0, 0, 0, 1], [0.9, 0.2, 0.1, 0.3])
        tensor(2.)
    """

    _kind = "tn"


class FalseNegatives(_Count):
    """How many labels of 1 have a score of at most each of `thresholds`.

    Arguments:
        thresholds: float in [0, 1], or a list of them for one count each; None: 0.5.
        name, dtype: as in `Metric`.

    Raises: ValueError for a threshold beyond [0, 1].

    Example:
        >>> metrics.FalseNegatives()([0, 1, 1, 1], [0.2, 0.8, 0.3, 0.1])
        tensor(2.)
    """

    _kind = "fn"


class _Ratio(Metric):
    """tp / (tp + other) at thresholds. Abstract: a subclass says which other count."""

    _direction = "up"
    _other: tuple[str, str]  # the count, and its variable's name

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        default = 0.5 if top_k is None else counting.LOWEST
        self.thresholds = counting.as_thresholds(thresholds, default)
        shape = (len(self.thresholds),)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        setattr(self, self._other[1], self.add_variable(shape, "zeros", name=self._other[1]))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: labels 0 or 1 and scores of one shape, and weights of the leading dims."""
        counts = counting.count(
            y_true, y_pred, self.thresholds, sample_weight, self.top_k, self.class_id
        )
        kind, name = self._other
        counting.add_counts({"tp": self.true_positives, kind: getattr(self, name)}, counts)

    def result(self) -> Any:
        right = self.true_positives.value
        value = ops.divide_no_nan(right, right + getattr(self, self._other[1]).value)
        return value[0] if len(self.thresholds) == 1 else value

    def get_config(self) -> dict[str, Any]:
        config = {
            "thresholds": self.init_thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
        }
        return {**super().get_config(), **config}


class Precision(_Ratio):
    """The share of right answers among the positive ones, `tp / (tp + fp)`.

    Arguments:
        thresholds: float, or a list of them for one result each; scores above are positive. None:
            0.5, or any score with `top_k`.
        top_k: only the `top_k` largest scores of each sample can be positive.
        class_id: look at this class of the last dim alone.
        name, dtype: as in `Metric`.

    Raises: ValueError for a threshold beyond [0, 1].

    Example:
        >>> metrics.Precision()([0, 1, 1], [0.9, 0.8, 0.1])  # 1 of 2 positives
        tensor(0.5000)
        >>> metrics.Precision(top_k=1)([[0, 1, 1], [0, 1, 0]], [[0.2, 0.3, 0.1], [0.1, 0.2, 0.3]])
        tensor(0.5000)
    """

    _other = ("fp", "false_positives")


class Recall(_Ratio):
    """The share of the positive labels that are found, `tp / (tp + fn)`.

    Arguments:
        thresholds, top_k, class_id, name, dtype: as in `Precision`.

    Raises: ValueError for a threshold beyond [0, 1].

    Example:
        >>> metrics.Recall()([0, 1, 1, 1], [0.9, 0.8, 0.7, 0.1])  # 2 of 3 labels
        tensor(0.6667)
    """

    _other = ("fn", "false_negatives")
