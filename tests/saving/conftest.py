"""Keras, on the backend that is under test, reads what kdist writes, and writes what it reads."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest

import kdist
from kdist.backend import bound as backend


@pytest.fixture(autouse=True)
def _keras_and_numpy():
    """Keras 3.15 turns its variables into arrays in a way that NumPy 2 deprecates."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="__array__ implementation doesn't accept")
        yield


@pytest.fixture(scope="session")
def keras():
    os.environ["KERAS_BACKEND"] = backend.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages, at their import
        import keras
    assert keras.backend.backend() == backend.name
    return keras


@pytest.fixture(params=["kdist->keras", "keras->kdist", "kdist->kdist"])
def ways(request, keras):
    """(the library that writes, the library that reads)."""
    libraries = {"kdist": kdist, "keras": keras}
    return tuple(libraries[name] for name in request.param.split("->"))


@pytest.fixture(params=["kdist->keras", "keras->kdist"])
def crossing(request, keras):
    """(the library that writes, the other one)."""
    return (kdist, keras) if request.param.startswith("kdist") else (keras, kdist)


def _flat(outputs) -> np.ndarray:
    if isinstance(outputs, dict):
        outputs = [outputs[k] for k in sorted(outputs)]
    if isinstance(outputs, list | tuple):
        return np.concatenate([_flat(o) for o in outputs])
    return np.asarray(backend.convert_to_numpy(outputs), "float64").ravel()


@pytest.fixture(scope="session")
def outputs():
    """All outputs of a model of either library for `x`, as one vector."""
    return lambda model, x: _flat(model(x, training=False))


@pytest.fixture
def rng():
    return np.random.default_rng(0)
