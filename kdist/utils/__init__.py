"""Tools around models. The names and signatures are those of `keras.utils`."""

from __future__ import annotations

from kdist.callbacks import Progbar
from kdist.core.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from kdist.core.dtypes import standardize_dtype
from kdist.core.graph import get_source_inputs, is_keras_tensor
from kdist.core.session import clear_session
from kdist.data import PyDataset, get_file, pack_x_y_sample_weight, unpack_x_y_sample_weight
from kdist.data import PyDataset as Sequence
from kdist.random import set_random_seed
from kdist.saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from kdist.utils.numerical import normalize, to_categorical
from kdist.utils.sequences import pad_sequences
from kdist.utils.split import split_dataset

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
