"""A model made twice, by kdist and by Keras on the same backend, from equal weights and trained on equal batches."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import kdist
from kdist.backend import bound as backend

# On jax a step is compiled as a whole; elsewhere Keras runs eagerly, which costs less than tracing
# for a few steps.
KERAS_EAGER = backend.name != "jax"


@pytest.fixture(scope="session")
def keras():
    os.environ["KERAS_BACKEND"] = backend.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages, at their import
        import keras
    assert keras.backend.backend() == backend.name
    return keras


class Twins:
    """`ours` and `theirs`: what `make(library)` gives, compiled with what `arguments(library)` gives."""

    def __init__(self, keras: Any, make: Callable, arguments: Callable):
        self.ours, self.theirs = make(kdist), make(keras)
        self.theirs.set_weights(self.ours.get_weights())
        self.ours.compile(**arguments(kdist))
        self.theirs.compile(
            **arguments(keras), run_eagerly=KERAS_EAGER, jit_compile=not KERAS_EAGER
        )

    def same(self, method: str, *args: Any, tolerance: float = 2e-5, **kwargs: Any) -> Any:
        """Call a method on both and compare what they return; gives ours."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Keras, about what it hands to its backend
            theirs = getattr(self.theirs, method)(*args, **kwargs)
        ours = getattr(self.ours, method)(*args, **kwargs)
        if method == "fit":
            ours, theirs = ours.history, theirs.history
        compare(ours, theirs, tolerance, method)
        return ours

    def same_weights(self, tolerance: float = 1e-5) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of NumPy, about Keras's variables
            theirs = self.theirs.get_weights()
        compare(self.ours.get_weights(), theirs, tolerance, "weights")


def compare(ours: Any, theirs: Any, tolerance: float, what: str) -> None:
    """Equal structures, keys and (to `tolerance`, relative to the largest) numbers."""
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs), what
        for key in theirs:
            compare(ours[key], theirs[key], tolerance, f"{what}[{key!r}]")
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs), what
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            compare(a, b, tolerance, f"{what}[{i}]")
    else:
        a, b = np.asarray(ours, "float64"), np.asarray(theirs, "float64")
        assert a.shape == b.shape, what
        scale = max(1e-3, float(np.abs(b).max(initial=0)))
        assert np.abs(a - b).max(initial=0) <= tolerance * scale, f"{what}: {a} against {b}"


@pytest.fixture
def twins(keras):
    kdist.utils.set_random_seed(0)
    return lambda make, arguments: Twins(keras, make, arguments)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
