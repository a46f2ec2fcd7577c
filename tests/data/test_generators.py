from __future__ import annotations

import threading
import time
import warnings
from contextlib import closing

import numpy as np
import pytest

from kdist.core.spec import Spec
from kdist.data import OutOfDataError, Shard, adapt, prefetch, stream


def batches(count, size=4):
    for i in range(count):
        x = np.arange(i * size, (i + 1) * size)
        yield x, x * 2.0


def ids(source, epoch, **kwargs):
    return [b.x.tolist() for b in source.epoch(epoch, **kwargs)]


@pytest.mark.parametrize(
    "raw",
    [
        np.ones((2, 3)),
        (np.ones((2, 3)),),
        [np.ones((2, 3)), np.zeros(2)],
        (np.ones((2, 3)), np.zeros(2), np.ones(2)),
        ({"a": np.ones((2, 3)), "b": [np.ones(2)]}, np.zeros(2)),
        {"a": np.ones((2, 3))},
    ],
)
def test_batches_of_every_form(raw):
    (batch,) = adapt(iter([raw])).epoch(0)
    parts = raw if isinstance(raw, tuple | list) else (raw,)
    for given, got in zip(parts, (batch.x, batch.y, batch.sample_weight), strict=False):
        assert type(given) is type(got)
    assert (batch.sample_weight is None) == (len(parts) < 3)
    first = batch.x["a"] if isinstance(batch.x, dict) else batch.x
    assert first.shape == (2, 3) and first.dtype == "float32"


def test_a_list_of_batches_is_read_again_each_epoch():
    class Twice:
        def __iter__(self):
            return batches(3)

    source = adapt(Twice())
    assert source.num_batches is None
    assert ids(source, 0) == ids(source, 1)
    source = adapt(Twice(), steps_per_epoch=2)
    assert [b.x[0] for e in range(3) for b in source.epoch(e)] == [0, 4, 8, 0, 4, 8]


@pytest.mark.parametrize("count", [2, 3])
def test_each_process_takes_its_slice(count):
    parts = [list(adapt(batches(3)).epoch(0, Shard(r, count))) for r in range(count)]
    for i, whole in enumerate(batches(3)):
        rows = np.concatenate([p[i].x for p in parts])
        if 4 % count:
            rows = rows[np.concatenate([p[i].mask for p in parts])]
        np.testing.assert_array_equal(rows, whole[0])
    assert [b.end for b in parts[0]] == [4, 8, 12]
    assert all(b.x.flags.writeable and b.x.flags.c_contiguous for p in parts for b in p)


def test_peeking_loses_no_batch():
    source = adapt(batches(3))
    assert source.spec() == (Spec((), "int64"), Spec((), "float32"), None)
    assert ids(source, 0) == [x.tolist() for x, _ in batches(3)]
    assert source.spec()[0] == Spec((), "int64")


def test_epochs_of_steps_share_the_generator():
    source = adapt(batches(6), steps_per_epoch=2)
    assert source.num_batches == 2
    assert [r for e in range(3) for r in ids(source, e)] == [x.tolist() for x, _ in batches(6)]


def test_a_generator_that_runs_dry_names_epoch_batch_and_remedy():
    source = adapt(batches(5), steps_per_epoch=3)
    ids(source, 0)
    got = []
    with pytest.raises(OutOfDataError, match="ran dry at batch 3 of 3 in epoch 2.*while True"):
        for batch in source.epoch(1):
            got.append(batch.end)
    assert got == [4, 8]


def test_a_generator_has_no_second_epoch_without_steps():
    source = adapt(batches(2))
    assert len(ids(source, 0)) == 2
    with pytest.raises(OutOfDataError, match="no batch for epoch 2.*PyDataset"):
        ids(source, 1)


def test_an_empty_generator_is_an_error():
    with pytest.raises(OutOfDataError, match="no batch for epoch 1"):
        ids(adapt(batches(0)), 0)
    with pytest.raises(OutOfDataError, match="no batch at all"):
        adapt(batches(0)).spec()


def test_resuming_reads_and_drops_with_one_warning():
    wanted = [ids(s, e) for s in [adapt(batches(9), steps_per_epoch=3)] for e in range(3)]
    source = adapt(batches(9), steps_per_epoch=3)
    with pytest.warns(UserWarning, match="the generator cannot be positioned") as caught:
        assert ids(source, 1, start=4) == wanted[1][1:]
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ids(source, 2) == wanted[2]


def test_an_epoch_left_early_ends_its_reader_and_leaves_the_generator_open():
    data = batches(50)
    source = adapt(data, steps_per_epoch=50)
    with closing(source.epoch(0)) as epoch:
        next(epoch)
    assert not [t for t in threading.enumerate() if t.name == "kdist-reader"]
    assert len(next(data)[0]) == 4
    source.close()
    source.close()


def test_a_new_epoch_takes_over_from_one_still_open():
    source = adapt(batches(50), steps_per_epoch=20)
    left = source.epoch(0)
    next(left)
    assert len(ids(source, 1)) == 20
    assert list(left) == []


def test_an_error_of_the_generator_reaches_the_consumer():
    def broken():
        yield np.ones(2)
        raise OSError("the disk is gone")

    epoch = adapt(broken()).epoch(0)
    next(epoch)
    with pytest.raises(OSError, match="the disk is gone"):
        next(epoch)


def test_class_weight_applies_to_each_batch():
    (batch,) = adapt(iter([(np.ones((3, 1)), np.array([0, 1, 1]))]), class_weight={1: 3}).epoch(0)
    np.testing.assert_array_equal(batch.sample_weight, [1.0, 3.0, 3.0])
    source = adapt(iter([(np.ones(2), np.ones(2), np.ones(2))]), class_weight={1: 3})
    with pytest.raises(
        ValueError, match="class_weight was given, and the generator yields sample_weight"
    ):
        ids(source, 0)


@pytest.mark.parametrize(
    ("raw", "error", "message"),
    [
        (
            (np.ones(3), np.ones(2)),
            ValueError,
            "x of the generator has 3 samples .* y of the generator has 2",
        ),
        ((np.ones(3), 1.0), TypeError, r"y of the generator is 1.0 \(float\)"),
        ((np.ones(3), np.float32(1.0)), ValueError, "y of the generator is a scalar"),
        (({"a": np.array(["b"])},), TypeError, r"x\['a'\] of the generator has dtype"),
        ((np.ones(1),) * 4, ValueError, "this one has 4 parts"),
        ((np.ones((0, 2)),), ValueError, "has no samples"),
        ((), ValueError, "0 parts"),
        (None, ValueError, "holds no array"),
    ],
)
def test_a_batch_that_does_not_fit_is_named(raw, error, message):
    with pytest.raises(error, match=message):
        ids(adapt(iter([raw])), 0)


def test_leaving_does_not_wait_for_a_generator_that_is_stuck(monkeypatch):
    release = threading.Event()

    def stuck():
        yield np.ones(2)
        release.wait(30)

    monkeypatch.setattr(prefetch, "LEAVE_AFTER", 0.05)
    monkeypatch.setattr(stream, "LEAVE_AFTER", 0.05)
    source = adapt(stuck())
    next(source.epoch(0))
    began = time.monotonic()
    source.close()
    assert time.monotonic() - began < 5
    release.set()
    for thread in threading.enumerate():
        if thread.name == "kdist-reader":
            thread.join(5)
            assert not thread.is_alive()
