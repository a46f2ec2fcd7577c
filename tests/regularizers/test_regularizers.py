"""Regularizers: penalties, names and configs."""

from __future__ import annotations

import numpy as np
import pytest

from kdist import regularizers
from kdist.backend import bound as backend

x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
tensor = backend.convert_to_tensor(x)


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        (regularizers.L1(0.1), 0.1 * np.abs(x).sum()),
        (regularizers.L2(0.1), 0.1 * (x * x).sum()),
        (regularizers.L1L2(0.1, 0.2), 0.1 * np.abs(x).sum() + 0.2 * (x * x).sum()),
        (regularizers.L1L2(l2=0.2), 0.2 * (x * x).sum()),
        (regularizers.L1L2(), 0.0),
    ],
)
def test_penalties(regularizer, expected):
    penalty = regularizer(tensor)
    assert backend.dtype_of(penalty) == "float32"
    np.testing.assert_allclose(backend.convert_to_numpy(penalty), expected, rtol=1e-5)


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal(mode):
    vectors = x if mode == "rows" else x.T
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    n = len(vectors)
    cosines = [abs(vectors[i] @ vectors[j]) for i in range(n) for j in range(i)]
    got = regularizers.OrthogonalRegularizer(0.5, mode)(tensor)
    np.testing.assert_allclose(backend.convert_to_numpy(got), 0.5 * np.mean(cosines), rtol=1e-5)


@pytest.mark.parametrize(
    "regularizer",
    [
        regularizers.L1(0.3),
        regularizers.L2(0.3),
        regularizers.L1L2(0.3, 0.4),
        regularizers.OrthogonalRegularizer(0.3, "columns"),
    ],
)
def test_configs(regularizer):
    saved = regularizers.serialize(regularizer)
    assert (saved["module"], saved["class_name"]) == (
        "keras.regularizers",
        type(regularizer).__name__,
    )
    again = regularizers.deserialize(saved)
    assert type(again) is type(regularizer) and again.get_config() == regularizer.get_config()


def test_get():
    assert regularizers.get(None) is None
    for name, cls in {"l1": "L1", "L2": "L2", "l1_l2": "L1L2", "l1l2": "L1L2"}.items():
        assert type(regularizers.get(name)) is getattr(regularizers, cls)
    assert regularizers.get(regularizers.L2).l2 == 0.01
    assert regularizers.get({"class_name": "L1", "config": {"l1": 0.5}}).l1 == 0.5
    with pytest.raises(ValueError, match="regularizer='l3' is not known"):
        regularizers.get("l3")


@pytest.mark.parametrize("value", [-1.0, float("inf"), float("nan"), "a"])
def test_factors_are_checked(value):
    for make in (
        regularizers.L1,
        regularizers.L2,
        regularizers.L1L2,
        regularizers.OrthogonalRegularizer,
    ):
        with pytest.raises(ValueError, match="non-negative"):
            make(value)


def test_errors():
    with pytest.raises(ValueError, match="mode='diagonal'"):
        regularizers.OrthogonalRegularizer(mode="diagonal")
    with pytest.raises(ValueError, match="regularizes matrices"):
        regularizers.OrthogonalRegularizer()(tensor[0])
    with pytest.raises(NotImplementedError, match="get_config"):
        regularizers.Regularizer().get_config()
