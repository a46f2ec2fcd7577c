"""A URL, resolved once into a store of named bytes that works the same on every kind of storage.

Metadata files go through the same tensorstore key-value store as the arrays. So s3 and gs need no
second client library with its own credentials, and the files and arrays of `memory://` share one
memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kdist.checkpoint import engine
from kdist.checkpoint.errors import CheckpointError


@dataclass(frozen=True)
class Location:
    """Where a URL points.

    Attributes:
        url: as given, without a trailing slash.
        spec: tensorstore's key-value store for it.
        local_path: the folder, where it is one of this machine's (or a mounted file system's).
        one_process: True where other processes cannot see what is stored.
    """

    url: str
    spec: dict[str, Any]
    local_path: str | None = None
    one_process: bool = False


def _file(url: str, rest: str) -> Location:
    path = os.path.abspath(os.path.expanduser(rest))
    return Location(path, {"driver": "file", "path": path + "/"}, local_path=path)


def _memory(url: str, rest: str) -> Location:
    spec = {"driver": "memory", "path": rest.strip("/") + "/"}
    return Location(url, spec, one_process=True)


def _bucket(url: str, rest: str) -> dict[str, Any]:
    bucket, _, path = rest.partition("/")
    if not bucket:
        raise ValueError(f"url: {url!r} names no bucket; write it as scheme://bucket/folder.")
    path = path.strip("/")
    return {"bucket": bucket, "path": path + "/" if path else ""}


def _s3(url: str, rest: str) -> Location:
    spec = {"driver": "s3", **_bucket(url, rest)}
    env = os.environ
    endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL")
    region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")
    if endpoint:
        # A server that is not Amazon's has no region to be discovered.
        spec |= {"endpoint": endpoint, "aws_region": region or "us-east-1"}
    elif region:
        spec["aws_region"] = region
    if env.get("AWS_ACCESS_KEY_ID"):
        spec["aws_credentials"] = {"type": "environment"}
    return Location(url, spec)


def _gs(url: str, rest: str) -> Location:
    return Location(url, {"driver": "gcs", **_bucket(url, rest)})


_SCHEMES: dict[str, Callable[[str, str], Location]] = {
    "file": _file,
    "memory": _memory,
    "s3": _s3,
    "gs": _gs,
}


def resolve(url: str | os.PathLike[str]) -> Location:
    """Returns where `url` points.

    It is a path, `file://`, `memory://`, `s3://bucket/folder` or `gs://bucket/folder`.

    For s3 the environment says the rest: AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_S3) for a server
    that is not Amazon's, AWS_REGION, and the usual credentials.

    Raises:
        ValueError: for another scheme or a URL without a bucket.
    """
    text = os.fspath(url)
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "file", text
    if scheme not in _SCHEMES:
        known = ", ".join(f"{s}://" for s in _SCHEMES)
        raise ValueError(f"url: {text!r} has scheme {scheme!r}; use a path or one of {known}.")
    if not rest.strip("/") and scheme != "memory":
        raise ValueError(f"url: {text!r} names no folder to keep checkpoints in.")
    return _SCHEMES[scheme](text.rstrip("/") if mark else text, rest)


@dataclass(frozen=True)
class Store:
    """Named bytes under a location. Names are relative paths with `/`."""

    location: Location
    _kv: list[Any] = field(default_factory=list, repr=False, compare=False)

    def spec(self, folder: str) -> dict[str, Any]:
        """Returns the key-value store spec of a folder below the location."""
        return {**self.location.spec, "path": f"{self.location.spec['path']}{folder.strip('/')}/"}

    def where(self, name: str) -> str:
        """Returns the full name for messages."""
        return f"{self.location.url}/{name}"

    def read(self, name: str) -> bytes | None:
        """Returns the content of a file, or None when there is none."""
        result = self._open().read(name).result()
        return None if result.state == "missing" else bytes(result.value)

    def write(self, name: str, data: bytes) -> None:
        """Writes a whole file; a reader sees the old content or the new, never a part."""
        self._open().write(name, data).result()

    def delete(self, name: str) -> None:
        """Removes a file; it is no error when there is none."""
        self._open()[name] = None

    def size(self, name: str) -> int | None:
        """Returns the bytes that a file has, or None when there is none."""
        if self.location.local_path is not None:
            path = os.path.join(self.location.local_path, name)
            return os.path.getsize(path) if os.path.isfile(path) else None
        data = self.read(name)
        return None if data is None else len(data)

    def names(self, prefix: str = "") -> list[str]:
        """Returns the names of all files that start with `prefix`, sorted."""
        found = self._open().list(engine.key_range(prefix)).result()
        return sorted(key.decode() for key in found)

    def delete_all(self, prefix: str) -> None:
        """Removes all files whose name starts with `prefix`."""
        if not prefix:
            raise ValueError("prefix: an empty one would remove everything; name a folder.")
        self._open().delete_range(engine.key_range(prefix)).result()

    def _open(self) -> Any:
        # A list as a cell: the dataclass is frozen, and opening waits for the first use.
        if not self._kv:
            self._kv.append(engine.open_store(self.location.spec))
        return self._kv[0]


def require_visible_to(location: Location, process_count: int) -> None:
    """Refuses a location that the other processes of the run cannot see.

    Raises:
        CheckpointError: for `memory://` with more than one process.
    """
    if location.one_process and process_count > 1:
        raise CheckpointError(
            f"url: {location.url!r} is the memory of one process, and this run has "
            f"{process_count}; "
            "use a folder that all of them see (a shared path, s3:// or gs://)."
        )
