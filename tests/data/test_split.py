from __future__ import annotations

import numpy as np
import pytest

from kdist.data import train_validation_split


def test_the_tail_is_held_out():
    x, y = {"a": np.arange(10), "b": np.arange(20).reshape(10, 2)}, np.arange(10)
    (x_train, y_train, none), (x_val, y_val, _) = train_validation_split((x, y, None), 0.25)
    assert none is None
    np.testing.assert_array_equal(y_train, np.arange(7))
    np.testing.assert_array_equal(x_val["a"], [7, 8, 9])
    assert x_train["b"].shape == (7, 2) and len(y_val) == 3
    assert np.shares_memory(x_val["a"], x["a"])


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        train_validation_split((np.ones(4),), fraction)


def test_an_empty_part_is_refused():
    with pytest.raises(ValueError, match="leaves 0 to train and 1 to validate"):
        train_validation_split((np.ones(1),), 0.5)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="y has 3"):
        train_validation_split((np.ones(4), np.ones(3)), 0.5)


def test_a_dataset_cannot_be_split():
    with pytest.raises(
        ValueError, match="validation_split=0.5 splits arrays, and x is a generator"
    ):
        train_validation_split(((i for i in range(3)), None), 0.5)
