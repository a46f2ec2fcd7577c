"""Optimizers: how gradients become updates of variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdist.core import registry, serialization
from kdist.optimizers import schedules
from kdist.optimizers.adadelta import Adadelta
from kdist.optimizers.adagrad import Adagrad
from kdist.optimizers.adam import Adam
from kdist.optimizers.adamax import Adamax
from kdist.optimizers.adamw import AdamW
from kdist.optimizers.lion import Lion
from kdist.optimizers.loss_scale import LossScaleOptimizer
from kdist.optimizers.nadam import Nadam
from kdist.optimizers.optimizer import Optimizer
from kdist.optimizers.rmsprop import RMSprop
from kdist.optimizers.sgd import SGD

_ALL = (
    Optimizer,
    SGD,
    Adam,
    AdamW,
    RMSprop,
    Adadelta,
    Adagrad,
    Adamax,
    Nadam,
    Lion,
    LossScaleOptimizer,
)
_BY_NAME = {cls.__name__.lower(): cls for cls in _ALL}


def serialize(optimizer: Optimizer) -> dict:
    """The configuration of `optimizer` as plain data; its variables are not part of it."""
    return serialization.serialize_keras_object(optimizer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """An optimizer from what `serialize` gave.

    Arguments:
        config: what `serialize` gave; the names of built-in classes may be in any case.
        custom_objects: dict of names and the classes or functions of the user's own.
    """
    return serialization.resolve(_any_case(config), _BY_NAME, "optimizer", custom_objects)


def get(identifier: Any) -> Any:
    """The optimizer that `identifier` stands for.

    Arguments:
        identifier: a name in any case ("adam"), a configuration, an optimizer (itself), or None
            (None).

    Raises: ValueError for an unknown name, or something that is not an optimizer.
    """
    if isinstance(identifier, str) and identifier.lower() in _BY_NAME:
        identifier = identifier.lower()
    elif isinstance(identifier, Mapping):
        identifier = _any_case(identifier)
    found = serialization.resolve(identifier, _BY_NAME, "optimizer")
    if found is not None and not isinstance(found, Optimizer):
        raise ValueError(
            f"optimizer={identifier!r} is not an Optimizer. Pass one, or a name such as 'adam'."
        )
    return found


def _any_case(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` with a built-in's class name in its own case."""
    out = dict(config)
    built_in = _BY_NAME.get(str(out.get("class_name")).lower())
    if built_in is not None and not out.get("registered_name"):
        if out.get("module") is None:
            out["module"] = "keras.optimizers"
        out["class_name"] = built_in.__name__
    return out


registry.publish("keras.optimizers", {cls.__name__: cls for cls in _ALL})

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "LossScaleOptimizer",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]
