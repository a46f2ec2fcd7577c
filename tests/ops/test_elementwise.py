"""Ops that are listed as functions of single elements."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from kdist import ops
from kdist.ops.declare import DECLARED
from kdist.ops.elementwise import ELEMENTWISE

TENSORS = ("x", "x1", "x2", "variable", "condition")
REST = {"dtype": "float32", "threshold": 0.5, "default_value": 0.0, "x_min": 0.6, "x_max": 0.8}


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_elements_do_not_meet(name):
    """Whatever the order of the elements, each becomes the same."""
    rng = np.random.default_rng(0)
    order = rng.permutation(6)
    parameters = inspect.signature(DECLARED[name]).parameters.values()
    given = {
        p.name: rng.uniform(0.3, 0.9, (4, 6)).astype("float32")
        if p.name in TENSORS
        else REST[p.name]
        for p in parameters
        if p.name in TENSORS or p.default is p.empty
    }
    if "condition" in given:
        given["condition"] = given["condition"] > 0.6
    moved = {k: v[:, order] if k in TENSORS else v for k, v in given.items()}
    out, moved_out = (
        np.asarray(ops.convert_to_numpy(getattr(ops, name)(**g))) for g in (given, moved)
    )
    np.testing.assert_allclose(out[:, order], moved_out, rtol=1e-6)
