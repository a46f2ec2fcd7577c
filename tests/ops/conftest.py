"""Every table-driven test of ops asks for a `case`: a call of an op and what NumPy says."""

from __future__ import annotations

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import image_cases  # noqa: F401 - adds its cases
import linalg_cases  # noqa: F401
import nn_cases  # noqa: F401
import numpy_cases  # noqa: F401
from op_cases import CASES

# The gradients of the others are constant, or follow from an op they are made of.
SETS = {
    "case": CASES,
    "grad_case": [c for c in CASES if c.grad],
    "tensor_case": [c for c in CASES if c.takes_tensors()],
}


def pytest_generate_tests(metafunc):
    for name, cases in SETS.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, cases, ids=[case.id for case in cases])
