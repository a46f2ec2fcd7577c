"""Binds exactly one backend.

`from kdist.backend import bound as backend` gives that backend's package; see `protocol.py` for what it offers.
"""

from __future__ import annotations

import importlib
from typing import cast

from kdist.backend.protocol import Backend
from kdist.core import config
from kdist.distribution import runtime

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
runtime.bind(bound.runtime)
