from __future__ import annotations

import os
import threading
import time

import pytest

from kdist.checkpoint import CheckpointError, FileCoordinator
from kdist.core.coordination import BarrierTimeout, Coordinator, SingleProcess


def pair(folder, run_id="r"):
    return [FileCoordinator(folder, rank, 2, run_id, poll_s=0.002) for rank in range(2)]


def both(coordinators, action):
    """Runs `action(coordinator)` for both at once and returns what they raised."""
    errors = {}

    def call(c):
        try:
            action(c)
        except Exception as e:
            errors[c.rank] = e

    threads = [threading.Thread(target=call, args=(c,)) for c in coordinators]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
        assert not t.is_alive()
    return errors


def test_single_process_never_waits():
    c = SingleProcess()
    c.barrier("a", 0.0)
    assert (c.rank, c.count) == (0, 1)
    assert isinstance(c, Coordinator)


def test_nobody_passes_alone(tmp_path):
    first, second = pair(tmp_path)
    passed = threading.Event()

    def wait():
        first.barrier("a", 20)
        passed.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not passed.wait(0.2)
    second.barrier("a", 20)
    assert passed.wait(20)
    thread.join()


def test_a_name_may_come_again(tmp_path):
    coordinators = pair(tmp_path)
    order = []

    def three(c):
        for turn in range(3):
            time.sleep(0.02 * c.rank)
            order.append(turn)
            c.barrier("same", 20)

    assert both(coordinators, three) == {}
    assert order == sorted(order)


def test_the_missing_rank_is_named(tmp_path):
    first, _ = pair(tmp_path)
    with pytest.raises(
        BarrierTimeout, match=r"'a'.*rank\(s\) 1 never arrived within 0.1 s"
    ) as caught:
        first.barrier("a", 0.1)
    assert caught.value.missing == (1,)
    assert isinstance(caught.value, TimeoutError)


def test_another_run_opens_no_barrier(tmp_path):
    both(pair(tmp_path, "r1"), lambda c: c.barrier("a", 20))
    with pytest.raises(BarrierTimeout):
        pair(tmp_path, "r2")[0].barrier("a", 0.1)


def test_files_do_not_pile_up(tmp_path):
    def many(c):
        for i in range(20):
            c.barrier(f"b{i}", 20)

    assert both(pair(tmp_path), many) == {}
    assert sum(len(files) for _, _, files in os.walk(tmp_path)) <= 4


def test_memory_is_refused_for_several_processes():
    with pytest.raises(CheckpointError, match="memory of one process, and this run has 2"):
        FileCoordinator("memory://x", 0, 2, "r")
    FileCoordinator("memory://x", 0, 1, "r").barrier("a", 1)


@pytest.mark.parametrize(
    ("rank", "run_id", "what"),
    [(2, "r", "rank"), (-1, "r", "rank"), (0, "a/b", "run_id"), (0, "", "run_id")],
)
def test_bad_arguments(tmp_path, rank, run_id, what):
    with pytest.raises(ValueError, match=what):
        FileCoordinator(tmp_path, rank, 2, run_id)


def test_a_name_with_a_slash_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="'a/b'"):
        pair(tmp_path)[0].barrier("a/b", 1)
