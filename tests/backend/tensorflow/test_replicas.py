"""Several devices and several processes, each in processes of their own: TensorFlow's devices are
fixed when it starts.
"""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from kdist.backend.tensorflow.roll_call import roll_call

HERE = pathlib.Path(__file__).resolve().parent
LIMIT_S = 200


def start(*args: str, **env: str) -> subprocess.Popen:
    root = str(HERE.parents[2])
    single = {
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, *args],
        env={**os.environ, **single, "PYTHONPATH": path, "KDIST_BACKEND": "tensorflow", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(processes: list[subprocess.Popen]) -> list[str]:
    """What they printed; none of them outlives the call."""
    deadline = time.monotonic() + LIMIT_S
    try:
        return [p.communicate(timeout=max(deadline - time.monotonic(), 1))[0] for p in processes]
    finally:
        for p in processes:
            p.kill()
            p.wait()


def free_ports(n: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def test_two_devices_in_one_process():
    process = start(str(HERE / "devices_child.py"), KDIST_CPU_DEVICES="2")
    [output] = finish([process])
    assert output.strip().endswith("ok"), output


def test_two_processes_sum_wait_and_part():
    addresses = ",".join(f"127.0.0.1:{p}" for p in free_ports(2))
    processes = [
        start(str(HERE / "processes_child.py"), str(r), addresses, "then-sigterm") for r in range(2)
    ]
    outputs = finish(processes)
    for process, output in zip(processes, outputs, strict=True):
        assert output.strip().endswith("ok"), output
        assert process.returncode == -signal.SIGTERM


def test_roll_call_names_who_is_missing():
    [port] = free_ports(1)
    answers = []

    def call(rank: int, count: int) -> None:
        try:
            roll_call(f"127.0.0.1:{port}", rank, count, 1.0)
            answers.append((rank, None))
        except TimeoutError as e:
            answers.append((rank, str(e)))

    threads = [threading.Thread(target=call, args=(r, 4)) for r in (0, 2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(20)
    said = dict(answers)
    assert "rank(s) 1, 3 did not come" in said[0]
    assert "rank 0 did not gather everyone" in said[2]


@pytest.mark.parametrize("late", [0, 1])
def test_roll_call_waits_for_the_last(late):
    [port] = free_ports(1)
    done = []

    def call(rank: int) -> None:
        if rank == late:
            time.sleep(0.3)
        roll_call(f"127.0.0.1:{port}", rank, 3, 20.0)
        done.append(rank)

    threads = [threading.Thread(target=call, args=(r,)) for r in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(20)
    assert sorted(done) == [0, 1, 2]
    socket.create_server(("127.0.0.1", port)).close()  # the port is free again at once
