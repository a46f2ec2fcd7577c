"""All that touches tensorstore: contexts, key-value stores, arrays, the merge of the parts.

tensorstore takes a third of a second to import, so it is imported at first use: a program that
never saves a checkpoint does not pay for it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

# Orbax's own values; a reader needs no more than the manifest to find them again.
OCDBT_CONFIG = {
    "max_inline_value_bytes": 1024,
    "max_decoded_node_bytes": 100_000_000,
    "manifest_kind": "single",
}
_DATA_FILE_BYTES = 2**31
_ROOT_LOCK = threading.Lock()

Spec = dict[str, Any]


@functools.cache
def _tensorstore() -> Any:
    try:
        import tensorstore
    except ImportError as e:
        raise ImportError(
            "Sharded checkpoints need the package 'tensorstore'; install it with "
            "`pip install tensorstore`."
        ) from e
    return tensorstore


@functools.cache
def _root_context_unlocked() -> Any:
    return _tensorstore().Context({"file_io_concurrency": {"limit": 32}})


def _root_context() -> Any:
    # One root for the life of the process: the data of memory:// lives in it.
    with _ROOT_LOCK:
        return _root_context_unlocked()


def new_context() -> Any:
    """Returns a context with caches of its own, over the process's one memory store and I/O pool.

    A fresh one for each save and each reader: a cache that outlives them would answer for a step
    that was removed and written again.
    """
    return _tensorstore().Context(
        {"cache_pool#ocdbt": {"total_bytes_limit": 100_000_000}}, _root_context()
    )


def open_store(spec: Spec) -> Any:
    """Opens a plain key-value store: keys are file names."""
    return _tensorstore().KvStore.open(spec, context=_root_context()).result()


def key_range(prefix: str) -> Any:
    """Returns the range of the keys that start with `prefix`."""
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else ""
    return _tensorstore().KvStore.KeyRange(prefix, end)


def ocdbt_spec(base: Spec, name: str | None = None, write: bool = False) -> Spec:
    """Returns the spec of the database in folder `base`, or of the array `name` in it."""
    spec: Spec = {"driver": "ocdbt", "base": base, "cache_pool": "cache_pool#ocdbt"}
    if write:
        spec |= {
            "config": OCDBT_CONFIG,
            "assume_config": True,
            "target_data_file_size": _DATA_FILE_BYTES,
        }
    if name is not None:
        spec["path"] = name + "/"
    return spec


def create_array(
    base: Spec,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    chunks: tuple[int, ...],
    compression: str | None,
    context: Any,
) -> Any:
    """Starts to create the array `name` in the database at `base`; returns a future of it."""
    compressor = None if compression is None else {"id": compression, "level": 1}
    spec = {
        "driver": "zarr",
        "kvstore": ocdbt_spec(base, name, write=True),
        "metadata": {"shape": list(shape), "chunks": list(chunks), "compressor": compressor},
        "dtype": dtype.name,
        "recheck_cached_data": False,
        "recheck_cached_metadata": False,
        # Without it a chunk of zeros is not written, and a lost chunk looks like a chunk of zeros.
        "store_data_equal_to_fill_value": True,
    }
    return _tensorstore().open(spec, create=True, open=True, context=context)


def open_array(kvstore: Spec, zarr3: bool, context: Any) -> Any:
    """Starts to open an array for reading; returns a future of it.

    Reading a chunk that is not there is an error, not zeros.
    """
    spec = {
        "driver": "zarr3" if zarr3 else "zarr",
        "kvstore": kvstore,
        "fill_missing_data_reads": False,
    }
    return _tensorstore().open(spec, open=True, read=True, context=context)


def merge(parts: list[Spec], into: Spec, context: Any) -> None:
    """Enters the keys of the databases `parts` into the database `into`, atomically.

    The bytes stay in the parts' own files; only the index is written anew.
    """
    ts = _tensorstore()
    opened = [ts.KvStore.open(ocdbt_spec(part), context=context) for part in parts]
    target = ts.KvStore.open(ocdbt_spec(into, write=True), context=context).result()
    transaction = ts.Transaction(atomic=True)
    for part in opened:
        part.result().experimental_copy_range_to(target.with_transaction(transaction)).result()
    transaction.commit_async().result()


def locate_keys(base: Spec, prefix: str) -> Mapping[str, tuple[str, int, int]]:
    """Returns where the values of the keys that start with `prefix` lie in the database at `base`.

    Returns:
        key -> (file relative to `base`, first byte, number of bytes). A small value lies in the
        index itself, and then the index's file is named.
    """
    dump = _tensorstore().ocdbt.dump
    store = open_store(base)
    root = dump(store).result()["versions"][-1].get("root")
    return {} if root is None else dict(_walk(dump, store, root["location"], b"", prefix.encode()))


def _walk(
    dump: Any, store: Any, location: str, stem: bytes, prefix: bytes
) -> Iterator[tuple[str, tuple[str, int, int]]]:
    node_file = _parse_location(location)
    for entry in dump(store, node=location).result()["entries"]:
        if "location" in entry:
            # Keys below are stored without the prefix that they share.
            below = stem + entry["subtree_common_prefix"]
            if below.startswith(prefix) or prefix.startswith(below):
                yield from _walk(dump, store, entry["location"], below, prefix)
        elif (key := stem + entry["key"]).startswith(prefix):
            value = entry.get("indirect_value")
            yield key.decode(), _parse_location(value) if value else node_file


def _parse_location(location: str) -> tuple[str, int, int]:
    # kind:base folder:file in it:first byte:number of bytes
    _, folder, name, start, length = location.split(":")
    return folder + name, int(start), int(length)
