from __future__ import annotations

import os
import threading

import ml_dtypes
import numpy as np
import pytest

from kdist.checkpoint import (
    Checkpointer,
    CheckpointError,
    RetentionPolicy,
    commit,
    publication,
    writer,
)
from kdist.core.leaf import Leaf, whole_leaf


def leaves_of(arrays):
    return {path: whole_leaf(array, owned=True) for path, array in arrays.items()}


def some_arrays():
    return {
        ("params", "kernel"): np.arange(60, dtype="float32").reshape(10, 6),
        ("params", "half"): np.arange(7, dtype=ml_dtypes.bfloat16),
        ("params", "f8"): np.arange(4).astype(ml_dtypes.float8_e4m3fn),
        ("flags",): np.array([True, False]),
        ("complex",): np.array([1 + 2j], "complex64"),
        ("scalar",): np.array(42, "int64"),
        ("nothing",): np.zeros((0, 3), "float16"),
        ("zeros",): np.zeros((4, 4), "uint32"),
    }


def check(reader, arrays):
    assert set(reader.leaves()) == set(arrays)
    for path, array in arrays.items():
        assert reader.leaves()[path] == (array.shape, array.dtype)
        found = reader.read(path)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


@pytest.fixture(params=["path", "file", "memory"])
def url(request, tmp_path):
    return {
        "path": str(tmp_path / "a run"),
        "file": f"file://{tmp_path}/run",
        "memory": f"memory://{tmp_path.name}",
    }[request.param]


@pytest.mark.parametrize("compression", ["zstd", None])
def test_round_trip(url, compression):
    meta = {"epoch": 3, "data": {"position": 17, "seed": None}, "loss": np.float32(0.5)}
    with Checkpointer(url, compression=compression) as checkpoints:
        assert checkpoints.steps() == []
        assert checkpoints.latest() is None
        checkpoints.save(5, leaves_of(some_arrays()), meta, metrics={"val_loss": 0.25})
    # Another object, as another process would have.
    other = Checkpointer(url)
    assert other.steps() == [5]
    with other.open() as reader:
        assert reader.step == 5
        assert reader.meta == {"epoch": 3, "data": {"position": 17, "seed": None}, "loss": 0.5}
        assert reader.metrics == {"val_loss": 0.25}
        assert reader.verified
        check(reader, some_arrays())


