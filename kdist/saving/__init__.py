"""Models to files and back, in Keras 3's formats: either library reads the other's files."""

from __future__ import annotations

from kdist.core.registry import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from kdist.core.serialization import deserialize_keras_object, serialize_keras_object
from kdist.saving.model_files import load_model, save_model
from kdist.saving.weight_files import load_weights, save_weights

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
