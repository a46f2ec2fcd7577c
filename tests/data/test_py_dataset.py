from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from contextlib import closing

import numpy as np
import pytest

from kdist.data import OutOfDataError, PyDataset, Shard, adapt


class Rows(PyDataset):
    """Rows 0 to n-1 in batches of `size`; slow and uneven in time, so that workers finish out of
    order.
    """

    def __init__(self, n=23, size=4, **kwargs):
        super().__init__(**kwargs)
        self.n, self.size = n, size
        self.calls = []

    def __len__(self):
        return -(-self.n // self.size)

    def __getitem__(self, index):
        self.calls.append(index)
        time.sleep(0.004 if index % 3 == 0 else 0)
        x = np.arange(index * self.size, min(self.n, (index + 1) * self.size))
        return x, x * 2.0


class SizedRows(Rows):
    @property
    def batch_size(self):
        return self.size


class Endless(PyDataset):
    num_batches = None

    def __getitem__(self, index):
        return np.full(2, index)


class Fails(Rows):
    def __getitem__(self, index):
        if index == 2:
            raise OSError("no such picture")
        return super().__getitem__(index)


class Counts(Rows):
    """Its batches hold the number of epochs that have ended."""

    ended = 0
    begun = 0

    def __getitem__(self, index):
        return np.full(2, self.ended)

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


class Dies(Rows):
    def __getitem__(self, index):
        os._exit(3)


def ids(source, epoch=0, **kwargs):
    return [b.x.tolist() for b in source.epoch(epoch, **kwargs)]


def test_batches_in_their_own_order_without_shuffling():
    source = adapt(Rows(), shuffle=False)
    assert [i for rows in ids(source) for i in rows] == list(range(23))
    assert [b.end for b in source.epoch(0)] == [4, 8, 12, 16, 20, 23]
    assert (source.num_batches, source.seekable) == (6, False)


def test_the_order_depends_on_seed_and_epoch_and_not_on_workers():
    inline = adapt(Rows(workers=0), seed=3)
    wanted = [ids(inline, e) for e in range(2)]
    assert wanted[0] != wanted[1] and sorted(wanted[0]) == sorted(wanted[1])
    for workers in (1, 3):
        source = adapt(Rows(workers=workers, max_queue_size=4), seed=3)
        assert [ids(source, e) for e in range(2)] == wanted
    assert not [t for t in threading.enumerate() if t.name.startswith("kdist-dataset")]


def test_processes_give_the_same_batches_and_errors_and_leave_none_behind():
    wanted = ids(adapt(Rows(workers=0), seed=3), 1)
    source = adapt(Rows(workers=2, use_multiprocessing=True), seed=3)
    assert ids(source, 1) == wanted
    processes = list(source._pool._processes.values())
    assert ids(source, 1, shard=Shard(0, 1)) == wanted
    assert list(source._pool._processes.values()) == processes  # kept from epoch to epoch
    source.close()
    assert not any(p.is_alive() for p in processes)
    source = adapt(Fails(workers=1, use_multiprocessing=True), shuffle=False)
    with pytest.raises(OSError, match="no such picture") as caught:
        ids(source)
    assert "batch 2 of the Fails" in " ".join(caught.value.__notes__)
    source.close()


def test_processes_see_what_epoch_hooks_changed():
    source = adapt(Counts(workers=1, use_multiprocessing=True), shuffle=False)
    assert [ids(source, e)[0] for e in range(2)] == [[0, 0], [1, 1]]
    source.close()


def test_a_worker_process_that_dies_is_an_error():
    source = adapt(Dies(workers=1, use_multiprocessing=True))
    with pytest.raises(RuntimeError, match="A worker process of the Dies died"):
        ids(source)
    source.close()


def test_a_dataset_that_cannot_be_pickled_is_named():
    data = Rows(workers=1, use_multiprocessing=True)
    data.hook = lambda: None
    with pytest.raises(ValueError, match="use_multiprocessing=True pickles the Rows"):
        ids(adapt(data))


def test_worker_processes_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent("""
            import os, time
            import numpy as np
            from kdist.data import PyDataset, adapt

            class Pids(PyDataset):
                def __len__(self):
                    return 3
                def __getitem__(self, index):
                    return np.array([os.getpid()])

            if __name__ == "__main__":
                source = adapt(Pids(workers=1, use_multiprocessing=True))
                print(next(source.epoch(0)).x[0], flush=True)
                time.sleep(60)
            """)
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    try:
        worker = int(parent.stdout.readline())
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
    deadline = time.monotonic() + 10
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(worker)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_read_ahead_is_bounded():
    data = Rows(n=400, workers=2, max_queue_size=3)
    with closing(adapt(data, shuffle=False).epoch(0)) as epoch:
        next(epoch)
        time.sleep(0.05)
        assert len(data.calls) == 3
    assert not [t for t in threading.enumerate() if t.name.startswith("kdist-dataset")]


@pytest.mark.parametrize("workers", [0, 2])
def test_epoch_hooks_run_once_also_when_an_epoch_is_left_early(workers):
    data = Counts(workers=workers)
    source = adapt(data)
    ids(source)
    assert (data.begun, data.ended) == (1, 1)
    with closing(source.epoch(1)) as epoch:
        next(epoch)
    assert (data.begun, data.ended) == (2, 2)


def test_an_endless_dataset_needs_steps_and_goes_on():
    with pytest.raises(ValueError, match="the Endless never ends .* steps_per_epoch"):
        adapt(Endless())
    source = adapt(Endless(), steps_per_epoch=2)
    assert [r[0] for e in range(3) for r in ids(source, e)] == [0, 1, 2, 3, 4, 5]
    assert ids(source, 7)[0] == [14, 14]


def test_an_error_names_the_batch():
    with pytest.raises(OSError, match="no such picture") as caught:
        ids(adapt(Fails(workers=2), shuffle=False))
    assert "batch 2 of the Fails" in caught.value.__notes__[0]


def test_steps_and_lengths_that_do_not_fit_are_refused():
    with pytest.raises(OutOfDataError, match="steps_per_epoch=7, but the Rows has 6 batches"):
        adapt(Rows(), steps_per_epoch=7)
    with pytest.raises(ValueError, match="its length is 0"):
        adapt(Rows(n=0))
    with pytest.raises(NotImplementedError, match="must define __len__"):
        adapt(PyDataset())


def test_a_dataset_that_states_its_batch_size_is_entered_directly():
    whole = ids(adapt(SizedRows(), seed=1), 2)
    data = SizedRows()
    source = adapt(data, seed=1)
    assert source.seekable and source.batch_size == 4
    ends = [b.end for b in source.epoch(2)]
    for done, end in enumerate(ends, 1):
        data.calls.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert ids(source, 2, start=end) == whole[done:]
        assert len(data.calls) <= len(whole) - done + 1  # and the last batch, for its size


def test_a_dataset_of_unknown_batch_sizes_is_read_up_to_the_position():
    whole = ids(adapt(Rows(), seed=1), 2)
    source = adapt(Rows(), seed=1)
    end = len(whole[0]) + len(whole[1])
    with pytest.warns(UserWarning, match="Set its attribute batch_size"):
        assert ids(source, 2, start=end) == whole[2:]


def test_a_subclass_need_not_call_the_constructor():
    class Bare(PyDataset):
        def __init__(self):
            pass

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return np.full(1, index)

    assert sorted(ids(adapt(Bare()))) == [[0], [1]]
    assert [int(b[0]) for b in Bare()] == [0, 1]