def test_steps_sort_as_numbers_and_others_are_ignored(tmp_path):
    checkpoints = Checkpointer(tmp_path)
    for step in (10, 9, 0):
        checkpoints.save(step, leaves_of({("a",): np.arange(3)}))
    for name in ("007", "x", "11.orbax-checkpoint-tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "12").write_text("a file")
    assert checkpoints.steps() == [0, 9, 10]
    assert checkpoints.latest() == 10


def test_read_regions(url, monkeypatch):
    # Chunks of 4 rows: regions begin and end inside of them.
    monkeypatch.setattr(writer, "CHUNK_BYTES", 96)
    array = np.arange(60, dtype="float32").reshape(10, 6)
    checkpoints = Checkpointer(url)
    checkpoints.save(1, leaves_of({("k",): array}))
    with checkpoints.open() as reader:
        for index in (
            (slice(3, 9), slice(1, 2)),
            (slice(None), slice(2, None)),
            (slice(4, 8), slice(None)),
            (slice(-2, None), slice(0, 3)),
            (slice(5, 5), slice(None)),
        ):
            found = reader.read(("k",), index)
            np.testing.assert_array_equal(found, array[index])
            found[...] = 0  # the caller's own
        np.testing.assert_array_equal(reader.read(("k",)), array)
        some = reader.read_many([(("k",), (slice(0, 1), slice(0, 1))), (("k",), None)])
        assert [a.shape for a in some] == [(1, 1), (10, 6)]
        with pytest.raises(ValueError, match="index"):
            reader.read(("k",), (slice(0, 9, 2), slice(None)))
        with pytest.raises(ValueError, match="index"):
            reader.read(("k",), (slice(0, 9),))
        with pytest.raises(KeyError, match="no leaf"):
            reader.read(("missing",))


def test_sharded_boxes_of_one_process(url):
    array = np.arange(40, dtype="int32").reshape(8, 5)
    boxes = tuple(((o, 0), array[o : o + 2]) for o in (0, 2, 4, 6))
    checkpoints = Checkpointer(url)
    checkpoints.save(1, {("a",): Leaf((8, 5), array.dtype, (2, 5), boxes)})
    with checkpoints.open() as reader:
        np.testing.assert_array_equal(reader.read(("a",)), array)


def test_arrays_of_any_memory_order(url):
    array = np.arange(24, dtype=">f8").reshape(4, 6)
    views = {("t",): array.T, ("s",): array[::2, 1::2], ("f",): np.asfortranarray(array)}
    checkpoints = Checkpointer(url)
    checkpoints.save(1, leaves_of(views))
    with checkpoints.open() as reader:
        for path, view in views.items():
            np.testing.assert_array_equal(reader.read(path), view)


def test_keys_with_dots_slashes_and_percents(url):
    arrays = {("a.b", "c/d"): np.arange(2), ("a", "b%2Ec"): np.arange(3), ("ä", "0"): np.arange(4)}
    checkpoints = Checkpointer(url)
    checkpoints.save(1, leaves_of(arrays))
    with checkpoints.open() as reader:
        check(reader, arrays)


@pytest.mark.parametrize("paths", [[()], [("a", "")], ["ab"], [("a",), ("a", "b")]])
def test_names_that_are_no_tree_are_refused(tmp_path, paths):
    with pytest.raises(CheckpointError, match="leaves"):
        Checkpointer(tmp_path).save(1, leaves_of({p: np.arange(2) for p in paths}))


def test_no_leaves_at_all(url):
    checkpoints = Checkpointer(url)
    checkpoints.save(1, {}, {"epoch": 1})
    with checkpoints.open() as reader:
        assert reader.leaves() == {}
        assert reader.meta == {"epoch": 1}


def test_a_step_is_saved_once(url):
    checkpoints = Checkpointer(url)
    checkpoints.save(1, leaves_of({("a",): np.arange(2)}))
    with pytest.raises(CheckpointError, match="already published"):
        checkpoints.save(1, leaves_of({("a",): np.arange(3)}))
    with checkpoints.open(1) as reader:
        assert reader.read(("a",)).shape == (2,)
    checkpoints.delete(1)
    assert checkpoints.steps() == []
    checkpoints.save(1, leaves_of({("a",): np.arange(3)}))
    # No cache of the step of that name before.
    with checkpoints.open(1) as reader:
        assert reader.read(("a",)).shape == (3,)


def test_missing_steps_are_named(url):
    checkpoints = Checkpointer(url)
    with pytest.raises(CheckpointError, match="no published step"):
        checkpoints.open()
    checkpoints.save(1, {})
    with pytest.raises(CheckpointError, match="no published step 2; it has \\[1\\]"):
        checkpoints.open(2)
    with pytest.raises(CheckpointError, match="no published step 2; it has \\[1\\]"):
        checkpoints.delete(2)


@pytest.mark.parametrize("meta", [{"a": object()}, {1: 2}, {"a": [{"b": {2.5: 1}}]}])
def test_meta_must_be_json(tmp_path, meta):
    with pytest.raises(CheckpointError, match="meta"):
        Checkpointer(tmp_path).save(1, {}, meta)


@pytest.mark.parametrize("step", [-1, 1.0, "1", True])
def test_a_step_is_a_non_negative_int(tmp_path, step):
    with pytest.raises(ValueError, match="step"):
        Checkpointer(tmp_path).save(step, {})


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="compression"):
        Checkpointer(tmp_path, compression="gzip")
    with pytest.raises(ValueError, match="timeout_s"):
        Checkpointer(tmp_path, timeout_s=0)
    with pytest.raises(ValueError, match="last"):
        Checkpointer(tmp_path, keep=0)


def test_background_save_keeps_the_state_of_the_call(url):
    array = np.arange(1000, dtype="float32")
    meta = {"position": [1]}
    with Checkpointer(url) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, leaves_of({("a",): array}), meta, block=False)
            # The training goes on in the same memory.
            array += 1
            meta["position"][0] += 1
            assert checkpoints.last_stall_s > 0
    assert not checkpoints.in_flight
    for step in (1, 2, 3):
        with checkpoints.open(step) as reader:
            assert reader.read(("a",))[0] == step - 1
            assert reader.meta == {"position": [step]}


@pytest.mark.parametrize("compression", ["zstd", None])
@pytest.mark.parametrize("block", [True, False])
def test_what_is_saved_does_not_follow_the_arrays(url, block, compression):
    # The engine may keep referring to memory that it was given; storage in memory does.
    array = np.arange(100_000, dtype="float32")
    checkpoints = Checkpointer(url, compression=compression)
    checkpoints.save(1, leaves_of({("a",): array}), block=block)
    checkpoints.wait()
    array[...] = -1
    checkpoints.save(2, leaves_of({("a",): array}), block=block)
    checkpoints.wait()
    with checkpoints.open(1) as reader:
        np.testing.assert_array_equal(reader.read(("a",)), np.arange(100_000, dtype="float32"))


def test_at_most_one_background_save(tmp_path, monkeypatch):
    go, running = threading.Event(), []
    real = writer.write_part

    def slow(*args, **kwargs):
        running.append(threading.current_thread().name)
        assert go.wait(20)
        return real(*args, **kwargs)

    monkeypatch.setattr(commit.writer, "write_part", slow)
    checkpoints = Checkpointer(tmp_path)
    checkpoints.save(1, leaves_of({("a",): np.arange(3)}), block=False)
    assert checkpoints.in_flight
    assert checkpoints.steps() == []
    threading.Timer(0.2, go.set).start()
    checkpoints.save(2, leaves_of({("a",): np.arange(3)}), block=False)
    assert checkpoints.last_stall_s > 0.1
    assert 1 in checkpoints.steps()
    checkpoints.wait()
    assert checkpoints.steps() == [1, 2]


