"""Settings, under Keras's names. Importing it loads no backend, so that `set_backend` comes in time."""

from __future__ import annotations

import importlib
from typing import Any

from kdist.core.config import (
    backend,
    disable_interactive_logging,
    enable_interactive_logging,
    epsilon,
    floatx,
    image_data_format,
    is_interactive_logging_enabled,
    set_backend,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    standardize_data_format,
)
from kdist.core.serialization import enable_unsafe_deserialization

__all__ = [
    "backend",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "enable_unsafe_deserialization",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_interactive_logging_enabled",
    "set_backend",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_data_format",
]

# These belong to a package that needs the backend.
_OF_DTYPE_POLICIES = ("dtype_policy", "set_dtype_policy")


def __getattr__(name: str) -> Any:
    if name in _OF_DTYPE_POLICIES:
        return getattr(importlib.import_module("kdist.dtype_policies"), name)
    raise AttributeError(f"module 'kdist.config' has no attribute {name!r}")
