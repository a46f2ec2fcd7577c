"""The local launcher. The functions are nested so that they travel by value."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psutil
import pytest

from kdist import launch
from kdist.launch.variables import import_path

pytestmark = pytest.mark.timeout(60)


def start(fn, tmp_path, workers=2, **options):
    options = {"rendezvous": nullcontext, "storage": tmp_path / "runs", **options}
    return launch.run(fn, workers, launcher="local", **options)


def test_values_come_back_by_rank_and_the_chief_alone_prints(tmp_path, capfd) -> None:
    def fn(base, *, step):
        rank = int(os.environ["KDIST_RANK"])
        print(f"rank {rank} of {os.environ['KDIST_WORLD_SIZE']} on {os.environ['KDIST_BACKEND']}")
        return base + step * rank

    result = start(fn, tmp_path, args=(10,), kwargs={"step": 5}, backend="torch", name="first")
    assert result.values == [10, 15]
    assert result.value == 10
    assert result.attempts == 1
    assert capfd.readouterr().out == "rank 0 of 2 on torch\n"
    log = tmp_path / "runs" / "first" / "attempt-0" / "rank-1.log"
    assert log.read_text() == "rank 1 of 2 on torch\n"


def test_an_exception_names_its_rank_and_ends_the_others(tmp_path) -> None:
    def fn(folder):
        Path(folder, os.environ["KDIST_RANK"]).write_text(str(os.getpid()))
        if os.environ["KDIST_RANK"] == "1":
            while not Path(folder, "0").exists():
                time.sleep(0.01)
            raise KeyError("no such digit")
        time.sleep(60)

    began = time.monotonic()
    with pytest.raises(launch.WorkerError, match="rank 1") as caught:
        start(fn, tmp_path, args=(str(tmp_path),))
    assert time.monotonic() - began < 20
    assert caught.value.rank == 1
    assert "no such digit" in caught.value.traceback
    assert "in fn" in caught.value.traceback
    assert isinstance(caught.value.__cause__, KeyError)
    assert not psutil.pid_exists(int((tmp_path / "0").read_text()))


def test_the_first_exception_wins_over_those_it_causes(tmp_path) -> None:
    def fn():
        if os.environ["KDIST_RANK"] == "1":
            raise ValueError("the cause")

    @contextmanager
    def broken_on_leaving():
        yield
        time.sleep(1.0)
        raise RuntimeError("connection closed by peer")

    with pytest.raises(launch.WorkerError, match="the cause"):
        start(fn, tmp_path, rendezvous=broken_on_leaving)


def test_a_killed_worker_restarts_all_on_fresh_ports(tmp_path, capfd) -> None:
    def fn():
        attempt = os.environ["KDIST_ATTEMPT"]
        if os.environ["KDIST_RANK"] == "1" and attempt == "0":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.2 if attempt == "1" else 60)
        return attempt, os.environ["KDIST_ADDRESSES"]

    result = start(fn, tmp_path)
    assert result.attempts == 2
    assert [value[0] for value in result.values] == ["1", "1"]
    ports = {address.split(":")[1] for address in result.value[1].split(",")}
    assert len(ports) == 2
    assert "rank 1 died (ended by SIGKILL)" in capfd.readouterr().err


def test_workers_that_keep_dying_end_the_run(tmp_path) -> None:
    def fn():
        if os.environ["KDIST_RANK"] == "1":
            print("last words", flush=True)
            os._exit(7)
        time.sleep(60)

    with pytest.raises(launch.WorkerDiedError, match="status 7") as caught:
        start(fn, tmp_path, max_failures=1)
    assert caught.value.rank == 1
    assert caught.value.attempts == 2
    assert "last words" in str(caught.value)


def test_a_failed_rendezvous_is_tried_again(tmp_path) -> None:
    @contextmanager
    def flaky():
        if os.environ["KDIST_ATTEMPT"] == "0" and os.environ["KDIST_RANK"] == "0":
            raise RuntimeError("address already in use")
        yield

    assert start(lambda: "met", tmp_path, rendezvous=flaky).attempts == 2


def test_a_hopeless_rendezvous_is_not_tried_again(tmp_path) -> None:
    @contextmanager
    def hopeless():
        Path(tmp_path, f"{os.environ['KDIST_RANK']}-{os.environ['KDIST_ATTEMPT']}").touch()
        raise ImportError("no such backend")
        yield

    with pytest.raises(launch.LaunchError, match="no such backend"):
        start(lambda: None, tmp_path, rendezvous=hopeless)
    assert not list(tmp_path.glob("?-1"))


def test_timeout_ends_the_workers(tmp_path) -> None:
    def fn(folder):
        Path(folder, os.environ["KDIST_RANK"]).write_text(str(os.getpid()))
        time.sleep(60)

    with pytest.raises(launch.RunTimeoutError, match="timeout=3"):
        start(fn, tmp_path, args=(str(tmp_path),), timeout=3)
    pids = [int((tmp_path / rank).read_text()) for rank in "01"]
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_value_that_cannot_travel_is_named(tmp_path) -> None:
    with pytest.raises(launch.WorkerError, match="cannot be sent to the caller"):
        start(threading.Lock, tmp_path, workers=1)


def test_a_function_that_cannot_travel_is_refused_before_any_start(tmp_path) -> None:
    lock = threading.Lock()
    with pytest.raises(TypeError, match="cannot be shipped"):
        start(lambda: lock, tmp_path)


def test_the_terminal_reaches_the_chief(tmp_path) -> None:
    script = tmp_path / "tty.py"
    script.write_text("import sys; print('tty:', sys.stdout.isatty())")
    reader, writer = os.openpty()
    process = subprocess.Popen(command(script), stdout=writer, stderr=writer, env=environ())
    os.close(writer)
    process.wait(timeout=50)
    assert b"tty: True" in os.read(reader, 4096)
    os.close(reader)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_when_the_launcher_is_ended(tmp_path, number) -> None:
    script = tmp_path / "driver.py"
    script.write_text(
        textwrap.dedent(
            """
            import contextlib, os, pathlib, subprocess, sys, time
            from kdist import launch

            def fn(folder):
                child = subprocess.Popen(["sleep", "60"])
                part = pathlib.Path(folder, os.environ["KDIST_RANK"] + ".part")
                part.write_text(f"{os.getpid()} {child.pid}")
                part.rename(part.with_suffix(".pids"))
                time.sleep(60)

            if __name__ == "__main__":
                launch.run(fn, 2, launcher="local", args=(sys.argv[1],), storage=sys.argv[1],
                           rendezvous=contextlib.nullcontext)
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env=environ(),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    pids = wait_for_pids(tmp_path)
    os.killpg(process.pid, number)
    assert process.wait(timeout=20) != 0
    assert wait_until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_gpus_are_shared_out(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    result = start(
        lambda: os.environ["CUDA_VISIBLE_DEVICES"], tmp_path, resources_per_worker={"GPU": 2}
    )
    assert result.values == ["4,5", "6,7"]
    with pytest.raises(launch.InsufficientResourcesError, match="6 GPUs; this host has 4"):
        start(lambda: None, tmp_path, workers=3, resources_per_worker={"GPU": 2})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers=0"),
        ({"workers": True}, "workers=True"),
        ({"max_failures": -1}, "max_failures=-1"),
        ({"backend": "theano"}, "backend='theano'"),
        ({"timeout": 0}, "timeout=0"),
        ({"name": "a/b"}, "name='a/b'"),
        ({"resources_per_worker": {"GPU": -1}}, r"resources_per_worker\['GPU'\]=-1"),
    ],
)
def test_bad_arguments_are_named(tmp_path, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        start(lambda: None, tmp_path, **options)


def test_an_unknown_launcher_is_named() -> None:
    with pytest.raises(ValueError, match="launcher='slurm'"):
        launch.run(lambda: None, launcher="slurm", backend="jax")


def command(script: Path) -> list[str]:
    rendezvous_free = "from kdist import launch; import contextlib, sys; "
    call = "launch.run_script(sys.argv[1], launcher='local', rendezvous=contextlib.nullcontext)"
    return [sys.executable, "-c", rendezvous_free + call, str(script)]


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": import_path(), "KDIST_BACKEND": "jax"}


def wait_for_pids(folder: Path) -> list[int]:
    assert wait_until(lambda: len(list(folder.glob("*.pids"))) == 2, seconds=40)
    return [int(pid) for file in folder.glob("*.pids") for pid in file.read_text().split()]


def wait_until(condition, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