@pytest.mark.parametrize("how", ["wait", "save", "close"])
def test_a_failed_background_save_raises_once(tmp_path, monkeypatch, how):
    checkpoints = Checkpointer(tmp_path)
    checkpoints.save(1, leaves_of({("a",): np.arange(3)}))

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(commit.writer, "write_part", full)
        checkpoints.save(2, leaves_of({("a",): np.arange(3)}), block=False)
        checkpoints._thread.join()
    with pytest.raises(CheckpointError, match="Step 2 was not saved.*No space left"):
        {
            "wait": checkpoints.wait,
            "close": checkpoints.close,
            "save": lambda: checkpoints.save(3, {}),
        }[how]()
    checkpoints.wait()
    assert checkpoints.steps() == [1]
    checkpoints.save(3, {})
    assert checkpoints.steps() == [1, 3]


def test_leftovers_are_reclaimed_by_the_first_save_and_not_by_readers(tmp_path):
    Checkpointer(tmp_path).save(1, leaves_of({("a",): np.arange(3)}))
    for name in ("7.orbax-checkpoint-tmp", "3.orbax-checkpoint-tmp-deleted"):
        (tmp_path / name / "state").mkdir(parents=True)
        (tmp_path / name / "state" / "x").write_text("x")
    (tmp_path / "notes.orbax-checkpoint-tmp").mkdir()
    reading = Checkpointer(tmp_path)
    with reading.open():
        assert (tmp_path / "7.orbax-checkpoint-tmp").exists()
    Checkpointer(tmp_path).save(2, leaves_of({("a",): np.arange(3)}))
    assert sorted(os.listdir(tmp_path)) == ["1", "2", "notes.orbax-checkpoint-tmp"]


def test_leftovers_without_a_marker_are_no_steps(tmp_path):
    url = f"memory://{tmp_path.name}"
    checkpoints = Checkpointer(url)
    checkpoints.save(1, leaves_of({("a",): np.arange(3)}))
    checkpoints._store.write("2/state/_METADATA", b"{}")
    assert checkpoints.steps() == [1]
    assert Checkpointer(url).reclaim() == ["2"]
    assert checkpoints._store.names("2/") == []
    assert checkpoints._store.names("1/") != []


def test_retention_removes_steps(url):
    policy = RetentionPolicy(last=1, best=1, metric="acc", mode="max")
    checkpoints = Checkpointer(url, keep=policy)
    for step, acc in ((1, 0.5), (2, 0.9), (3, 0.7)):
        checkpoints.save(step, leaves_of({("a",): np.arange(3)}), metrics={"acc": acc})
    assert checkpoints.steps() == [2, 3]
    # A restarted run learns the metrics from the steps themselves.
    again = Checkpointer(url, keep=policy)
    again.save(4, leaves_of({("a",): np.arange(3)}), metrics={"acc": 0.6})
    assert again.steps() == [2, 4]
    with again.open(2) as reader:
        np.testing.assert_array_equal(reader.read(("a",)), np.arange(3))


def test_keep_as_an_int(tmp_path):
    checkpoints = Checkpointer(tmp_path, keep=2)
    for step in range(5):
        checkpoints.save(step, {})
    assert checkpoints.steps() == [3, 4]
    assert sorted(os.listdir(tmp_path)) == ["3", "4"]


def test_an_old_step_that_cannot_be_removed_is_reported_after_the_save(tmp_path, monkeypatch):
    checkpoints = Checkpointer(tmp_path, keep=1)
    checkpoints.save(1, {})

    def refuse(*args):
        raise PermissionError("not yours")

    with monkeypatch.context() as patch:
        patch.setattr(publication.RenamePublication, "remove", refuse)
        with pytest.raises(CheckpointError, match="Step 2 is saved.*step 1.*not yours"):
            checkpoints.save(2, {})
    assert checkpoints.steps() == [1, 2]


def test_a_closed_reader_says_so(tmp_path):
    checkpoints = Checkpointer(tmp_path)
    checkpoints.save(1, leaves_of({("a",): np.arange(3)}))
    reader = checkpoints.open()
    reader.close()
    with pytest.raises(CheckpointError, match="closed"):
        reader.read(("a",))


def test_large_arrays_are_cut_and_budgeted(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "CHUNK_BYTES", 4096)
    monkeypatch.setattr(writer, "_IN_FLIGHT_BYTES", 8192)
    array = np.random.default_rng(0).standard_normal((64, 33, 9)).astype("float32")
    checkpoints = Checkpointer(tmp_path)
    checkpoints.save(1, leaves_of({("a",): array}))
    with checkpoints.open() as reader:
        np.testing.assert_array_equal(reader.read(("a",)), array)
        assert len(reader._sums["a",]) > 10
