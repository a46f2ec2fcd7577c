"""Regularizers, and what stands for them in layers' arguments and in files."""

from __future__ import annotations

from typing import Any

from kdist.core import names, registry, serialization
from kdist.regularizers.regularizers import L1 as L1
from kdist.regularizers.regularizers import L1L2 as L1L2
from kdist.regularizers.regularizers import L2 as L2
from kdist.regularizers.regularizers import OrthogonalRegularizer as OrthogonalRegularizer
from kdist.regularizers.regularizers import Regularizer as Regularizer

# Keras's other names for them.
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

_CLASSES = (L1, L1L2, L2, OrthogonalRegularizer, Regularizer)
_BY_NAME: dict[str, type] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{names.to_snake_case(cls.__name__): cls for cls in _CLASSES},
    "l1_l2": L1L2,
}


def get(identifier: Any) -> Any:
    """The regularizer that `identifier` stands for.

    That is a name ("l2"), a config, a class, a callable, or None.

    Raises: ValueError for what is none of these.

    Example:
        >>> regularizers.get("l2").l2
        0.01
        >>> regularizers.get(None) is None
        True
    """
    return serialization.resolve(identifier, _BY_NAME, "regularizer")


def serialize(regularizer: Any) -> Any:
    """The config of `regularizer`, for `deserialize`.

    Example:
        >>> regularizers.serialize(regularizers.L2(0.5))["config"]
        {'l2': 0.5}
    """
    return serialization.serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The regularizer that `serialize` described.

    Arguments:
        config: what `serialize` gave.
        custom_objects: dict of names and the classes or functions of the user's own.

    Example:
        >>> config = regularizers.serialize(regularizers.L2(0.5))
        >>> regularizers.deserialize(config)(ops.array([1.0, 2.0]))
        tensor(2.5000)
    """
    return serialization.resolve(config, _BY_NAME, "regularizer", custom_objects=custom_objects)


registry.publish("keras.regularizers", _BY_NAME)
