"""Policies for the dtypes of layers.

The names and signatures are those of `keras.dtype_policies`.
"""

from __future__ import annotations

from typing import Any

from kdist.core import registry, serialization
from kdist.dtype_policies.policy import BY_NAME
from kdist.dtype_policies.policy import DTypePolicy as DTypePolicy
from kdist.dtype_policies.policy import DTypePolicyMap as DTypePolicyMap
from kdist.dtype_policies.policy import FloatDTypePolicy as FloatDTypePolicy
from kdist.dtype_policies.policy import dtype_policy as dtype_policy
from kdist.dtype_policies.policy import get as get
from kdist.dtype_policies.policy import set_dtype_policy as set_dtype_policy


def serialize(dtype_policy: Any) -> Any:
    """The config of `dtype_policy`, for `deserialize`."""
    return serialization.serialize_keras_object(dtype_policy)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The policy that `serialize` described.

    Arguments:
        config: what `serialize` gave.
        custom_objects: dict of names and the classes or functions of the user's own.
    """
    return serialization.resolve(config, BY_NAME, "dtype policy", custom_objects=custom_objects)


registry.publish("keras.dtype_policies", BY_NAME)
# Keras saves these two under their shorter path.
registry.publish("keras", {n: BY_NAME[n] for n in ("DTypePolicy", "FloatDTypePolicy")})
