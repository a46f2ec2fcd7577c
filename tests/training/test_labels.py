"""Labels out of range are found before the first step."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import kdist
from kdist import layers
from kdist.losses import SparseCategoricalCrossentropy


def classifier(loss="sparse_categorical_crossentropy", classes=4, activation="softmax"):
    model = kdist.Sequential(
        [kdist.Input((2,)), layers.Dense(classes, activation=activation, name="out")]
    )
    model.compile("sgd", loss)
    return model


X = np.zeros((6, 2), "float32")


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_a_label_past_the_last_class(method):
    options = {} if method == "train_on_batch" else {"verbose": 0}
    with pytest.raises(
        ValueError,
        match=r"y holds the label 4 \(at index 2; 2 of 6 do not fit\), and the model's output has 4 classes, 0 to 3",
    ):
        getattr(classifier(), method)(X, np.array([0, 1, 4, 3, 9, 2]), **options)


def test_a_negative_label_names_ignore_class():
    with pytest.raises(
        ValueError, match=r"y holds the label -1 \(at index 5; 1 of 6.*ignore_class"
    ):
        classifier().fit(X, np.array([0, 1, 2, 3, 0, -1]), verbose=0)


@pytest.mark.parametrize("ignored", [-1, 255])
def test_the_ignored_class_may_be_any_number(ignored):
    model = classifier(SparseCategoricalCrossentropy(ignore_class=ignored))
    history = model.fit(X, np.array([0, 1, ignored, 3, ignored, 2]), verbose=0).history
    assert np.isfinite(history["loss"]).all()
    with pytest.raises(ValueError, match=r"holds the label 7 \(at index 1"):
        model.fit(X, np.array([ignored, 7, 0, 0, 0, 0]), verbose=0)


def test_validation_data_and_pandas():
    y = pd.Series([0, 1, 2, 3, 0, 1])
    with pytest.raises(ValueError, match=r"validation_data's y holds the label 5 \(at index 0"):
        classifier().fit(X, y, validation_data=(X, pd.Series([5, 0, 0, 0, 0, 0])), verbose=0)
    with pytest.raises(ValueError, match=r"y holds the label 4 \(at index 2; 2 of 6"):
        classifier().fit(X, y + 2, verbose=0)


def test_the_output_is_named_where_there_are_several():
    x = kdist.Input((2,))
    model = kdist.Model(x, {"a": layers.Dense(4)(x), "b": layers.Dense(3)(x)})
    loss = SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", {"a": loss, "b": loss})
    threes = np.full(6, 3)
    with pytest.raises(ValueError, match=r"y\['b'\] holds the label 3 \(at index 0; 6 of 6"):
        model.fit(X, {"a": threes, "b": threes}, verbose=0)


def test_maps_of_labels():
    x = kdist.Input((5, 2))
    model = kdist.Model(x, layers.Dense(4, activation="softmax")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    y = np.zeros((6, 5), "int64")
    y[3, 1] = 4
    with pytest.raises(ValueError, match=r"label 4 \(at index \(3, 1\); 1 of 30"):
        model.fit(np.zeros((6, 5, 2), "float32"), y, verbose=0)


def test_other_losses_take_any_integers():
    model = classifier("mse", classes=1, activation="sigmoid")
    model.fit(X, np.array([-5, 0, 90, 3, 2, 1]), verbose=0)
    assert model.compiled
