"""Losses: what training makes small."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdist.core import registry, serialization
from kdist.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from kdist.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
)
from kdist.losses.hinge import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from kdist.losses.loss import Loss, LossFunctionWrapper
from kdist.losses.metric_learning import Circle, circle
from kdist.losses.overlap import Dice, Tversky, dice, tversky
from kdist.losses.probabilistic import (
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    Poisson,
    categorical_generalized_cross_entropy,
    kl_divergence,
    poisson,
)
from kdist.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from kdist.losses.sequence import CTC, ctc

_ALL = (
    *(Loss, LossFunctionWrapper),
    *(KLDivergence, Poisson, BinaryCrossentropy, BinaryFocalCrossentropy),
    *(CategoricalCrossentropy, CategoricalFocalCrossentropy, SparseCategoricalCrossentropy),
    *(CategoricalGeneralizedCrossEntropy, MeanSquaredError, MeanAbsoluteError),
    *(MeanAbsolutePercentageError, MeanSquaredLogarithmicError, CosineSimilarity, LogCosh, Huber),
    *(Hinge, SquaredHinge, CategoricalHinge, Dice, Tversky, Circle, CTC),
    *(kl_divergence, poisson, binary_crossentropy, binary_focal_crossentropy),
    *(categorical_crossentropy, categorical_focal_crossentropy, sparse_categorical_crossentropy),
    *(categorical_generalized_cross_entropy, mean_squared_error, mean_absolute_error),
    *(mean_absolute_percentage_error, mean_squared_logarithmic_error, cosine_similarity),
    *(log_cosh, huber, hinge, squared_hinge, categorical_hinge, dice, tversky, circle, ctc),
)
_SHORT = {
    "bce": binary_crossentropy,
    "kld": kl_divergence,
    "mae": mean_absolute_error,
    "mse": mean_squared_error,
    "mape": mean_absolute_percentage_error,
    "msle": mean_squared_logarithmic_error,
}
_BY_NAME: dict[str, Any] = {
    **{each.__name__: each for each in _ALL},
    **_SHORT,
    **{name.upper(): fn for name, fn in _SHORT.items()},
}


def serialize(loss: Any) -> Any:
    """A loss or loss function as plain data.

    Arguments:
        loss: a `Loss` or a loss function.

    Returns: a dict that JSON can hold.

    Example:
        >>> losses.serialize(losses.mean_squared_error)["config"]
        'mean_squared_error'
        >>> losses.serialize(losses.Huber(delta=2.0))["config"]["delta"]
        2.0
    """
    return serialization.serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A loss or loss function from what `serialize` gave, or from its name.

    Arguments:
        name: the data, or the name.
        custom_objects: dict of names and the classes or functions of the user's own.

    Raises: ValueError for an unknown name.

    Example:
        >>> saved = losses.serialize(losses.Huber(delta=2.0))
        >>> losses.deserialize(saved)([[0.0]], [[1.0]])
        tensor(0.5000)
    """
    return serialization.resolve(name, _BY_NAME, "loss", custom_objects, make=False)


def get(identifier: Any) -> Any:
    """The loss that `identifier` stands for.

    Arguments:
        identifier: a name ("mse", "MeanSquaredError"), a config, a loss (itself), or None (None).

    Raises: ValueError for an unknown name.

    Example:
        >>> losses.get("mse") is losses.mean_squared_error
        True
        >>> losses.get("MeanSquaredError")([[0.0]], [[3.0]])
        tensor(9.)
    """
    return serialization.resolve(identifier, _BY_NAME, "loss")


ALL_OBJECTS = _BY_NAME
registry.publish("keras.losses", {each.__name__: each for each in _ALL})

__all__ = [each.__name__ for each in _ALL] + ["deserialize", "get", "serialize"]
