"""What a step looks like on disk: Orbax's layout, and kdist's own file beside it.

<step>/                      exists under this name only when complete
   _CHECKPOINT_METADATA      JSON: which items the step has, timestamps
   commit_success.txt        on object stores: the mark that the step is complete
   orbax.checkpoint          empty; Orbax's v1 API looks for it
   kdist.json                checksums, metrics, and the state of the run
   state/_METADATA           JSON: the tree of names, and what each leaf is
   state/manifest.ocdbt      index over all processes' parts
   state/d/*                 the index's nodes
   state/ocdbt.process_<r>/  what process r wrote
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from kdist.checkpoint import checksums
from kdist.checkpoint.errors import CheckpointError

Path = tuple[str, ...]

ITEM = "state"
STEP_METADATA = "_CHECKPOINT_METADATA"
MARKER = "commit_success.txt"
V1_INDICATOR = "orbax.checkpoint"
ITEM_METADATA = "_METADATA"
KDIST_FILE = "kdist.json"
FORMAT = "kdist.checkpoint"
FORMAT_VERSION = 1

# The names under which Orbax registers the handlers that can read the item.
_HANDLER = "orbax.checkpoint._src.handlers.standard_checkpoint_handler.StandardCheckpointHandler"
# Orbax's code for a key of a dict; the other codes are for sequences and attributes.
_DICT_KEY = 2


def process_folder(rank: int) -> str:
    """Returns the folder, inside the item, of what process `rank` wrote."""
    return f"{ITEM}/ocdbt.process_{rank}"


def escape(key: str) -> str:
    """Returns a key that is safe in a stored name.

    Stored names join the keys of a path with dots, so a dot inside a key (and a slash, which the
    arrays' own keys use) is written in percent form: "a.b" is stored as "a%2Eb".
    """
    return key.replace("%", "%25").replace(".", "%2E").replace("/", "%2F")


def unescape(key: str) -> str:
    """Undoes `escape`."""
    return key.replace("%2F", "/").replace("%2E", ".").replace("%25", "%")


def stored_name(path: Path) -> str:
    """Returns the name under which the leaf at `path` is stored."""
    return ".".join(escape(key) for key in path)


def check_paths(paths: Iterable[Path]) -> None:
    """Refuses names that cannot be a tree.

    Raises:
        CheckpointError: for a path that is no tuple of non-empty strings, and for a leaf that
            lies inside another leaf.
    """
    known = set(paths)
    for path in known:
        good = isinstance(path, tuple) and path and all(isinstance(k, str) and k for k in path)
        if not good:
            raise CheckpointError(
                f"leaves: the name {path!r} must be a tuple of non-empty strings, "
                "e.g. ('params', 'kernel')."
            )
        for n in range(1, len(path)):
            if path[:n] in known:
                raise CheckpointError(
                    f"leaves: {path[:n]!r} is a leaf and also the parent of {path!r}; "
                    "rename one of them."
                )


def refine_chunks(
    shape: tuple[int, ...], chunk: tuple[int, ...], itemsize: int, target_bytes: int
) -> tuple[int, ...]:
    """Returns a finer grid, with chunks near `target_bytes`, that all boxes still lie on.

    Smaller chunks are compressed and written in parallel, and a partial read fetches less. It
    depends only on what every process knows, so they all get the same grid. A dim that is not cut
    between processes takes any size; one that is cut takes divisors of its chunk, and stays as it
    is when they would be far too small.
    """
    out = list(chunk)
    for dim, (n, c) in enumerate(zip(shape, chunk, strict=True)):
        total = itemsize * int(np.prod(out, dtype=np.int64))
        if total <= target_bytes:
            break
        row_bytes = total // c
        want = max(1, target_bytes // row_bytes)
        if c >= n:
            out[dim] = want
            continue
        divisor = next((d for d in range(min(want, c), 0, -1) if c % d == 0), c)
        if divisor * row_bytes >= target_bytes // 8 or want == 1:
            out[dim] = divisor
    return tuple(out)


def item_metadata(paths: Iterable[Path]) -> dict[str, Any]:
    """Returns the content of `_METADATA`: every leaf is a numpy array in a tree of dicts."""
    tree = {}
    for path in paths:
        keys = tuple(escape(key) for key in path)
        tree[str(keys)] = {
            "key_metadata": [{"key": key, "key_type": _DICT_KEY} for key in keys],
            "value_metadata": {"value_type": "np.ndarray", "skip_deserialize": False},
        }
    return {
        "tree_metadata": tree,
        "use_ocdbt": True,
        "use_zarr3": False,
        "store_array_data_equal_to_fill_value": True,
        "custom_metadata": None,
    }


def step_metadata(started_ns: int) -> dict[str, Any]:
    """Returns the content of `_CHECKPOINT_METADATA`; times are nanoseconds since 1970."""
    return {
        "item_handlers": {ITEM: _HANDLER},
        "metrics": {},
        "performance_metrics": {},
        "init_timestamp_nsecs": started_ns,
        "commit_timestamp_nsecs": time.time_ns(),
        "custom_metadata": {},
    }


def encode_json(value: Mapping[str, Any], what: str) -> str:
    """Returns JSON; numpy scalars become numbers.

    Raises:
        CheckpointError: when something in it is no JSON, naming `what`.
    """
    try:
        _check_keys(value)
        return json.dumps(value, default=_plain_number)
    except (TypeError, ValueError) as e:
        raise CheckpointError(
            f"{what}: it must hold only dicts with string keys, lists, strings, numbers, booleans "
            f"and None; {e}."
        ) from e


def _check_keys(value: Any) -> None:
    # json would turn other keys into strings, and the reader would look for them in vain.
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"a dict has the key {key!r}, which is no string")
    items = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, Mapping | list | tuple):
        for item in items:
            _check_keys(item)


def _plain_number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is none of these: {value!r:.100}")


def seal(body: Mapping[str, Any]) -> str:
    """Returns the text of a JSON file that carries its own checksum."""
    # Parsed again: the checksum is of what a reader will see.
    body = json.loads(json.dumps(body, default=_plain_number))
    return json.dumps({**body, "checksum": _digest(body)})


def unseal(data: bytes, where: str) -> dict[str, Any]:
    """Returns the content that `seal` wrote.

    Raises:
        CheckpointError: when it does not parse or its checksum differs, naming the file.
    """
    try:
        body: dict[str, Any] = json.loads(data)
        expected = body.pop("checksum")
    except (ValueError, KeyError, AttributeError, TypeError) as e:
        raise CheckpointError(
            f"{where} is damaged: {type(e).__name__}: {e}. Use another step."
        ) from e
    if (found := _digest(body)) != expected:
        raise CheckpointError(
            f"{where} is damaged: its checksum is {found}, and {expected} was written. "
            "Use another step."
        )
    return body


def _digest(body: Mapping[str, Any]) -> str:
    return checksums.text_checksum(json.dumps(body, sort_keys=True))


def versions() -> dict[str, str]:
    """Returns the versions of what wrote the step."""
    found = {}
    for name in ("kdist", "tensorstore", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found
