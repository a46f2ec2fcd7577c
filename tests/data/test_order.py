from __future__ import annotations

import numpy as np
import pytest

from kdist.data.order import permutation, permutation_within_batches, skips, walk


def test_the_order_depends_on_seed_and_pass_alone():
    first = permutation(100, 3, 1)
    np.random.seed(0)
    np.testing.assert_array_equal(first, permutation(100, 3, 1))
    np.testing.assert_array_equal(np.sort(first), np.arange(100))
    assert not np.array_equal(first, permutation(100, 3, 2))
    assert not np.array_equal(first, permutation(100, 4, 1))
    assert len(permutation(5, -1, 0)) == 5


def test_shuffling_within_batches_keeps_each_batch_together():
    order = permutation_within_batches(103, 10, 0, 0)
    assert not np.array_equal(order, np.arange(103))
    for low in range(0, 103, 10):
        np.testing.assert_array_equal(
            np.sort(order[low : low + 10]), np.arange(low, min(low + 10, 103))
        )


def test_epochs_of_steps_follow_one_another_on_the_chain_of_passes():
    chain = [at for epoch in range(5) for at in walk(epoch, 10, 4)]
    assert chain == [at for p in range(2) for at in walk(p, 10, None)]
    assert list(walk(2, None, 3)) == [(0, 6), (0, 7), (0, 8)]
    with pytest.raises(ValueError, match="steps"):
        list(walk(0, None, None))


def test_a_position_inside_a_batch_is_refused():
    assert skips(0, 4, 4) and not skips(4, 4, 4)
    with pytest.raises(ValueError, match="start=5 lies inside a batch"):
        skips(4, 4, 5)
