from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kdist.checkpoint import Checkpointer, CheckpointError
from kdist.checkpoint.storage import Store, resolve


@pytest.fixture(params=["file", "memory"])
def store(request, tmp_path):
    url = str(tmp_path / "s") if request.param == "file" else f"memory://{tmp_path.name}"
    return Store(resolve(url))


def test_read_write_list_delete(store):
    assert store.read("a/b") is None
    assert store.names() == []
    store.write("a/b", b"1")
    store.write("a/c/d", b"2")
    store.write("ab", b"")
    store.write("a/b", b"3")
    assert store.read("a/b") == b"3"
    assert store.read("ab") == b""
    assert [store.size(name) for name in ("a/b", "ab", "a", "none")] == [1, 0, None, None]
    assert store.names() == ["a/b", "a/c/d", "ab"]
    assert store.names("a/") == ["a/b", "a/c/d"]
    store.delete("a/b")
    store.delete("a/b")
    assert store.read("a/b") is None
    store.delete_all("a/")
    assert store.names() == ["ab"]
    with pytest.raises(ValueError, match="prefix"):
        store.delete_all("")


def test_memory_is_shared_within_the_process_only_by_name(tmp_path):
    one, other = f"memory://{tmp_path.name}/1", f"memory://{tmp_path.name}/2"
    Store(resolve(one)).write("x", b"1")
    assert Store(resolve(one)).read("x") == b"1"
    assert Store(resolve(other)).read("x") is None


def test_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for url in ("a b", "a b/", tmp_path / "a b", f"file://{tmp_path}/a b"):
        location = resolve(url)
        assert location.url == f"{tmp_path}/a b"
        assert location.local_path == f"{tmp_path}/a b"
        assert location.spec == {"driver": "file", "path": f"{tmp_path}/a b/"}


def test_buckets(monkeypatch):
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    assert resolve("gs://b/x/y").spec == {"driver": "gcs", "bucket": "b", "path": "x/y/"}
    assert resolve("s3://b/x/").spec == {"driver": "s3", "bucket": "b", "path": "x/"}
    assert resolve("s3://b").spec == {"driver": "s3", "bucket": "b", "path": ""}
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert resolve("s3://b/x").spec["aws_region"] == "eu-north-1"
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    spec = resolve("s3://b/x").spec
    assert spec["endpoint"] == "http://127.0.0.1:1"
    assert spec["aws_region"] == "us-east-1"
    assert spec["aws_credentials"] == {"type": "environment"}
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
    assert resolve("s3://b/x").spec["endpoint"] == "http://127.0.0.1:2"
    assert resolve("s3://b/x").local_path is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("hdfs://x/y", "'hdfs'.*file://, memory://, s3://, gs://"),
        ("s3:///x", "no bucket"),
        ("file://", "no folder"),
        ("", "no folder"),
    ],
)
def test_what_cannot_be_resolved(url, message):
    with pytest.raises(ValueError, match=message):
        resolve(url)


def test_memory_is_refused_for_several_processes():
    class Two:
        rank = 0
        count = 2

        def barrier(self, name, timeout_s):
            raise AssertionError("not reached")

    with pytest.raises(CheckpointError, match="memory of one process, and this run has 2"):
        Checkpointer("memory://x", Two())


def test_the_import_is_light():
    code = (
        "import sys, kdist.checkpoint; heavy = {'tensorstore', 'jax', 'torch', 'tensorflow', "
        "'orbax', 'ray', 'keras'} & set(sys.modules); assert not heavy, heavy"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60)
