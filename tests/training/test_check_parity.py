"""check_parity finds no difference where there is none, and names the first where there is one."""

from __future__ import annotations

import numpy as np
import pytest

import kdist
from kdist import layers
from kdist.distribution import DataParallel, check_parity, list_devices
from kdist.distribution.parity import compare


def data():
    rng = np.random.default_rng(5)
    x = rng.standard_normal((21, 6)).astype("float32")
    return x, rng.integers(0, 3, 21).astype("int32")


def make():
    model = kdist.Sequential(
        [kdist.Input((6,)), layers.Dense(8, "tanh"), layers.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def strategy():
    return DataParallel(devices=list_devices()[:1])


def test_a_strategy_that_trains_alike():
    report = check_parity(make, data(), strategy(), steps=4, batch_size=8)
    assert report.ok and report.first is None
    names = [d.name for d in report.differences]
    assert (
        names[:2] == ["accuracy after step 1", "loss after step 1"] or "loss after step 1" in names
    )
    assert "loss after step 4" in names and any(n.endswith("kernel") for n in names)
    assert "agree with one device's" in str(report)


def test_a_model_that_differs_is_found_and_its_first_tensor_named():
    calls = []

    def other():
        calls.append(None)
        model = make()
        model.compile(
            kdist.optimizers.Adam(0.001 if len(calls) == 1 else 0.01),
            "sparse_categorical_crossentropy",
        )
        return model

    report = check_parity(other, data(), strategy(), steps=3, batch_size=8)
    assert not report.ok
    assert report.first.name == "loss after step 2"  # the first loss comes before any update
    assert "The first to differ" in str(report) and "loss after step 2" in str(report)


def test_traces_of_unlike_shapes_and_names():
    one = {"a": np.zeros(3), "b": np.ones(2)}
    assert compare(one, {"a": np.zeros(3), "b": np.ones(2)}).ok
    assert compare(one, {"a": np.zeros(4), "b": np.ones(2)}).first.name == "a"
    assert compare(one, {"a": np.zeros(3)}).first.name == "b"
    assert compare(one, {"a": np.zeros(3), "b": np.array([1.0, np.nan])}).first.name == "b"
    assert compare(one, {"a": np.zeros(3), "b": np.ones(2) + 1e-7}).ok


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps=0 of check_parity must be at least 1"),
    ],
)
def test_arguments_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        check_parity(make, data(), strategy(), **arguments)


def test_a_model_that_is_not_compiled():
    plain = lambda: kdist.Sequential([kdist.Input((6,)), layers.Dense(3)])
    with pytest.raises(ValueError, match="model_fn must return a compiled model"):
        check_parity(plain, data(), strategy())
