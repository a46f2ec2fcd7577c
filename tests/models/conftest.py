"""Keras, on the backend that is under test, says what is right."""

from __future__ import annotations

import os
import warnings

import pytest

from kdist.backend import bound as backend


@pytest.fixture(scope="session")
def keras():
    os.environ["KERAS_BACKEND"] = backend.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages, at their import
        import keras
    assert keras.backend.backend() == backend.name
    return keras
