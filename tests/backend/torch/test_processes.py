"""Two real processes on gloo."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CHILD = Path(__file__).with_name("child.py")
LIMIT_S = 60


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(functions: list[str], count: int = 2) -> list[dict]:
    """What the functions of child.py returned, by name, in each of `count` processes."""
    addresses = ",".join(f"127.0.0.1:{_free_port()}" for _ in range(count))
    processes = []
    for rank in range(count):
        env = os.environ | {
            "KDIST_BACKEND": "torch", "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path),
            "KDIST_RANK": str(rank), "KDIST_WORLD_SIZE": str(count),
            "KDIST_LOCAL_RANK": str(rank), "KDIST_LOCAL_WORLD_SIZE": str(count),
            "KDIST_COORDINATOR": addresses.split(",")[0], "KDIST_ADDRESSES": addresses,
            "KDIST_RUN_ID": "test", "KDIST_ATTEMPT": "0",
        }  # fmt: skip
        command = [sys.executable, "-W", "error", str(CHILD), *functions]
        processes.append(
            subprocess.Popen(
                command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    try:
        done = [p.communicate(timeout=LIMIT_S) for p in processes]
    finally:
        for p in processes:
            if p.poll() is None:
                p.kill()
                p.wait()
    for p, (_, errors) in zip(processes, done, strict=True):
        assert p.returncode == 0, errors
    return [json.loads(out.strip().splitlines()[-1]) for out, _ in done]


FUNCTIONS = [
    "group",
    "all_sum_and_its_gradient",
    "gradients",
    "state",
    "statistics_and_leaves",
    "training",
    "missing_gradients",
    "messages",
    "without_a_rule",
    "barriers",
]


@pytest.fixture(scope="module")
def results() -> list[dict]:
    return run(FUNCTIONS)


def test_group(results):
    assert [out["group"] for out in results] == [
        {"rank": r, "count": 2, "devices": ["cpu:0", "cpu:1"]} for r in range(2)
    ]


def test_all_sum_and_its_gradient(results):
    # y = x_0 + x_1 = 3. dL_r/dy = 2 c_r y = 6 c_r, and the sum over both processes reaches each x_r.
    for out in results:
        assert out["all_sum_and_its_gradient"] == {"y": 3, "grad": 18, "mean": 18}


def test_gradients_are_averaged_in_buckets(results):
    for out in results:
        got = out["gradients"]
        assert got["True"] == got["False"] == [[[1.5, 1.5]] * 3, 2.0, [0.0, 0.5, 1.0, 1.5, 2.0]]
        assert got["dtypes"] == ["torch.float32", "torch.float64", "torch.float32"]


def test_state_is_shared_and_combined(results):
    for out in results:
        assert out["state"] == {
            "broadcast": [[0.0, 0.0], True, [7.0, 7.0, 7.0], []],
            "average": [0.5, 3.0],
            "combined": [[2.0, 2.0], 0.5, 5],
            "rows": [[0, 1], [0, 2], [1, 1], [1, 2]],
            "truth": [True, False],
        }


def test_leaves_are_owned_once_and_statistics_settled(results):
    first, second = (out["statistics_and_leaves"] for out in results)
    assert (first["owned"], second["owned"]) == (1, 0)
    assert first["value"] == second["value"] == [0.5]
    assert (first["metric"], second["metric"]) == ([4.0, 6.0], [0.0, 0.0])


def test_a_gradient_that_one_process_has_is_everybodys(results):
    for out in (rank["missing_gradients"] for rank in results):
        np.testing.assert_allclose(out["weights"], out["expected"], atol=1e-6)
        assert out["hooks"] == 0
    assert results[0]["missing_gradients"] == results[1]["missing_gradients"]


# Of kernels (8, 16) and (16, 4) in float32, with a mark of four bytes for each; "here" is between them.
MESSAGES = {
    "data": ["here", ["all_reduce", 512 + 256 + 8]],
    "early": [["all_reduce", 256 + 4], "here", ["all_reduce", 512 + 4]],
    "optimizer": [
        ["reduce_scatter_single", 128 + 4],
        "here",
        ["reduce_scatter_single", 256 + 4],
        ["all_gather_single", 512 + 256],
    ],
}


@pytest.mark.parametrize("name", MESSAGES)
def test_gradients_leave_during_the_backward_pass(results, name):
    for rank in results:
        assert len(rank["messages"][name]["steps"]) == 2
        for step in rank["messages"][name]["steps"]:
            # The others are of the numbers of samples and of metrics.
            assert [m for m in step if m == "here" or m[1] > 8] == MESSAGES[name]


def test_however_gradients_travel_the_weights_are_the_same(results):
    for rank in results:
        for other in rank["messages"].values():
            for a, b in zip(
                other["weights"], results[0]["messages"]["data"]["weights"], strict=True
            ):
                np.testing.assert_allclose(a, b, atol=1e-6)


def test_an_operation_that_is_computed_whole_says_so_once(results):
    for rank in results:
        on_whole, first, second = rank["without_a_rule"]["said"]
        assert on_whole == second == []
        assert len(first) == 1
        assert "unique" in first[0] and "gathered" in first[0]
        assert rank["without_a_rule"]["unique"] == [1, 2, 3, 4, 6, 8]


def test_barriers_meet_and_name_who_is_missing(results):
    first, second = (out["barriers"] for out in results)
    assert first["waited"] > 0.1
    assert first["missing"] == [1]
    assert second["waited"] < 10


def test_a_step_of_ones_own_gives_one_model_and_one_history(results):
    first, second = (out["training"] for out in results)
    assert first == second
    assert len(first["False"]["predictions"]) == 5
    assert set(first["False"]["history"]) == {"loss", "accuracy"}
    assert first["True"]["history"]["rows"] == [6.0, 6.0]  # the mean of 4 * 1 and 4 * 2
