"""Two processes, no framework: they write one checkpoint, and fail together."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from kdist.checkpoint import Checkpointer

HERE = Path(__file__).resolve()
TIMEOUT_S = 60


def start(scenario: str, folder: Path) -> list[subprocess.Popen]:
    env = {**os.environ, "PYTHONPATH": str(HERE.parents[2]), "OMP_NUM_THREADS": "1"}
    script = str(HERE.with_name("process_child.py"))
    return [
        subprocess.Popen(
            [sys.executable, script, scenario, str(folder), str(rank), "2"],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]


def run(scenario: str, folder: Path) -> list[tuple[int, str]]:
    children = start(scenario, folder)
    try:
        out = [child.communicate(timeout=TIMEOUT_S)[0] for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()
    return [(child.returncode, text) for child, text in zip(children, out, strict=True)]


def test_two_processes_write_one_checkpoint(tmp_path):
    for code, out in run("good", tmp_path):
        assert code == 0, out
        assert "DONE" in out
    checkpoints = Checkpointer(tmp_path / "run")
    assert checkpoints.steps() == [2, 3]
    kernel = np.arange(35, dtype="float32").reshape(7, 5)
    with checkpoints.open(3) as reader:
        assert reader.meta == {"chief": 0}
        np.testing.assert_array_equal(reader.read(("params", "kernel")), kernel + 3)
        np.testing.assert_array_equal(reader.read(("params", "second")), kernel)
        half = reader.read(("params", "half"))
        assert half.dtype == ml_dtypes.bfloat16
        np.testing.assert_array_equal(half, np.arange(8, dtype=ml_dtypes.bfloat16))
        assert reader.read(("step",)) == 3
        assert reader.read(("empty",)).shape == (0, 2)
    step = tmp_path / "run" / "3"
    assert (step / "state" / "ocdbt.process_0").is_dir()
    assert (step / "state" / "ocdbt.process_1").is_dir()
    assert sorted(p.name for p in step.iterdir()) == [
        "_CHECKPOINT_METADATA",
        "commit_success.txt",
        "kdist.json",
        "orbax.checkpoint",
        "state",
    ]


@pytest.mark.parametrize(
    ("scenario", "on_chief", "on_other"),
    [
        ("full", "rank 1 failed with OSError.*No space left", "No space left"),
        ("chief-full", "No space left", "rank 0 failed with OSError.*No space left"),
        ("chief-cannot-merge", "Step 4 was not saved", "chief .rank 0. could not publish"),
        ("twice", "'step': ranks 0 and 1 both wrote chunk 0", "chief .rank 0. could not publish"),
        ("nobody", "'step': no process wrote", "chief .rank 0. could not publish"),
        (
            "other-grid",
            "'step': its dtype is int64 on rank 0 and int32 on rank 1",
            "could not publish",
        ),
        ("other-leaves", "different leaves.*'step'", "could not publish"),
        ("again", "step 3 is already published", "finds no folder opened by the chief"),
    ],
)
def test_they_fail_together(tmp_path, scenario, on_chief, on_other):
    for (code, out), expected in zip(run(scenario, tmp_path), (on_chief, on_other), strict=True):
        assert code == 0, out
        assert re.search(f"ERROR.*{expected}", out), out
    checkpoints = Checkpointer(tmp_path / "run")
    assert checkpoints.steps() == [2, 3]
    assert sorted(os.listdir(tmp_path / "run")) == ["2", "3"]
    with checkpoints.open(3) as reader:
        assert reader.read(("step",)) == 3


def test_a_process_that_dies_is_named(tmp_path):
    (chief_code, chief), (other_code, _) = run("dies", tmp_path)
    assert other_code == 9
    assert chief_code == 0, chief
    assert "ERROR Step 4 was not saved" in chief
    assert "rank(s) 1 did not confirm within 2 s" in chief
    assert "STEPS [2, 3] ['2', '3']" in chief


def test_processes_that_do_not_share_a_folder_are_told(tmp_path):
    (code, chief), (other_code, other) = run("apart", tmp_path)
    assert (code, other_code) == (0, 0), chief + other
    assert "rank 1 did not confirm" in chief
    assert "shared" in chief
    assert "sees another file system" in other
    assert "STEPS [] []" in chief


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment_every_published_step_is_whole(tmp_path, seed):
    children = start("forever", tmp_path)
    try:
        for child in children:
            assert child.stdout.readline().strip() == "READY"
        checkpoints = Checkpointer(tmp_path / "run")
        deadline = time.monotonic() + TIMEOUT_S
        while not checkpoints.steps():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(random.Random(seed).uniform(0.0, 0.3))
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.communicate(timeout=TIMEOUT_S)
    steps = checkpoints.steps()
    assert steps
    kernel = np.arange(35, dtype="float32").reshape(7, 5)
    for step in steps:
        with checkpoints.open(step) as reader:
            assert reader.meta == {"step": step}
            np.testing.assert_array_equal(reader.read(("params", "kernel")), kernel + step)
    # A run that starts again goes on in the same folder, and tidies it.
    again = Checkpointer(tmp_path / "run", keep=1)
    again.save(steps[-1] + 1, {})
    assert os.listdir(tmp_path / "run") == [str(steps[-1] + 1)]
