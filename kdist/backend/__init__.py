"""Binds exactly one backend, and offers the names of `keras.backend`.

`from kdist.backend import bound as backend` gives that backend's package; see `protocol.py` for what it offers.
"""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from typing import Any, cast

from kdist.backend.protocol import Backend
from kdist.core import config
from kdist.core.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    standardize_data_format,
)
from kdist.core.dtypes import is_float as is_float_dtype
from kdist.core.dtypes import is_int as is_int_dtype
from kdist.core.dtypes import result_type, standardize_dtype
from kdist.core.graph import is_keras_tensor
from kdist.core.names import get_uid
from kdist.core.session import clear_session
from kdist.distribution import runtime

__all__ = [
    "Variable",
    "backend",
    "bound",
    "clear_session",
    "device",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_data_format",
    "standardize_dtype",
]

_EXTRAS = {"jax": "jax", "torch": "torch", "tensorflow": "tensorflow"}


def _load(name: str) -> Backend:
    try:
        importlib.import_module(name)
    except ImportError as e:
        raise ImportError(
            f"The backend {name!r} is selected, but importing {name} failed: {e}. "
            f"Install it with `pip install 'kdist[{_EXTRAS[name]}]'`, or select another with KDIST_BACKEND."
        ) from e
    return cast(Backend, importlib.import_module(f"kdist.backend.{name}"))


bound: Backend = _load(config.backend())
config.bound_backend(config.backend())
runtime.bind(bound.runtime, bound.distribute_tensor, getattr(bound, "native_layout", None))


def device(device_name: str) -> AbstractContextManager:
    """Tensors are created on the device called `device_name` within.

    Arguments:
        device_name: e.g. "cpu:0" or "gpu:1"; without a number, the first of its kind.

    Raises: ValueError if there is no such device. Example: `with kdist.device("cpu:0"): x = kdist.ops.ones((2,))`.
    """
    return bound.device_scope(device_name)


def __getattr__(name: str) -> Any:
    if name == "Variable":  # it is made of what is bound above
        return importlib.import_module("kdist.backend.variable").Variable
    raise AttributeError(f"module 'kdist.backend' has no attribute {name!r}")
