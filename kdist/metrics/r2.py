"""The coefficient of determination."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.losses.reduction import squeeze_or_expand_to_same_rank
from kdist.metrics.metric import Metric

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """`1 - sum((t - p) ** 2) / sum((t - mean(t)) ** 2)` of each output, then averaged over outputs.

    Arguments:
        class_aggregation: "uniform_average"; "variance_weighted_average"; or None for one score
            per output.
        num_regressors: int >= 0; with n samples the score is adjusted to
            `1 - (1 - score) * (n - 1) / (n - num_regressors - 1)`, where that is defined.
        name, dtype: as in `Metric`.

    `update_state` takes targets and predictions of (batch, outputs).
    Raises: ValueError for another aggregation, negative `num_regressors` and other ranks.

    Example:
        >>> metrics.R2Score()([[1.0], [2.0], [3.0]], [[1.0], [2.0], [2.0]])  # 1 - 1 / 2
        tensor(0.5000)
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in _AGGREGATIONS:
            raise ValueError(
                f"Invalid value for argument `class_aggregation`: {class_aggregation!r}. Use one of {_AGGREGATIONS}."
            )
        if num_regressors < 0:
            raise ValueError(
                f"Invalid value for argument `num_regressors`: num_regressors={num_regressors} is negative."
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, shape: Any) -> None:
        if len(shape) != 2 or shape[-1] is None:
            raise ValueError(
                "R2Score expects 2D inputs with shape (batch, outputs), outputs known. "
                f"Received: {shape}."
            )
        add = lambda name: self.add_variable((shape[-1],), "zeros", name=name)
        self.squared_sum = add("squared_sum")
        self.sum = add("sum")
        self.total_mse = add("residual")
        self.count = add("count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        y_true, y_pred = squeeze_or_expand_to_same_rank(y_true, y_pred)
        if not self._built:
            self._build(tuple(y_true.shape))
        weight = ops.ones_like(y_true)
        if sample_weight is not None:
            given = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
            weight = weight * (ops.expand_dims(given, 1) if len(given.shape) == 1 else given)
        self.sum.assign_add(ops.sum(y_true * weight, axis=0))
        self.squared_sum.assign_add(ops.sum(y_true * y_true * weight, axis=0))
        self.total_mse.assign_add(ops.sum(ops.square(y_true - y_pred) * weight, axis=0))
        self.count.assign_add(ops.sum(weight, axis=0))
        self.num_samples.assign_add(ops.size(y_true))

    def result(self) -> Any:
        total = self.squared_sum.value - self.sum.value * self.sum.value / self.count.value
        scores = 1 - self.total_mse.value / total
        scores = ops.where(ops.isinf(scores), ops.zeros_like(scores), scores)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = ops.sum(total * scores) / ops.sum(total)
        if not self.num_regressors:
            return scores
        n = self.num_samples.value
        freedom = n - self.num_regressors - 1.0
        adjusted = 1.0 - ops.divide_no_nan((1.0 - scores) * (n - 1.0), freedom)
        return ops.where(ops.greater(freedom, 0), adjusted, scores)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
