"""Learning rates that depend on the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdist.core import registry, serialization
from kdist.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts
from kdist.optimizers.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from kdist.optimizers.schedules.schedule import LearningRateSchedule

_ALL = (
    LearningRateSchedule,
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict:
    """`learning_rate_schedule` as plain data, for `deserialize`."""
    return serialization.serialize_keras_object(learning_rate_schedule)


def deserialize(config: dict, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The schedule that `serialize` described.

    Arguments:
        config: what `serialize` gave.
        custom_objects: dict of names and the classes or functions of the user's own.
    """
    return serialization.deserialize_keras_object(config, custom_objects=custom_objects)


registry.publish("keras.optimizers.schedules", {cls.__name__: cls for cls in _ALL})

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]
