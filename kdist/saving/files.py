"""Files that appear whole or not at all, on a disk or at a URL."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kdist.core.lazy import LazyModule

fsspec: Any = LazyModule("fsspec.core")


def is_remote(path: Any) -> bool:
    """Whether `path` is a URL, such as s3://bucket/model.keras."""
    return "://" in str(path)


@contextlib.contextmanager
def replacing(target: Any) -> Iterator[Path]:
    """A local path to write to; when the block ends well, what is there takes `target`'s place.

    Until then `target` is as it was: a full disk, an error or a killed process leaves the old file.

    Arguments:
        target: a path, or a URL that fsspec understands; it may name a file or a folder.
    """
    if is_remote(target):
        with tempfile.TemporaryDirectory(prefix="kdist-") as folder:
            local = Path(folder, os.path.basename(str(target).rstrip("/")))
            yield local
            filesystem, place = fsspec.url_to_fs(str(target))
            filesystem.put(str(local), place, recursive=local.is_dir())
        return
    path = Path(os.path.realpath(target))  # a link stays one
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{str(target)!r}: there is no folder {str(path.parent)!r}.")
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        yield beside
        _flush(beside)
        _move(beside, path)
        _flush(path.parent)
    except BaseException:
        _remove(beside)
        raise


def _flush(path: Path) -> None:
    """Have the disk hold what was written, so that a rename cannot overtake it."""
    if path.is_dir() and path.name.endswith(".partial"):
        for child in path.rglob("*"):
            if child.is_file():
                _flush(child)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move(source: Path, target: Path) -> None:
    if not (source.is_dir() and target.exists()):
        os.replace(source, target)
        return
    # A folder that is not empty cannot be replaced in one step: the old one steps aside.
    aside = target.with_name(f"{source.name}.old")
    os.rename(target, aside)
    try:
        os.rename(source, target)
    except BaseException:
        os.rename(aside, target)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def local_copy(path: Any) -> Iterator[Path]:
    """`path` as a local path; what is at a URL is copied to a temporary place for the block.

    Raises: FileNotFoundError if there is nothing.
    """
    if not is_remote(path):
        if not os.path.exists(path):
            raise FileNotFoundError(
                f"There is no file {str(path)!r} (the current folder is {os.getcwd()!r})."
            )
        yield Path(path)
        return
    filesystem, place = fsspec.url_to_fs(str(path))
    if not filesystem.exists(place):
        raise FileNotFoundError(f"There is nothing at {str(path)!r}.")
    with tempfile.TemporaryDirectory(prefix="kdist-") as folder:
        local = Path(folder, os.path.basename(place.rstrip("/")))
        filesystem.get(place, str(local), recursive=filesystem.isdir(place))
        yield local


def may_write(path: Any, overwrite: bool) -> bool:
    """Whether to write at `path`. Without `overwrite`, a person at a terminal is asked first.

    Raises: FileExistsError if there is something, and nobody to ask.
    """
    if overwrite or not _exists(path):
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise FileExistsError(
            f"{str(path)!r} exists. Pass overwrite=True to replace it, or another name."
        )
    answer = ""
    while answer not in ("y", "n"):
        answer = input(f"{path} exists. Replace it? [y/n] ").strip().lower()
    return answer == "y"


def _exists(path: Any) -> bool:
    if is_remote(path):
        filesystem, place = fsspec.url_to_fs(str(path))
        return filesystem.exists(place)
    return os.path.exists(path)
