"""The workers meet with the selected backend, and are data-parallel unless told else."""

from __future__ import annotations

import time

import pytest

from kdist import launch

pytestmark = pytest.mark.timeout(150)

# The suite itself runs with eight virtual devices.
ONE_DEVICE = {"JAX_NUM_CPU_DEVICES": "1"}


def test_workers_meet_and_are_data_parallel(tmp_path) -> None:
    def fn():
        from kdist import distribution

        here = distribution.distribution()
        return (
            distribution.process_index(),
            distribution.process_count(),
            type(here).__name__,
            len(distribution.list_devices()),
        )

    result = launch.run(fn, 2, launcher="local", storage=tmp_path, timeout=120, env=ONE_DEVICE)
    assert result.values == [(0, 2, "DataParallel", 2), (1, 2, "DataParallel", 2)]


def test_an_exception_does_not_wait_for_the_others(tmp_path) -> None:
    def fn():
        from kdist import distribution

        if distribution.process_index() == 1:
            raise ValueError("rank 1 has bad labels")
        time.sleep(100)

    with pytest.raises(launch.WorkerError, match="rank 1 has bad labels"):
        launch.run(fn, 2, launcher="local", storage=tmp_path, timeout=90)
