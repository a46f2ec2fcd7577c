"""kdist trains a Keras model anywhere: the Keras 3 API on JAX, PyTorch or TensorFlow, on one device or many hosts.

Importing this package imports no framework. The first use of a name loads the backend that KDIST_BACKEND (or the
configuration) selects.
"""

from __future__ import annotations

import gc
import importlib
from typing import Any

from kdist.core import registry as _registry
from kdist.distribution import parity as _parity
from kdist.distribution import runtime as _runtime
from kdist.version import __version__

# Imported when they are first named; those of the first line need no backend.
_PACKAGES = frozenset(
    {
        "checkpoint", "cli", "config", "core", "data", "datasets", "distribution", "launch", "tree", "version",
        "activations", "backend", "callbacks", "constraints", "dtype_policies", "initializers", "layers", "losses",
        "metrics", "models", "ops", "optimizers", "random", "regularizers", "saving", "training", "utils",
    }
)  # fmt: skip


def _load(module: str) -> Any:
    """Import a module of kdist without garbage collections on the way.

    One over the heap of a framework that was just imported takes as long as all of kdist.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        if enabled:
            gc.enable()


def _api() -> Any:
    return _load("kdist.api")


_registry.load_all = _api
_registry.initializer_named = lambda name: _load("kdist.initializers").get(name)
_runtime.load_backend = lambda: _load("kdist.backend")
_parity.load_training = _api


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return _load(f"kdist.{name}")
    if name.startswith("__"):
        raise AttributeError(f"module 'kdist' has no attribute {name!r}")
    api = _api()  # outside of the try: an error inside of it must be seen
    try:
        return getattr(api, name)
    except AttributeError:
        raise AttributeError(f"module 'kdist' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *_PACKAGES, *_api().__all__})


def version() -> str:
    """kdist's version, e.g. "0.1.0"."""
    return __version__
