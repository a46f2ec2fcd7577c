"""Two processes: the chief alone prints and writes, and both know the same."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kdist.backend import bound as backend
from kdist.checkpoint import Checkpointer

CHILD = Path(__file__).with_name("two_processes_child.py")
ROOT = Path(__file__).parents[2]
LIMIT_S = 150


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _start(rank: int, addresses: list[str], folder: Path) -> subprocess.Popen:
    env = {
        "KDIST_BACKEND": backend.name,
        "KDIST_TTY": "1",
        "COLUMNS": "200",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "KDIST_RANK": str(rank),
        "KDIST_WORLD_SIZE": "2",
        "KDIST_LOCAL_RANK": str(rank),
        "KDIST_LOCAL_WORLD_SIZE": "2",
        "KDIST_COORDINATOR": addresses[0],
        "KDIST_ADDRESSES": ",".join(addresses),
        "KDIST_RUN_ID": "test",
        "KDIST_ATTEMPT": "0",
    }
    command = [sys.executable, str(CHILD), str(folder)]
    return subprocess.Popen(
        command, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    addresses = [f"127.0.0.1:{_free_port()}" for _ in range(2)]
    processes = [_start(rank, addresses, folder) for rank in range(2)]
    try:
        done = [p.communicate(timeout=LIMIT_S) for p in processes]
    finally:
        for p in processes:
            if p.poll() is None:
                p.kill()
                p.wait()
    for p, (_, errors) in zip(processes, done, strict=True):
        assert p.returncode == 0, errors
    results = [json.loads(out.strip().splitlines()[-1]) for out, _ in done]
    return folder, [out for out, _ in done], results


def test_both_know_the_same(outcome):
    _, _, (a, b) = outcome
    assert (a.pop("rank"), b.pop("rank")) == (0, 1)
    assert a == b
    assert len(a["history"]["loss"]) == len(a["history"]["val_loss"]) == 3
    # 4 batches an epoch: 5 before the fault, and 8 from the second epoch on.
    assert len(a["seen"]) == 13
    assert a["best"] == min(a["history"]["loss"])


def test_the_chief_alone_prints(outcome):
    _, (chief, other), _ = outcome
    assert "Epoch 3/3" in chief
    assert "4/4" in chief
    assert "saving the model to" in chief
    assert "Epoch" not in other
    assert "/4" not in other


def test_files_are_written_once(outcome):
    folder, _, _ = outcome
    assert sorted(p.name for p in folder.glob("*.h5")) == [f"w_{i}.weights.h5" for i in (1, 2, 3)]
    lines = (folder / "log.csv").read_text().split()
    assert [line.split(",")[0] for line in lines] == ["epoch", "0", "1", "2"]
    assert len(list((folder / "board" / "train").iterdir())) == 2
    assert Checkpointer(folder / "steps").steps() == [4, 8, 12]
