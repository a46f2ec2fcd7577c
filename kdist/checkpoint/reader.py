"""Reading a published step: kdist's, on whatever mesh it was written, or one that Orbax wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from kdist.checkpoint import checksums, engine, layout
from kdist.checkpoint.checksums import ChunkIndex
from kdist.checkpoint.diagnosis import explain_chunk
from kdist.checkpoint.errors import CheckpointError
from kdist.checkpoint.layout import Path
from kdist.checkpoint.storage import Store

Index = tuple[slice, ...]


class Reader:
    """An open step. Use it as a context manager, or call `close()`.

    What is read is checked: each stored chunk that a read touches is compared with its checksum
    the first time. (A chunk is the smallest thing that can be read, so this costs no extra
    reading.) Steps that Orbax wrote have no checksums; see `verified`.

    Attributes:
        step: the step.
        meta: what `save` was given as `meta`; empty for a step that Orbax wrote.
        metrics: what `save` was given as `metrics`.
        verified: whether the step carries checksums.
    """

    def __init__(self, store: Store, step: int, item: str | None = None) -> None:
        """Reads the step's metadata; arrays are opened when they are asked for.

        Arguments:
            store: the checkpoint's storage.
            step: a published step.
            item: which of several items to read; kdist's own steps have one, "state".

        Raises:
            CheckpointError: when the metadata is missing or damaged, naming the file.
        """
        self.step = step
        self._store = store
        self._context = engine.new_context()
        own = store.read(f"{step}/{layout.KDIST_FILE}")
        self.verified = own is not None
        self.meta: dict[str, Any] = {}
        self.metrics: dict[str, float] = {}
        self._sums: dict[Path, Mapping[str, str]] = {}
        if own is not None:
            self._read_own(layout.unseal(own, store.where(f"{step}/{layout.KDIST_FILE}")))
            item = layout.ITEM
        self._item = _find_item(store, step, item)
        self._arrays: dict[Path, Any] = {}
        self._checked: dict[Path, set[ChunkIndex]] = {}
        self._names, self._ocdbt, self._zarr3 = self._read_tree()

    def _read_own(self, body: Mapping[str, Any]) -> None:
        if (
            body.get("format") != layout.FORMAT
            or body.get("format_version") != layout.FORMAT_VERSION
        ):
            raise CheckpointError(
                f"{self._store.where(f'{self.step}/{layout.KDIST_FILE}')} has format "
                f"{body.get('format')!r} version {body.get('format_version')!r}; this kdist reads "
                f"{layout.FORMAT!r} version {layout.FORMAT_VERSION}. Read it with what wrote it: "
                f"{body.get('versions')}."
            )
        self.meta, self.metrics = body["state"], body["metrics"]
        for name, leaf in body["leaves"].items():
            path = tuple(layout.unescape(key) for key in name.split("."))
            self._sums[path] = leaf["checksums"]

    def _read_tree(self) -> tuple[dict[Path, str], bool, bool]:
        name = f"{self._item}/{layout.ITEM_METADATA}"
        data = self._store.read(name)
        if data is None:
            raise CheckpointError(f"{self._store.where(name)} is missing. Use another step.")
        try:
            body = json.loads(data)
            names = {}
            for entry in body["tree_metadata"].values():
                keys = [str(k["key"]) for k in entry["key_metadata"]]
                kind = entry["value_metadata"]
                if kind.get("skip_deserialize") or kind["value_type"] in ("None", "string"):
                    continue
                path = tuple(layout.unescape(k) for k in keys) if self.verified else tuple(keys)
                names[path] = ".".join(keys)
            tree = names, bool(body["use_ocdbt"]), bool(body.get("use_zarr3"))
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise CheckpointError(
                f"{self._store.where(name)} is damaged: {type(e).__name__}: {e}. Use another step."
            ) from e
        if self.verified and set(names) != set(self._sums):
            differing = sorted(set(names) ^ set(self._sums))[:5]
            raise CheckpointError(
                f"{self._store.where(name)} and {layout.KDIST_FILE} list different leaves: "
                f"{differing}. Use another step."
            )
        return tree

    def leaves(self) -> dict[Path, tuple[tuple[int, ...], np.dtype]]:
        """Returns the shape and dtype of every leaf, by its path.

        Raises:
            CheckpointError: when one cannot be opened, naming it and the file.
        """
        self._open(self._names)
        return {
            path: (tuple(a.shape), a.dtype.numpy_dtype)
            for path, a in ((path, self._arrays[path]) for path in self._names)
        }

    def read(self, path: Path, index: Index | None = None) -> np.ndarray:
        """Returns a leaf, or a region of it.

        Arguments:
            path: the leaf's path.
            index: one slice of step 1 for each dim, in the global array; None for all of it.

        Returns:
            An array of the region's shape that the caller owns.

        Raises:
            KeyError: when there is no such leaf.
            CheckpointError: when a chunk is missing or damaged, naming the leaf, the chunk and
            the file.

        Example:
            >>> reader.read(("params", "kernel"), (slice(0, 4), slice(None)))
        """
        return self.read_many([(path, index)])[0]

    def read_many(self, requests: Iterable[tuple[Path, Index | None]]) -> list[np.ndarray]:
        """Returns several regions, read concurrently: many small reads do not wait for one another.

        Arguments:
            requests: `(path, index)` as in `read`.

        Returns:
            The arrays, in the order of the requests.
        """
        requests = list(requests)
        self._open(path for path, _ in requests)
        started = []
        for path, index in requests:
            array = self._arrays[path]
            region = _region(path, tuple(array.shape), index)
            # A scalar has no grid, and the engine says None.
            grid = tuple(array.chunk_layout.read_chunk.shape or ())
            hull = _hull(region, grid, tuple(array.shape))
            future = None if _empty(region) else array[hull].read()
            started.append((path, region, hull, grid, future))
        return [self._finish(*entry) for entry in started]

    def close(self) -> None:
        """Lets go of the arrays and caches; the reader is of no use afterwards."""
        self._arrays.clear()
        self._context = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _open(self, paths: Iterable[Path]) -> None:
        if self._context is None:
            raise CheckpointError(
                f"reader: the reader of step {self.step} is closed; open the step again."
            )
        futures = {}
        for path in paths:
            if path not in self._names:
                raise KeyError(
                    f"step {self.step} has no leaf {path!r}; it has {len(self._names)}, such as "
                    f"{sorted(self._names)[:3]}"
                )
            if path not in self._arrays and path not in futures:
                futures[path] = engine.open_array(self._spec(path), self._zarr3, self._context)
        for path, future in futures.items():
            try:
                self._arrays[path] = future.result()
            except Exception as e:
                raise CheckpointError(
                    f"Step {self.step}: the leaf {'/'.join(path)!r} cannot be opened in "
                    f"{self._store.where(self._item)}: {str(e).split(' [tensorstore_spec')[0]}. "
                    "Its index is missing or damaged; use another step."
                ) from e

    def _spec(self, path: Path) -> dict[str, Any]:
        name = self._names[path]
        base = self._store.spec(self._item)
        return (
            engine.ocdbt_spec(base, name)
            if self._ocdbt
            else self._store.spec(f"{self._item}/{name}")
        )

    def _finish(
        self, path: Path, region: Index, hull: Index, grid: tuple[int, ...], future: Any
    ) -> np.ndarray:
        array = self._arrays[path]
        if future is None:
            shape = tuple(s.stop - s.start for s in region)
            return np.zeros(shape, array.dtype.numpy_dtype)
        offset = tuple(s.start for s in hull)
        shape = tuple(s.stop - s.start for s in hull)
        try:
            found = future.result()
        except Exception as e:
            raise CheckpointError(
                explain_chunk(
                    self._store,
                    self.step,
                    self._item,
                    path,
                    self._names[path],
                    _first_unreadable(array, offset, shape, grid),
                    str(e),
                )
            ) from e
        self._verify(path, found, offset, grid)
        whole: np.ndarray = found
        inner = tuple(slice(r.start - o, r.stop - o) for r, o in zip(region, offset, strict=True))
        part = whole[inner]
        # A small part of a large chunk must not keep the chunk in memory.
        return part if part.shape == whole.shape else part.copy()

    def _verify(
        self, path: Path, found: np.ndarray, offset: tuple[int, ...], grid: tuple[int, ...]
    ) -> None:
        sums = self._sums.get(path)
        if sums is None:
            return
        done = self._checked.setdefault(path, set())
        for index, part in checksums.chunks_of(offset, found.shape, grid):
            if index in done:
                continue
            expected, actual = sums.get(checksums.chunk_key(index)), checksums.checksum(found[part])
            if actual != expected:
                raise CheckpointError(
                    explain_chunk(
                        self._store,
                        self.step,
                        self._item,
                        path,
                        self._names[path],
                        index,
                        f"its checksum is {actual}, and {expected} was written",
                    )
                )
            done.add(index)


def _find_item(store: Store, step: int, item: str | None) -> str:
    if item is not None:
        return f"{step}/{item}"
    # A step of Orbax: the item has whatever name it was given, or is the step itself.
    suffix = "/" + layout.ITEM_METADATA
    found = [n[: -len(suffix)] for n in store.names(f"{step}/") if n.endswith(suffix)]
    if len(found) != 1:
        raise CheckpointError(
            f"{store.where(str(step))} holds {len(found)} items with {layout.ITEM_METADATA} "
            f"({found}); "
            "say which one as `item`."
        )
    return found[0]


def _region(path: Path, shape: tuple[int, ...], index: Index | None) -> Index:
    if index is None:
        return tuple(slice(0, n) for n in shape)
    good = len(index) == len(shape) and all(
        isinstance(s, slice) and s.step in (None, 1) for s in index
    )
    if not good:
        raise ValueError(
            f"index: {index!r} for the leaf {'/'.join(path)!r} of shape {shape}; pass a slice of "
            "step 1 for each dim, or None for the whole leaf."
        )
    bounds = [s.indices(n) for s, n in zip(index, shape, strict=True)]
    return tuple(slice(start, max(start, stop)) for start, stop, _ in bounds)


def _hull(region: Index, grid: tuple[int, ...], shape: tuple[int, ...]) -> Index:
    return tuple(
        slice(s.start // c * c, min(-(-s.stop // c) * c, n))
        for s, c, n in zip(region, grid, shape, strict=True)
    )


def _empty(region: Index) -> bool:
    return any(s.start == s.stop for s in region)


def _first_unreadable(
    array: Any, offset: tuple[int, ...], shape: tuple[int, ...], grid: tuple[int, ...]
) -> ChunkIndex | None:
    for index, part in checksums.chunks_of(offset, shape, grid):
        where = tuple(slice(o + s.start, o + s.stop) for o, s in zip(offset, part, strict=True))
        try:
            array[where].read().result()
        except Exception:
            return index
    # It can be read now: the failure was the storage's, and passed.
    return None
