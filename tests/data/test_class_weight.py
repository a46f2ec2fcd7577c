from __future__ import annotations

import numpy as np
import pytest

from kdist.data.class_weight import check_class_weight, sample_weights


@pytest.mark.parametrize(
    "y",
    [
        np.array([2, 0, 1]),
        np.array([[2], [0], [1]]),
        np.array([2.0, 0.0, 1.0]),
        np.eye(3)[[2, 0, 1]],
        np.array([[0.1, 0.2, 0.7], [0.8, 0.1, 0.1], [0.2, 0.6, 0.2]]),
    ],
)
def test_targets_of_every_form_find_their_class(y):
    weights = sample_weights(y, {0: 5.0, 2: 3.0})
    assert weights.dtype == "float32"
    np.testing.assert_array_equal(weights, [3.0, 5.0, 1.0])


def test_targets_that_are_no_classes_are_refused():
    with pytest.raises(ValueError, match=r"received \(2, 3, 4\)"):
        sample_weights(np.ones((2, 3, 4)), {0: 1.0})


@pytest.mark.parametrize(
    "bad", [[1.0, 2.0], {"a": 1.0}, {0: float("nan")}, {True: 1.0}, {0.5: 1.0}]
)
def test_a_class_weight_that_is_no_mapping_of_classes_is_refused(bad):
    with pytest.raises(ValueError, match="class_weight"):
        check_class_weight(bad)


def test_numpy_keys_are_classes():
    assert check_class_weight({np.int64(3): 2}) == {3: 2.0}
