"""Activation functions, and what stands for them in layers' arguments and in files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdist.activations import functions
from kdist.activations.functions import celu as celu
from kdist.activations.functions import elu as elu
from kdist.activations.functions import exponential as exponential
from kdist.activations.functions import gelu as gelu
from kdist.activations.functions import glu as glu
from kdist.activations.functions import hard_shrink as hard_shrink
from kdist.activations.functions import hard_sigmoid as hard_sigmoid
from kdist.activations.functions import hard_silu as hard_silu
from kdist.activations.functions import hard_tanh as hard_tanh
from kdist.activations.functions import leaky_relu as leaky_relu
from kdist.activations.functions import linear as linear
from kdist.activations.functions import log_sigmoid as log_sigmoid
from kdist.activations.functions import log_softmax as log_softmax
from kdist.activations.functions import mish as mish
from kdist.activations.functions import relu as relu
from kdist.activations.functions import relu6 as relu6
from kdist.activations.functions import selu as selu
from kdist.activations.functions import sigmoid as sigmoid
from kdist.activations.functions import silu as silu
from kdist.activations.functions import soft_shrink as soft_shrink
from kdist.activations.functions import softmax as softmax
from kdist.activations.functions import softplus as softplus
from kdist.activations.functions import softsign as softsign
from kdist.activations.functions import sparse_plus as sparse_plus
from kdist.activations.functions import sparse_sigmoid as sparse_sigmoid
from kdist.activations.functions import sparsemax as sparsemax
from kdist.activations.functions import squareplus as squareplus
from kdist.activations.functions import tanh as tanh
from kdist.activations.functions import tanh_shrink as tanh_shrink
from kdist.activations.functions import threshold as threshold
from kdist.core import registry, serialization

swish = silu
hard_swish = hard_silu

_BY_NAME: dict[str, Callable] = {
    name: value
    for name, value in vars(functions).items()
    if getattr(value, "__module__", None) == functions.__name__
} | {"swish": silu, "hard_swish": hard_silu}


def get(identifier: Any) -> Callable:
    """The activation that `identifier` stands for.

    Arguments:
        identifier: a name ("relu"), a config, a callable (itself), or None (`linear`).

    Raises: ValueError for a name that is not known.

    Example:
        >>> activations.get("relu")([-1.0, 2.0])
        tensor([0., 2.])
        >>> activations.get(None) is activations.linear
        True
    """
    if identifier is None:
        return linear
    return serialization.resolve(identifier, _BY_NAME, "activation")


def serialize(activation: Callable) -> Any:
    """The name of `activation` if it is a built-in one; else its config.

    Raises: ValueError for what cannot be saved, such as a lambda.

    Example:
        >>> activations.serialize(activations.hard_silu)
        'hard_silu'
    """
    if _BY_NAME.get(getattr(activation, "__name__", "")) is activation:
        return activation.__name__
    if getattr(activation, "__name__", None) == "<lambda>":
        raise ValueError(
            "A lambda as activation cannot be saved by name. Define a function and decorate it "
            "with @kdist.saving.register_keras_serializable()."
        )
    return serialization.serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: Any = None) -> Callable:
    """The activation that `serialize` described.

    Arguments:
        config: what `serialize` gave.
        custom_objects: dict of names and the functions of the user's own.

    Raises: ValueError or TypeError if it is not known.

    Example:
        >>> activations.deserialize("hard_silu") is activations.hard_silu
        True
    """
    return serialization.resolve(config, _BY_NAME, "activation", custom_objects=custom_objects)


registry.publish("keras.activations", _BY_NAME)
