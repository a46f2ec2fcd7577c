"""Constraints: projections, names and configs."""

from __future__ import annotations

import numpy as np
import pytest

from kdist import constraints
from kdist.backend import bound as backend

w = np.random.default_rng(0).normal(size=(4, 3)).astype("float32") * np.float32([0.1, 1.0, 4.0])
norms = np.linalg.norm(w, axis=0)


def norms_after(constraint):
    out = backend.convert_to_numpy(constraint(w))
    ratio = out / w
    np.testing.assert_allclose(
        ratio, np.broadcast_to(ratio[:1], ratio.shape), rtol=1e-4
    )  # directions stay
    return np.linalg.norm(out, axis=0)


def test_norms():
    assert norms.min() < 0.5 < 2 < norms.max()
    np.testing.assert_allclose(
        norms_after(constraints.MaxNorm(2.0)), np.minimum(norms, 2), rtol=1e-4
    )
    np.testing.assert_allclose(norms_after(constraints.UnitNorm()), np.ones(3), rtol=1e-4)
    np.testing.assert_allclose(
        norms_after(constraints.MinMaxNorm(0.5, 2.0)), np.clip(norms, 0.5, 2), rtol=1e-4
    )
    half = 0.5 * np.clip(norms, 0.5, 2) + 0.5 * norms
    np.testing.assert_allclose(
        norms_after(constraints.MinMaxNorm(0.5, 2.0, rate=0.5)), half, rtol=1e-4
    )


def test_axes():
    kernel = np.random.default_rng(1).normal(size=(3, 3, 2, 5)).astype("float32")
    out = backend.convert_to_numpy(constraints.UnitNorm(axis=(0, 1, 2))(kernel))
    np.testing.assert_allclose(np.sqrt((out**2).sum((0, 1, 2))), np.ones(5), rtol=1e-5)


def test_non_neg():
    np.testing.assert_array_equal(
        backend.convert_to_numpy(constraints.NonNeg()(w)), np.maximum(w, 0)
    )


def test_zero_weights_stay_finite():
    for constraint in (constraints.MaxNorm(), constraints.UnitNorm(), constraints.MinMaxNorm()):
        out = backend.convert_to_numpy(constraint(np.zeros((3, 2), "float32")))
        np.testing.assert_array_equal(out, np.zeros((3, 2)))


@pytest.mark.parametrize(
    "constraint",
    [
        constraints.MaxNorm(3, 1),
        constraints.NonNeg(),
        constraints.UnitNorm(1),
        constraints.MinMaxNorm(0.1, 2, 0.5, 1),
    ],
)
def test_configs(constraint):
    saved = constraints.serialize(constraint)
    assert (saved["module"], saved["class_name"]) == (
        "keras.constraints",
        type(constraint).__name__,
    )
    again = constraints.deserialize(saved)
    assert type(again) is type(constraint) and again.get_config() == constraint.get_config()


def test_get():
    assert constraints.get(None) is None
    for name in ("non_neg", "NonNeg", constraints.NonNeg):
        assert type(constraints.get(name)) is constraints.NonNeg
    with pytest.raises(ValueError, match="constraint='nonneg' is not known"):
        constraints.get("nonneg")
