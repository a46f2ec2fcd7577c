from __future__ import annotations

import numpy as np
import pytest

from kdist.data.sharding import Shard, local_length, local_rows


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("multiple", [1, 2, 4])
@pytest.mark.parametrize("n", [1, 2, 7, 24, 60])
def test_slices_hold_every_row_once_and_padding_repeats_the_last(n, count, multiple):
    batch = np.arange(n)
    held = [local_rows(n, Shard(r, count, multiple)) for r in range(count)]
    parts = [rows.of(batch) for rows in held]
    length = local_length(n, Shard(0, count, multiple))
    assert {len(p) for p in parts} == {length} and length % multiple == 0
    assert length - n / count < multiple  # no more padding than the multiple asks for
    if length * count == n:
        assert all(rows.mask is None for rows in held)
        np.testing.assert_array_equal(np.concatenate(parts), batch)
        assert all(np.shares_memory(p, batch) for p in parts)
    else:
        mask = np.concatenate([rows.mask for rows in held])
        rows = np.concatenate(parts)
        np.testing.assert_array_equal(rows[mask], batch)
        np.testing.assert_array_equal(rows[~mask], n - 1)


def test_a_mask_is_the_callers_own():
    rows = local_rows(3, Shard(0, 2))
    rows.new_mask()[:] = False
    assert rows.new_mask().all()


@pytest.mark.parametrize("arguments", [(2, 2), (-1, 2), (0, 0), (0, 1, 0)])
def test_a_shard_that_is_no_slice_is_refused(arguments):
    with pytest.raises(ValueError, match="is not a slice"):
        Shard(*arguments)
