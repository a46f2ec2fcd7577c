"""Constraints, and what stands for them in layers' arguments and in files."""

from __future__ import annotations

from typing import Any

from kdist.constraints.constraints import Constraint as Constraint
from kdist.constraints.constraints import MaxNorm as MaxNorm
from kdist.constraints.constraints import MinMaxNorm as MinMaxNorm
from kdist.constraints.constraints import NonNeg as NonNeg
from kdist.constraints.constraints import UnitNorm as UnitNorm
from kdist.core import names, registry, serialization

# Keras's other names for them.
max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

_CLASSES = (Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm)
_BY_NAME: dict[str, type] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{names.to_snake_case(cls.__name__): cls for cls in _CLASSES},
}


def get(identifier: Any) -> Any:
    """The constraint that `identifier` stands for.

    That is a name ("non_neg"), a config, a class, a callable, or None.

    Raises: ValueError for what is none of these.

    Example:
        >>> constraints.get("max_norm").max_value
        2
        >>> constraints.get(None) is None
        True
    """
    return serialization.resolve(identifier, _BY_NAME, "constraint")


def serialize(constraint: Any) -> Any:
    """The config of `constraint`, for `deserialize`.

    Example:
        >>> constraints.serialize(constraints.MaxNorm(3))["config"]
        {'max_value': 3, 'axis': 0}
    """
    return serialization.serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The constraint that `serialize` described.

    Arguments:
        config: what `serialize` gave.
        custom_objects: dict of names and the classes or functions of the user's own.

    Example:
        >>> config = constraints.serialize(constraints.MaxNorm(3))
        >>> constraints.deserialize(config).max_value
        3
    """
    return serialization.resolve(config, _BY_NAME, "constraint", custom_objects=custom_objects)


registry.publish("keras.constraints", _BY_NAME)
