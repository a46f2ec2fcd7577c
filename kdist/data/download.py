"""Files from the network into a cache: verified, atomic, resumed when a connection breaks."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import sys
import tempfile
import time
import urllib.error
import urllib.parse
from typing import BinaryIO

from kdist.core import config
from kdist.data.archive import extract_archive

_ATTEMPTS = 4
_PAUSE = 0.5  # seconds before the second attempt, doubled for each after it
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 20


def get_file(
    fname: str | os.PathLike | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | list[str] | None = "auto",
    cache_dir: str | os.PathLike | None = None,
    force_download: bool = False,
) -> str:
    """The path of a cached copy of the file at `origin`.

    It is downloaded if it is not there or its hash differs.

    The file appears under its name only when whole and verified, so that processes may ask for it
    at the same time. A connection that breaks is taken up again where it broke.

    Arguments:
        fname: name in the cache, without directories; by default the last part of `origin`.
        origin: URL of the file.
        untar, md5_hash: older spellings of `extract` and `file_hash`.
        file_hash: expected hash, hexadecimal.
        cache_subdir: folder under `cache_dir`; an absolute path stands for itself.
        hash_algorithm: "sha256", "md5", or "auto" to tell by the length of `file_hash`.
        extract: unpack the archive beside it, and return the folder it was unpacked to:
            `<name>_extracted` for `fname="<name>.<ext>"`; else the name itself, and the archive is
            kept as `<name>_archive`.
        archive_format: "tar", "zip", a list of them, or "auto" for both.
        cache_dir: KDIST_HOME, KERAS_HOME or `~/.keras` unless given; the temporary folder if that
            cannot be written.
        force_download: download even if the file is there.

    Raises: ValueError for a missing or unusable argument, a hash that does not match, or an archive
        that is none or reaches outside its folder; OSError if the download fails, naming the URL
        and where to put the file by hand.

    Example: `path = get_file(origin="https://example.org/data.csv", file_hash="9f86d081...")`
    """
    if not origin:
        raise ValueError("get_file needs origin, the URL of the file.")
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    algorithm = _algorithm(hash_algorithm, file_hash)
    folder = _cache_folder(cache_dir, cache_subdir)
    name = _file_name(fname, origin)
    extract = extract or untar
    target, unpacked = folder / name, folder / name
    if extract:
        if fname and "." in name:
            unpacked = folder / f"{name.partition('.')[0]}_extracted"
        else:
            target = folder / f"{name}_archive"

    fetched = force_download or not target.exists() or not _matches(target, file_hash, algorithm)
    if fetched:
        _download(origin, target, file_hash, algorithm)
    if not extract:
        return str(target)
    if fetched or not unpacked.exists():
        extract_archive(target, unpacked, "tar" if untar else archive_format)
    return str(unpacked)


def _cache_folder(cache_dir: str | os.PathLike | None, cache_subdir: str) -> pathlib.Path:
    base = pathlib.Path(cache_dir).expanduser() if cache_dir is not None else config.home()
    try:
        folder = base / cache_subdir
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError as error:
        if cache_dir is not None:
            raise OSError(
                f"get_file cannot make the folder {base / cache_subdir}: {error}. Pass another"
                " cache_dir."
            ) from error
    folder = pathlib.Path(tempfile.gettempdir()) / ".keras" / cache_subdir
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _file_name(fname: str | os.PathLike | None, origin: str) -> str:
    name = os.fspath(fname) if fname else os.path.basename(urllib.parse.urlsplit(origin).path)
    if not name:
        raise ValueError(f"origin={origin!r} does not end in a file name. Pass fname.")
    if os.path.basename(name) != name or name in (".", ".."):
        raise ValueError(
            f"fname={name!r} must be a plain file name. Choose the folder by cache_dir and"
            " cache_subdir."
        )
    return name


def _algorithm(name: str, file_hash: str | None) -> str:
    if name not in ("auto", "md5", "sha256"):
        raise ValueError(f"hash_algorithm must be 'auto', 'sha256' or 'md5'; received {name!r}.")
    if name == "auto":
        return "sha256" if file_hash is not None and len(file_hash) == 64 else "md5"
    return name


def _hash(path: pathlib.Path, algorithm: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(algorithm, usedforsecurity=False)
        ).hexdigest()


def _matches(path: pathlib.Path, file_hash: str | None, algorithm: str) -> bool:
    return file_hash is None or _hash(path, algorithm) == file_hash.lower()


def _download(origin: str, target: pathlib.Path, file_hash: str | None, algorithm: str) -> None:
    sys.stderr.write(f"Downloading data from {origin}\n")
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    part = pathlib.Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _fetch(origin, file, target)
        if not _matches(part, file_hash, algorithm):
            raise ValueError(
                f"The file at {origin} has {algorithm} {_hash(part, algorithm)}, and {file_hash}"
                " was expected. It was not kept. Either the download was tampered with or cut, or"
                " the file has changed: compare the hash at its source."
            )
        part.chmod(0o644)
        os.replace(part, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def _fetch(origin: str, file: BinaryIO, target: pathlib.Path) -> None:
    """Write the body of `origin` to `file`, asking for the rest when the connection breaks."""
    import http.client  # imported where it is used: with SSL it costs more than all of this package

    for attempt in range(_ATTEMPTS):
        try:
            _fetch_rest(origin, file)
            return
        except urllib.error.HTTPError as error:
            error.close()  # it holds the connection
            if error.code < 500:  # the server's last word
                raise _failure(origin, target, f"HTTP {error.code} {error.reason}") from error
            last: Exception = error
        except (
            urllib.error.URLError,
            http.client.HTTPException,
            ConnectionError,
            TimeoutError,
        ) as error:
            last = error
        if attempt + 1 < _ATTEMPTS:
            time.sleep(_PAUSE * 2**attempt)
    raise _failure(
        origin, target, f"{type(last).__name__}: {last}, after {_ATTEMPTS} attempts"
    ) from last


def _fetch_rest(origin: str, file: BinaryIO) -> None:
    import urllib.request

    have = file.tell()
    request = urllib.request.Request(origin, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        if have and getattr(response, "status", None) != 206:  # the server starts over
            file.seek(0)
            file.truncate()
            have = 0
        length = response.headers.get("Content-Length")
        end = None if length is None else have + int(length)
        while chunk := response.read(_CHUNK):
            file.write(chunk)
        if end is not None and file.tell() < end:
            raise ConnectionError(f"the connection closed after {file.tell()} of {end} bytes")


def _failure(origin: str, target: pathlib.Path, why: str) -> OSError:
    return OSError(
        f"Could not download {origin} ({why}). Without access to it, get the file elsewhere and put"
        f" it at {target}, or set KDIST_HOME to a folder whose `datasets` has it."
    )
