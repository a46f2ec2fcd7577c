"""The Ray launcher, on one Ray that listens on the loopback address alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest

from kdist import launch
from kdist.launch.variables import import_path

ray = pytest.importorskip("ray")
cluster = pytest.importorskip("kdist.launch.ray.cluster")

# Ray Data's settings warn of each other when they are pickled.
pytestmark = [
    pytest.mark.timeout(150),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
]
FREE = nullcontext


@pytest.fixture(scope="module")
def loopback_ray():
    with cluster.connected(2, {"CPU": 1}):
        yield


def start(fn, tmp_path, workers=2, **options):
    options = {"rendezvous": FREE, "storage": tmp_path / "runs", **options}
    return launch.run(fn, workers, launcher="ray", **options)


def test_ray_listens_on_loopback_only(loopback_ray) -> None:
    assert [node["NodeManagerAddress"] for node in ray.nodes()] == ["127.0.0.1"]


def test_values_come_back_by_rank_and_the_chief_alone_prints(loopback_ray, tmp_path, capfd) -> None:
    def fn(base):
        rank = int(os.environ["KDIST_RANK"])
        for step in range(3):
            print(f"\rrank {rank} step {step}", end="", flush=True)
        places = os.environ["KDIST_ADDRESSES"].split(",")
        return base + rank, os.environ["KDIST_BACKEND"], len(set(places)), os.getcwd()

    result = start(fn, tmp_path, args=(10,), backend="torch", env={"COLUMNS": "80"})
    here = os.getcwd()
    assert result.values == [(10, "torch", 2, here), (11, "torch", 2, here)]
    assert result.attempts == 1
    out = capfd.readouterr().out
    assert "\rrank 0 step 0\rrank 0 step 1\rrank 0 step 2" in out


def test_an_exception_names_its_rank_and_is_not_repeated(loopback_ray, tmp_path) -> None:
    def fn(folder):
        Path(folder, f"{os.environ['KDIST_RANK']}-{os.environ['KDIST_ATTEMPT']}").touch()
        if os.environ["KDIST_RANK"] == "1":
            raise KeyError("no such digit")
        time.sleep(60)

    with pytest.raises(launch.WorkerError, match="rank 1") as caught:
        start(fn, tmp_path, args=(str(tmp_path),))
    assert caught.value.rank == 1
    assert "no such digit" in caught.value.traceback
    assert isinstance(caught.value.__cause__, KeyError)
    assert not list(tmp_path.glob("?-1"))


def test_a_killed_worker_restarts_all(loopback_ray, tmp_path) -> None:
    def fn():
        attempt = os.environ["KDIST_ATTEMPT"]
        time.sleep(1.0)
        if os.environ["KDIST_RANK"] == "1" and attempt == "0":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.1 if attempt == "1" else 60)
        return attempt

    result = start(fn, tmp_path)
    assert result.attempts == 2
    assert result.values == ["1", "1"]


def test_more_workers_than_the_cluster_can_hold_are_refused_at_once(loopback_ray, tmp_path) -> None:
    began = time.monotonic()
    with pytest.raises(launch.InsufficientResourcesError) as caught:
        start(lambda: None, tmp_path, workers=3, resources_per_worker={"CPU": 1, "GPU": 1})
    assert time.monotonic() - began < 10
    message = str(caught.value)
    assert "workers=3 with 1 CPU, 1 GPU each" in message
    assert "127.0.0.1 has 2 CPU, 0 GPU" in message
    assert "no autoscaler" in message


def test_a_local_ray_has_its_limit_too(tmp_path) -> None:
    with (
        pytest.raises(launch.InsufficientResourcesError, match="workers=5000"),
        cluster.environment({"RAY_ADDRESS": ""}),
    ):
        cluster._new_cluster(5000, {"CPU": 1.0})


def test_fitting_counts_whole_workers_per_node() -> None:
    assert cluster.fitting({"CPU": 7, "GPU": 2}, {"CPU": 2, "GPU": 1}) == 2
    assert cluster.fitting({"CPU": 7}, {"CPU": 2, "GPU": 1}) == 0


def test_an_interrupted_run_leaves_no_process(tmp_path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(
        textwrap.dedent(
            """
            import contextlib, os, pathlib, sys, time
            from kdist import launch

            def fn(folder):
                pathlib.Path(folder, os.environ["KDIST_RANK"] + ".up").touch()
                time.sleep(120)

            if __name__ == "__main__":
                try:
                    launch.run(fn, 2, args=(sys.argv[1],), storage=sys.argv[1],
                               rendezvous=contextlib.nullcontext)
                except KeyboardInterrupt:
                    sys.exit(130)
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": import_path(), "KDIST_BACKEND": "jax"},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 90
        while len(list(tmp_path.glob("*.up"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) > 4
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=40) == 130
        _, alive = psutil.wait_procs(family, timeout=15)
        assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
    finally:
        if process.poll() is None:
            process.kill()
