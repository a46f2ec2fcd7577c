"""Initializers of variables, and what stands for them in layers' arguments and in files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kdist import ops
from kdist.core import dtypes, names, registry, serialization
from kdist.initializers.constant import STFT as STFT
from kdist.initializers.constant import Constant as Constant
from kdist.initializers.constant import Identity as Identity
from kdist.initializers.constant import Ones as Ones
from kdist.initializers.constant import Zeros as Zeros
from kdist.initializers.initializer import Initializer as Initializer
from kdist.initializers.random import GlorotNormal as GlorotNormal
from kdist.initializers.random import GlorotUniform as GlorotUniform
from kdist.initializers.random import HeNormal as HeNormal
from kdist.initializers.random import HeUniform as HeUniform
from kdist.initializers.random import LecunNormal as LecunNormal
from kdist.initializers.random import LecunUniform as LecunUniform
from kdist.initializers.random import Orthogonal as Orthogonal
from kdist.initializers.random import RandomNormal as RandomNormal
from kdist.initializers.random import RandomUniform as RandomUniform
from kdist.initializers.random import TruncatedNormal as TruncatedNormal
from kdist.initializers.random import VarianceScaling as VarianceScaling

# Keras's other names for them.
IdentityInitializer = identity = Identity
OrthogonalInitializer = orthogonal = Orthogonal
STFTInitializer = stft = STFT
constant, ones, zeros = Constant, Ones, Zeros
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
random_normal, random_uniform = RandomNormal, RandomUniform
truncated_normal, variance_scaling = TruncatedNormal, VarianceScaling

_CLASSES = (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    Initializer,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    STFT,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
_BY_NAME: dict[str, type] = {
    **{cls.__name__: cls for cls in _CLASSES},
    **{names.to_snake_case(cls.__name__): cls for cls in _CLASSES},
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
    "STFTInitializer": STFT,
    "normal": RandomNormal,
    "uniform": RandomUniform,
    "one": Ones,
    "zero": Zeros,
}


def get(identifier: Any) -> Callable | None:
    """The initializer that `identifier` stands for.

    Arguments:
        identifier: a name ("glorot_uniform", "GlorotUniform"), a config, a class, a callable
            `(shape, dtype=None)`, a tensor or array (the value itself), or None (None).

    Raises: ValueError for what is none of these.

    Example:
        >>> initializers.get("ones")((2, 3))
        tensor([[1., 1., 1.],
                [1., 1., 1.]])
        >>> initializers.get(np.array([1.0, 2.0]))((2,))
        tensor([1., 2.])
    """
    if ops.is_tensor(identifier) or isinstance(identifier, np.generic | np.ndarray):
        return _value(identifier)
    return serialization.resolve(identifier, _BY_NAME, "initializer")


def _value(value: Any) -> Callable:
    def initialize(shape: Any, dtype: Any = None) -> Any:
        if tuple(shape) != tuple(value.shape):
            raise ValueError(
                f"Expected `shape` to be {tuple(value.shape)}, that of the initial value. "
                f"Received: shape={tuple(shape)}."
            )
        return ops.cast(value, dtypes.standardize_dtype(dtype))

    return initialize


def serialize(initializer: Any) -> Any:
    """The config of `initializer`, for `deserialize`.

    Example:
        >>> initializers.serialize(initializers.Constant(0.5))["config"]
        {'value': 0.5}
    """
    return serialization.serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The initializer that `serialize` described.

    Arguments:
        config: what `serialize` gave.
        custom_objects: dict of names and the classes or functions of the user's own.

    Example:
        >>> config = initializers.serialize(initializers.Constant(0.5))
        >>> initializers.deserialize(config)((2,))
        tensor([0.5000, 0.5000])
    """
    return serialization.resolve(config, _BY_NAME, "initializer", custom_objects=custom_objects)


registry.publish("keras.initializers", _BY_NAME)
