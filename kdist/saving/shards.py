"""Weights spread over several HDF5 files, with an index of which group lies in which of them."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kdist.core.lazy import LazyModule
from kdist.saving import archive, h5

if TYPE_CHECKING:
    import h5py
else:
    h5py = LazyModule("h5py")


class ShardedWriter:
    """Fills one file after the other, each up to a size.

    Arguments:
        new_shard: index -> (name, a context that gives the local path to write to).
        limit: bytes of arrays in one file.
    """

    def __init__(self, new_shard: Callable[[int], tuple[str, Any]], limit: float):
        self._new_shard, self._limit = new_shard, limit
        self._stack = contextlib.ExitStack()
        self._places: dict[str, list[str]] = {}
        self._shards: list[tuple[str, h5py.File]] = []
        self._filled = self._total = 0

    def __enter__(self) -> ShardedWriter:
        self._next()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._stack.__exit__(*error)

    def _next(self) -> None:
        name, place = self._new_shard(len(self._shards))
        file = self._stack.enter_context(h5py.File(self._stack.enter_context(place), "w"))
        self._shards.append((name, file))
        self._filled = 0

    def entry(self, path: str, name: str | None) -> MutableMapping:
        return _ShardedSink(self, f"{path}/vars" if path else "vars", name)

    def put(self, group: str, name: str | None, key: str, value: Any) -> None:
        array = h5.as_array(value)
        if array.nbytes > self._limit:
            raise ValueError(
                f"max_shard_size allows {self._limit:.0f} bytes in a file, and {group}/{key} alone "
                f"has {array.nbytes}. Pass a larger one."
            )
        if self._filled + array.nbytes > self._limit:
            self._next()
        shard, file = self._shards[-1]
        target = file.require_group(group)
        if name is not None:
            target.attrs["name"] = name
        h5.put(target, key, array)
        self._filled += array.nbytes
        self._total += array.nbytes
        held = self._places.setdefault(f"/{group}", [])
        if shard not in held:
            held.append(shard)

    def names(self) -> set[str]:
        """The names of the shards."""
        return {name for name, _ in self._shards}

    def index(self) -> dict:
        """What the index file holds: `{"weight_map": {"/layers/dense/vars": shard or shards}}`."""
        places = {group: s[0] if len(s) == 1 else s for group, s in self._places.items()}
        return {"metadata": {"total_size": self._total}, "weight_map": places}


class _ShardedSink(MutableMapping):
    """The entry of one object: every array goes to the shard that has room."""

    def __init__(self, writer: ShardedWriter, group: str, name: str | None):
        self._writer, self._group, self._name = writer, group, name
        self._keys: list[str] = []

    def __setitem__(self, key: str, value: Any) -> None:
        self._writer.put(self._group, self._name, str(key), value)
        self._keys.append(str(key))

    def __getitem__(self, key: str) -> Any:
        raise TypeError(f"{self._group}/{key} was written to a shard and cannot be read back.")

    def __delitem__(self, key: str) -> None:
        raise TypeError(f"{self._group}/{key} was written to a shard and cannot be deleted.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class ShardedReader:
    """Reads what a `ShardedWriter`, or Keras, wrote; a shard is opened when it is first needed.

    Arguments:
        index: the text of the index file.
        locate: name of a shard -> a context that gives its local path.
        called: what errors call the index.

    Raises: ValueError for an index that is none, or names files in other folders.
    """

    def __init__(
        self, index: str, locate: Callable[[str], AbstractContextManager[Path]], called: str
    ):
        try:
            self._map = dict(json.loads(index)["weight_map"])
        except (ValueError, KeyError, TypeError) as e:
            raise ValueError(f"{called} is no index of sharded weights ({e!r}).") from e
        self._locate, self._called = locate, called
        self._files: dict[str, h5py.File] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> ShardedReader:
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._stack.__exit__(*error)

    def entry(self, path: str) -> Any:
        shards = self._map.get(f"/{path}/vars" if path else "/vars", [])
        shards = [shards] if isinstance(shards, str) else shards
        return _ShardedSource([h5.Reader(self._file(s)).entry(path) for s in shards], path)

    def _file(self, shard: str) -> h5py.File:
        if shard not in self._files:
            if shard != os.path.basename(shard):
                raise ValueError(f"{self._called} is refused: its shard {shard!r} is elsewhere.")
            local = self._stack.enter_context(self._locate(shard))
            self._files[shard] = self._stack.enter_context(archive.open_h5(local, repr(shard)))
        return self._files[shard]


class _ShardedSource:
    """One object's entry, whose arrays may lie in several shards."""

    def __init__(self, entries: list[h5.Entry], where: str):
        self._entries, self.where = entries, where

    def keys(self) -> list[str]:
        return [k for e in self._entries for k in e]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def _of(self, key: str) -> h5.Entry:
        for entry in self._entries:
            if key in entry:
                return entry
        raise KeyError(f"No shard holds {key!r} of {self.where!r}, only {self.keys()}.")

    def __getitem__(self, key: str) -> np.ndarray:
        return self._of(key)[key]

    def shape(self, key: str) -> tuple[int, ...]:
        return self._of(key).shape(key)
