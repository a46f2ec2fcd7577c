from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import os
import pathlib
import re
import socket
import tarfile
import threading
import zipfile

import pytest

from kdist.data import download
from kdist.data.download import get_file

CONTENT = bytes(range(256)) * 40


class Server:
    """Serves `content` on a free loopback port; `breaks` transfers are cut half way, `statuses` are
    answered first.
    """

    def __init__(self, content=CONTENT, breaks=0, statuses=(), ranges=True):
        self.requests = []
        self.content, self.breaks, self.statuses, self.ranges = (
            content,
            breaks,
            list(statuses),
            ranges,
        )

    @contextlib.contextmanager
    def running(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/files/data.bin"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def answer(self, handler):
        wanted = handler.headers.get("Range")
        self.requests.append(wanted)
        if self.statuses:
            handler.send_error(self.statuses.pop(0))
            return
        begin = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and self.ranges else 0
        body = self.content[begin:]
        handler.send_response(206 if begin else 200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if self.breaks:
            self.breaks -= 1
            body = body[: len(body) // 2]
        handler.wfile.write(body)


@pytest.fixture(autouse=True)
def direct(monkeypatch, tmp_path):
    monkeypatch.setattr(download, "_PAUSE", 0.001)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("KDIST_HOME", str(tmp_path / "home"))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def left_over(folder):
    return [p.name for p in pathlib.Path(folder).iterdir() if p.name.startswith(".")]


def test_a_file_is_downloaded_once_into_the_cache(tmp_path):
    server = Server()
    with server.running() as url:
        path = get_file(origin=url, file_hash=sha256(CONTENT))
        assert path == str(tmp_path / "home" / "datasets" / "data.bin")
        assert pathlib.Path(path).read_bytes() == CONTENT
        assert get_file(origin=url, file_hash=sha256(CONTENT)) == path
        assert len(server.requests) == 1
        get_file(origin=url, force_download=True)
        assert len(server.requests) == 2
    assert left_over(tmp_path / "home" / "datasets") == []


def test_keras_home_and_explicit_folders(tmp_path, monkeypatch):
    with Server().running() as url:
        monkeypatch.delenv("KDIST_HOME")
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        assert get_file(origin=url) == str(tmp_path / "keras" / "datasets" / "data.bin")
        there = get_file("b.bin", url, cache_dir=tmp_path / "c", cache_subdir="d")
        assert there == str(tmp_path / "c" / "d" / "b.bin")


def test_a_cached_file_of_another_hash_is_replaced(tmp_path):
    target = tmp_path / "home" / "datasets" / "data.bin"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"half a file")
    with Server().running() as url:
        get_file(origin=url, md5_hash=hashlib.md5(CONTENT).hexdigest())
    assert target.read_bytes() == CONTENT


def test_a_download_of_another_hash_is_not_kept_and_spares_the_old_file(tmp_path):
    target = tmp_path / "home" / "datasets" / "data.bin"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"old")
    with (
        Server().running() as url,
        pytest.raises(ValueError, match=f"has sha256 {sha256(CONTENT)}, and 0000"),
    ):
        get_file(origin=url, file_hash="0" * 64)
    assert target.read_bytes() == b"old"
    assert left_over(target.parent) == []


def test_a_broken_connection_is_taken_up_where_it_broke():
    server = Server(breaks=2)
    with server.running() as url:
        path = get_file(origin=url, file_hash=sha256(CONTENT))
    assert server.requests == [
        None,
        f"bytes={len(CONTENT) // 2}-",
        f"bytes={len(CONTENT) * 3 // 4}-",
    ]
    assert pathlib.Path(path).read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over():
    server = Server(breaks=1, ranges=False)
    with server.running() as url:
        path = get_file(origin=url)
    assert pathlib.Path(path).read_bytes() == CONTENT


def test_a_server_in_trouble_is_asked_again_and_one_that_refuses_is_not():
    server = Server(statuses=[503, 500])
    with server.running() as url:
        get_file(origin=url)
    assert len(server.requests) == 3
    server = Server(statuses=[404])
    with server.running() as url, pytest.raises(OSError, match="HTTP 404"):
        get_file("gone.bin", url)
    assert len(server.requests) == 1


def test_a_connection_that_keeps_breaking_gives_up_and_leaves_nothing(tmp_path):
    with Server(breaks=9).running() as url, pytest.raises(OSError, match="after 4 attempts"):
        get_file(origin=url)
    assert list((tmp_path / "home" / "datasets").iterdir()) == []


def test_offline_the_error_says_what_was_asked_and_where_to_put_it(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/data.bin"
    target = tmp_path / "home" / "datasets" / "data.bin"
    with pytest.raises(OSError, match="Could not download") as caught:
        get_file(origin=url)
    assert url in str(caught.value) and str(target) in str(caught.value)
    target.write_bytes(b"by hand")
    assert get_file(origin=url) == str(target)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs origin"),
        ({"origin": "http://127.0.0.1/"}, "does not end in a file name"),
        ({"origin": "http://127.0.0.1/a", "fname": "../a"}, "must be a plain file name"),
        ({"origin": "http://127.0.0.1/a", "hash_algorithm": "crc"}, "hash_algorithm must be"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message):
    with pytest.raises(ValueError, match=message):
        get_file(**arguments)


def tar_of(**files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


def zip_of(**files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_archives_are_unpacked_beside_themselves(pack, tmp_path):
    cache = tmp_path / "home" / "datasets"
    server = Server(pack(**{"set/a.txt": b"A"}))
    with server.running() as url:
        folder = get_file("set.tgz", url, extract=True)
        assert folder == str(cache / "set_extracted")
        assert pathlib.Path(folder, "set", "a.txt").read_bytes() == b"A"
        assert (cache / "set.tgz").is_file()
        assert get_file("set.tgz", url, extract=True) == folder
        assert len(server.requests) == 1
        assert get_file("plain", url, extract=True) == str(cache / "plain")
        assert (cache / "plain_archive").is_file()
        assert get_file(origin=url, extract=True) == str(cache / "data.bin")
        assert os.listdir(cache / "data.bin") == ["set"]
    assert left_over(cache) == []


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_an_archive_that_reaches_outside_is_refused(pack, tmp_path):
    cache = tmp_path / "home" / "datasets"
    with (
        Server(pack(**{"../../evil.txt": b"E", "good.txt": b"G"})).running() as url,
        pytest.raises(ValueError, match="unsafe"),
    ):
        get_file("set.tgz", url, extract=True)
    assert not list(tmp_path.rglob("evil.txt"))
    assert not (cache / "set_extracted").exists() and left_over(cache) == []


def test_a_link_that_leads_outside_is_refused():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "../../.."
        tar.addfile(info)
    with Server(data.getvalue()).running() as url, pytest.raises(ValueError, match="unsafe"):
        get_file("set.tar", url, extract=True)


def test_what_is_no_archive_is_refused():
    with (
        Server().running() as url,
        pytest.raises(ValueError, match="is not an archive of the format tar or zip"),
    ):
        get_file("set.tar", url, extract=True)
    with (
        Server(zip_of(a=b"A")).running() as url,
        pytest.raises(ValueError, match="of the format tar"),
    ):
        get_file("set.zip", url, untar=True)
