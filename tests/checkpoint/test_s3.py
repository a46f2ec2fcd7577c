"""The same checkpoint on an object store: a server of S3's protocol on this machine."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from kdist.checkpoint import Checkpointer, CheckpointError, FileCoordinator, engine
from kdist.core.leaf import whole_leaf

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None,
    reason="needs moto[server]",
)

ARRAY = np.random.default_rng(0).standard_normal((32, 32)).astype("float32")


@pytest.fixture(scope="module")
def server():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    code = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, "moto did not start"
                time.sleep(0.1)
        endpoint = f"http://127.0.0.1:{port}"
        request = urllib.request.Request(f"{endpoint}/bucket", method="PUT")
        urllib.request.urlopen(request, timeout=20).close()
        yield endpoint
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def url(server, monkeypatch, request):
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return f"s3://bucket/{request.node.name}"


def test_round_trip_on_s3(url):
    arrays = {("a", "w"): ARRAY, ("half",): np.arange(5, dtype=ml_dtypes.bfloat16)}
    checkpoints = Checkpointer(url, keep=2)
    for step in (1, 2, 3):
        leaves = {path: whole_leaf(array, True) for path, array in arrays.items()}
        checkpoints.save(step, leaves, {"epoch": step}, block=False)
    checkpoints.wait()
    again = Checkpointer(url)
    assert again.steps() == [2, 3]
    assert again._store.names("1/") == []
    with again.open() as reader:
        assert reader.meta == {"epoch": 3}
        for path, array in arrays.items():
            np.testing.assert_array_equal(reader.read(path), array)
        part = reader.read(("a", "w"), (slice(3, 5), slice(0, 2)))
        np.testing.assert_array_equal(part, ARRAY[3:5, :2])


def test_a_step_without_its_marker_does_not_exist_on_s3(url):
    checkpoints = Checkpointer(url)
    checkpoints.save(1, {("w",): whole_leaf(ARRAY, True)})
    checkpoints.save(2, {("w",): whole_leaf(ARRAY, True)})
    checkpoints._store.delete("2/commit_success.txt")
    assert checkpoints.steps() == [1]
    Checkpointer(url).save(3, {("w",): whole_leaf(ARRAY, True)})
    assert checkpoints.steps() == [1, 3]
    assert checkpoints._store.names("2/") == []


def test_a_failed_save_on_s3_leaves_the_step_before(url, monkeypatch):
    checkpoints = Checkpointer(url)
    checkpoints.save(1, {("w",): whole_leaf(ARRAY, True)})

    def fail(*args):
        raise OSError("the connection was reset")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "merge", fail)
        with pytest.raises(CheckpointError, match="Step 2 was not saved to s3://.*reset"):
            checkpoints.save(2, {("w",): whole_leaf(ARRAY, True)})
    assert checkpoints.steps() == [1]
    assert checkpoints._store.names("2/") == []


def test_a_missing_shard_on_s3_is_named(url):
    checkpoints = Checkpointer(url)
    checkpoints.save(1, {("w",): whole_leaf(ARRAY, True)})
    base = checkpoints._store.spec("1/state")
    name, _, _ = engine.locate_keys(base, "w/")["w/0.0"]
    checkpoints._store.delete(f"1/state/{name}")
    with checkpoints.open(1) as reader, pytest.raises(CheckpointError, match="missing") as caught:
        reader.read(("w",))
    assert f"{url}/1/state/{name}" in str(caught.value)


def test_two_processes_on_s3(url, server):
    code = (
        "import sys, numpy as np\n"
        "from kdist.checkpoint import Checkpointer, FileCoordinator\n"
        "from kdist.core.leaf import Leaf\n"
        "url, rank = sys.argv[1], int(sys.argv[2])\n"
        "c = FileCoordinator(url + '/.sync', rank, 2, 'run-1')\n"
        "a = np.arange(8, dtype='float32')[4 * rank : 4 * rank + 4]\n"
        "leaf = Leaf((8,), a.dtype, (4,), (((4 * rank,), a),))\n"
        "Checkpointer(url, c, timeout_s=30).save(1, {('w',): leaf}, {})\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    children = [
        subprocess.Popen([sys.executable, "-c", code, url, str(rank)], env=env) for rank in range(2)
    ]
    try:
        codes = [child.wait(60) for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()
    assert codes == [0, 0]
    with Checkpointer(url).open() as reader:
        np.testing.assert_array_equal(reader.read(("w",)), np.arange(8, dtype="float32"))


def test_a_barrier_on_s3_times_out(url):
    with pytest.raises(TimeoutError, match=r"rank\(s\) 1"):
        FileCoordinator(url, 0, 2, "r").barrier("a", 0.3)
