"""A sample of Keras's own tests, on the backend of this run; `make conformance` runs them all."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import expectations

# By its path: another run.py may come first on the path.
_spec = importlib.util.spec_from_file_location("conformance_run", HERE / "run.py")
conformance = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(conformance)

BACKEND = os.environ["KDIST_BACKEND"]
SAMPLE = (
    "activations/activations_test.py",
    "constraints/constraints_test.py",
    "initializers/constant_initializers_test.py",
    "initializers/random_initializers_test.py",
    "ops/core_test.py",
    "ops/linalg_test.py",
    "regularizers/regularizers_test.py",
)


@pytest.mark.parametrize("file", SAMPLE)
def test_keras_own_tests(file: str) -> None:
    outcomes = conformance.run_file(file, BACKEND, timeout=280)
    listed = expectations.read(expectations.path_of(BACKEND).read_text())
    assert "passed" in outcomes.outcome.values()
    assert expectations.compare(expectations.of_files(listed, [file]), outcomes) == []
