""" "crossentropy" as a loss means the one that fits the shapes of labels and scores."""

from __future__ import annotations

import numpy as np
import pytest

import kdist
from kdist.training.compile_loss import as_loss

SCORES = np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], "float32")


@pytest.mark.parametrize(
    ("y_true", "y_pred", "named"),
    [
        (np.array([[1.0], [0.0]], "float32"), SCORES[:, :1], "binary_crossentropy"),
        (np.array([1.0, 0.0], "float32"), SCORES[:, :1], "binary_crossentropy"),
        (np.array([[[1.0], [0.0]]], "float32"), SCORES[None, :, :1], "binary_crossentropy"),
        (np.array([[1.0, 0.0]], "float32"), SCORES[None, :, :1], "binary_crossentropy"),
        (np.array([2, 0]), SCORES, "sparse_categorical_crossentropy"),
        (np.array([[2], [0]]), SCORES, "sparse_categorical_crossentropy"),
        (np.eye(3, dtype="float32")[[2, 0]], SCORES, "categorical_crossentropy"),
    ],
)
@pytest.mark.parametrize("name", ["crossentropy", "ce"])
def test_the_one_that_fits(name, y_true, y_pred, named):
    got, wanted = (
        float(kdist.ops.convert_to_numpy(as_loss(n)(y_true, y_pred))) for n in (name, named)
    )
    assert got == wanted
    assert 0.2 < got < 2.0


def test_fit_by_that_name():
    model = kdist.Sequential([kdist.Input((1,)), kdist.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "crossentropy", metrics=["crossentropy"])
    logs = model.fit(np.ones((5, 1)), np.ones((5, 1)), verbose=0).history
    assert logs["loss"] == pytest.approx(logs["crossentropy"], rel=1e-5)
