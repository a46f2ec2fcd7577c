"""A save that finds no room raises, names the place, and leaves the step before as it was."""

from __future__ import annotations

import os
import subprocess

import numpy as np
import pytest

from kdist.checkpoint import Checkpointer, CheckpointError, engine, publication
from kdist.checkpoint.storage import Store
from kdist.core.leaf import whole_leaf


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    try:
        mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small file system needs root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def noise(megabytes):
    return np.random.default_rng(0).integers(0, 2**32, (megabytes, 2**18), dtype="uint32")


def check_step_1(checkpoints, array):
    assert checkpoints.steps() == [1]
    with checkpoints.open(1) as reader:
        np.testing.assert_array_equal(reader.read(("w",)), array)


def test_a_full_file_system(small_disk):
    first = noise(1)
    checkpoints = Checkpointer(small_disk)
    checkpoints.save(1, {("w",): whole_leaf(first, True)})
    with pytest.raises(CheckpointError, match="Step 2 was not saved.*No space left") as caught:
        checkpoints.save(2, {("w",): whole_leaf(noise(8), True)})
    assert str(small_disk) in str(caught.value)
    assert os.listdir(small_disk) == ["1"]
    check_step_1(checkpoints, first)
    # There is room again: a smaller state is saved.
    checkpoints.save(3, {("w",): whole_leaf(noise(1), True)})
    assert checkpoints.steps() == [1, 3]


def test_a_full_file_system_in_the_background(small_disk):
    first = noise(1)
    checkpoints = Checkpointer(small_disk)
    checkpoints.save(1, {("w",): whole_leaf(first, True)}, block=False)
    checkpoints.save(2, {("w",): whole_leaf(noise(8), True)}, block=False)
    with pytest.raises(CheckpointError, match="Step 2 was not saved.*No space left"):
        checkpoints.wait()
    check_step_1(checkpoints, first)


NO_ROOM = OSError(28, "No space left on device")


def fail(*args, **kwargs):
    raise NO_ROOM


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (engine, "create_array"),
        (engine, "merge"),
        (publication.RenamePublication, "clear"),
        (publication.RenamePublication, "publish"),
        (Store, "write"),
    ],
)
def test_every_stage_that_fails_leaves_the_step_before(tmp_path, monkeypatch, owner, name):
    first = noise(1)
    checkpoints = Checkpointer(tmp_path)
    checkpoints.save(1, {("w",): whole_leaf(first, True)})
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fail)
        with pytest.raises(CheckpointError, match="Step 2 was not saved") as caught:
            checkpoints.save(2, {("w",): whole_leaf(first, True)})
    assert str(tmp_path) in str(caught.value)
    assert "No space left" in str(caught.value)
    assert os.listdir(tmp_path) == ["1"]
    check_step_1(checkpoints, first)


@pytest.mark.parametrize(
    "name",
    [
        "kdist.ticket",
        "kdist.part_0.json",
        "_METADATA",
        "kdist.json",
        "orbax.checkpoint",
        "_CHECKPOINT_METADATA",
        "commit_success.txt",
    ],
)
def test_the_file_that_finds_no_room_may_be_any(tmp_path, monkeypatch, name):
    first = noise(1)
    checkpoints = Checkpointer(f"memory://{tmp_path.name}")
    checkpoints.save(1, {("w",): whole_leaf(first, True)})
    real = Store.write

    def failing(self, file, data):
        if file.endswith(f"/{name}"):
            raise NO_ROOM
        real(self, file, data)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", failing)
        with pytest.raises(CheckpointError, match="No space left"):
            checkpoints.save(2, {("w",): whole_leaf(first, True)})
    check_step_1(checkpoints, first)
    assert checkpoints._store.names("2/") == []


def test_a_killed_save_leaves_the_step_before(tmp_path, monkeypatch):
    first = noise(1)
    checkpoints = Checkpointer(tmp_path)
    checkpoints.save(1, {("w",): whole_leaf(first, True)})

    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publication.RenamePublication, "publish", killed)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.save(2, {("w",): whole_leaf(first, True)})
    assert sorted(os.listdir(tmp_path)) == ["1", "2.orbax-checkpoint-tmp"]
    check_step_1(Checkpointer(tmp_path), first)
    Checkpointer(tmp_path).save(2, {("w",): whole_leaf(first, True)})
    assert sorted(os.listdir(tmp_path)) == ["1", "2"]
