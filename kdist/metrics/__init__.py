"""Metrics: what is reported of a model's answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdist.core import names, registry, serialization
from kdist.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from kdist.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from kdist.metrics.at_point import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from kdist.metrics.auc import AUC
from kdist.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from kdist.metrics.correlation import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    concordance_correlation,
    pearson_correlation,
)
from kdist.metrics.f_score import F1Score, FBetaScore
from kdist.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from kdist.metrics.metric import Metric
from kdist.metrics.of_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from kdist.metrics.r2 import R2Score
from kdist.metrics.reduction import Mean, MeanMetricWrapper, Sum

_CLASSES = (
    *(Metric, Mean, Sum, MeanMetricWrapper, MeanSquaredError, RootMeanSquaredError),
    *(MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError),
    *(CosineSimilarity, LogCoshError, R2Score, AUC, FalseNegatives, FalsePositives, Precision),
    *(PrecisionAtRecall, Recall, RecallAtPrecision, SensitivityAtSpecificity),
    *(SpecificityAtSensitivity, TrueNegatives, TruePositives, ConcordanceCorrelation),
    *(PearsonCorrelation, Hinge, SquaredHinge, CategoricalHinge, KLDivergence, Poisson),
    *(BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy, Accuracy),
    *(BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy, TopKCategoricalAccuracy),
    *(SparseTopKCategoricalAccuracy, F1Score, FBetaScore, IoU, BinaryIoU, MeanIoU, OneHotIoU),
    OneHotMeanIoU,
)
_OWN_FUNCTIONS = (
    *(accuracy, binary_accuracy, categorical_accuracy, sparse_categorical_accuracy),
    *(top_k_categorical_accuracy, sparse_top_k_categorical_accuracy),
    *(concordance_correlation, pearson_correlation),
)
_SHORT = {
    "bce": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
}
ALL_OBJECTS: dict[str, Any] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{names.to_snake_case(cls.__name__): cls for cls in _CLASSES},
    **_SHORT,
    **{name.upper(): cls for name, cls in _SHORT.items()},
}


def serialize(metric: Any) -> Any:
    """A metric or metric function as plain data.

    Arguments:
        metric: a `Metric` or a metric function.

    Returns: a dict that JSON can hold.

    Example:
        >>> metrics.serialize(metrics.binary_accuracy)["config"]
        'binary_accuracy'
        >>> metrics.serialize(metrics.AUC(curve="PR"))["config"]["curve"]
        'PR'
    """
    return serialization.serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A metric or metric function from what `serialize` gave.

    Arguments:
        config: the data, or a name.
        custom_objects: dict of names and the classes or functions of the user's own.

    Raises: ValueError for an unknown name.

    Example:
        >>> saved = metrics.serialize(metrics.Precision(thresholds=0.9))
        >>> metrics.deserialize(saved).thresholds
        [0.9]
    """
    return serialization.resolve(config, ALL_OBJECTS, "metric", custom_objects, make=False)


def get(identifier: Any) -> Any:
    """The metric that `identifier` stands for.

    Arguments:
        identifier: a name ("mse", "MeanSquaredError"), a config, a metric (itself), or None (None).

    Raises: ValueError for an unknown name.

    Example:
        >>> metrics.get("Accuracy")([1, 2, 3, 4], [1, 2, 3, 0])
        tensor(0.7500)
    """
    return serialization.resolve(identifier, ALL_OBJECTS, "metric")


registry.publish("keras.metrics", {each.__name__: each for each in (*_CLASSES, *_OWN_FUNCTIONS)})

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "accuracy",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]
