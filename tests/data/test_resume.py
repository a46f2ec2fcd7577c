"""Whatever the interruption, a resumed epoch holds exactly the batches that were left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdist.data import Shard, adapt


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_an_epoch_of_arrays_resumes_after_any_batch(data):
    n = data.draw(st.integers(1, 60), "n")
    batch_size = data.draw(st.integers(1, 20), "batch_size")
    count = data.draw(st.integers(1, 4), "count")
    shard = Shard(
        data.draw(st.integers(0, count - 1), "index"),
        count,
        data.draw(st.integers(1, 3), "multiple"),
    )
    shuffle = data.draw(st.sampled_from([True, False, "batch"]), "shuffle")
    steps = data.draw(st.none() | st.integers(1, -(-n // batch_size)), "steps")
    epoch = data.draw(st.integers(0, 3), "epoch")

    def source():
        return adapt(
            np.arange(n),
            np.arange(n) * 2,
            batch_size=batch_size,
            shuffle=shuffle,
            steps_per_epoch=steps,
            seed=n,
        )

    whole = list(source().epoch(epoch, shard))
    done = data.draw(st.integers(0, len(whole)), "done")
    start = whole[done - 1].end if done else 0
    rest = list(source().epoch(epoch, shard, start))
    assert [(b.size, b.end) for b in rest] == [(b.size, b.end) for b in whole[done:]]
    for a, b in zip(rest, whole[done:], strict=True):
        np.testing.assert_array_equal(a.x, b.x)
        np.testing.assert_array_equal(a.y, b.y)
        assert (a.mask is None) == (b.mask is None)
        if a.mask is not None:
            np.testing.assert_array_equal(a.mask, b.mask)


def test_another_number_of_processes_sees_the_rest_of_the_same_epoch():
    x = np.arange(37)
    before = [i for b in list(adapt(x, batch_size=8).epoch(2))[:2] for i in b.x]
    after = []
    for r in range(3):
        for b in adapt(x, batch_size=8).epoch(2, Shard(r, 3), start=16):
            after.extend(b.x if b.mask is None else b.x[b.mask])
    assert sorted([*before, *after]) == list(range(37))


def test_a_position_of_another_batch_size_is_refused():
    with pytest.raises(ValueError, match="start=5 lies inside a batch.*batch_size of the run"):
        list(adapt(np.arange(16), batch_size=8).epoch(0, start=5))
