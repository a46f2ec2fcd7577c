"""The tools of kdist.utils, against Keras's where they compute something."""

from __future__ import annotations

import logging
import os
import warnings

import numpy as np
import pytest

import kdist
from kdist import utils
from kdist.backend import bound as backend


@pytest.fixture(scope="module")
def keras():
    os.environ["KERAS_BACKEND"] = backend.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages, at their import
        import keras
    return keras


@pytest.mark.parametrize("x", [[0, 2, 1], [[0], [3]], [[[1], [0]], [[2], [2]]], 2])
@pytest.mark.parametrize("classes", [None, 5])
def test_to_categorical(keras, x, classes):
    expected = keras.utils.to_categorical(x, classes)
    np.testing.assert_array_equal(utils.to_categorical(x, classes), expected)


def test_to_categorical_of_tensors_and_of_what_does_not_fit():
    tensor = kdist.ops.convert_to_tensor([[0], [2]])
    found = utils.to_categorical(tensor, 3)
    assert kdist.ops.is_tensor(found)
    np.testing.assert_array_equal(kdist.ops.convert_to_numpy(found), [[1, 0, 0], [0, 0, 1]])
    with pytest.raises(ValueError, match="from -1 to 2"):
        utils.to_categorical([-1, 2])
    with pytest.raises(ValueError, match="num_classes=2"):
        utils.to_categorical([0, 2], 2)
    with pytest.raises(ValueError, match="empty"):
        utils.to_categorical([])


@pytest.mark.parametrize("order", [1, 2, np.inf])
@pytest.mark.parametrize("axis", [-1, 1])
def test_normalize(keras, axis, order):
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    x[0] = 0
    expected = keras.utils.normalize(x, axis, order)
    np.testing.assert_allclose(utils.normalize(x, axis, order), expected)


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
@pytest.mark.parametrize("maxlen", [None, 2, 5])
def test_pad_sequences(keras, padding, truncating, maxlen):
    for sequences in ([[1], [2, 3], [], [4, 5, 6]], [[[1, 2]], [[3, 4], [5, 6]]]):
        given = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "value": 9}
        found = utils.pad_sequences(sequences, **given)
        expected = keras.utils.pad_sequences(sequences, **given)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


def test_pad_sequences_refuses():
    with pytest.raises(ValueError, match="padding='left'"):
        utils.pad_sequences([[1]], padding="left")
    with pytest.raises(ValueError, match=r"sequences\[1\]"):
        utils.pad_sequences([[1], 2])
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        utils.pad_sequences([[[1, 2]], [[1, 2, 3]]])
    with pytest.raises(ValueError, match="dtype=object"):
        utils.pad_sequences([["a"]], value="b")
    assert utils.pad_sequences([["a"], ["b", "c"]], dtype=object, value="").tolist() == [
        ["", "a"],
        ["b", "c"],
    ]


@pytest.mark.parametrize(("left", "right", "sizes"), [
    (0.8, None, (8, 2)), (None, 3, (7, 3)), (2, 0.5, (2, 5)), (4, 6, (4, 6)),
])  # fmt: skip
def test_split_dataset(left, right, sizes):
    x, y = np.arange(20).reshape(10, 2), np.arange(10)
    first, second = utils.split_dataset((x, {"y": y}), left, right)
    assert (len(first[0]), len(second[1]["y"])) == sizes
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), x[: sum(sizes)])
    first, second = utils.split_dataset((x, y), left, right, shuffle=True, seed=1)
    np.testing.assert_array_equal(first[0][:, 0], 2 * first[1])
    assert not np.array_equal(np.concatenate([first[1], second[1]]), y[: sum(sizes)])


@pytest.mark.parametrize(("left", "right"), [
    (None, None), (0, None), (10, None), (1.5, None), (6, 6), (0.6, 0.6), (True, None),
])  # fmt: skip
def test_split_dataset_refuses(left, right):
    with pytest.raises(ValueError, match="_size"):
        utils.split_dataset(np.arange(10), left, right)


def test_split_dataset_refuses_other_data():
    with pytest.raises(ValueError, match="rows"):
        utils.split_dataset((np.arange(3), np.arange(4)), 0.5)
    with pytest.raises(ValueError, match="takes arrays"):
        utils.split_dataset(object(), 0.5)


def test_clear_session():
    kdist.layers.Dense(1)
    utils.clear_session()
    assert kdist.layers.Dense(1).name == "dense"
    assert kdist.layers.Dense(1).name == "dense_1"


def test_interactive_logging(caplog, capsys):
    assert utils.is_interactive_logging_enabled()
    utils.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, "kdist"):
            utils.Progbar(1).update(1, [("loss", 0.5)])
        assert not utils.is_interactive_logging_enabled()
        assert capsys.readouterr().out == ""
        assert "loss" in caplog.text and "\x1b" not in caplog.text
    finally:
        utils.enable_interactive_logging()
    utils.Progbar(1).update(1, [("loss", 0.5)])
    assert "loss" in capsys.readouterr().out


def test_facade():
    assert utils.is_keras_tensor(kdist.Input((2,)))
    assert not utils.is_keras_tensor(np.ones(2))
    assert utils.standardize_dtype("float") == "float32"
    assert utils.unpack_x_y_sample_weight((1, 2)) == (1, 2, None)
    assert utils.Sequence is utils.PyDataset
    for name in utils.__all__:
        assert hasattr(utils, name)
