"""One process's part of a step, and the chief's check that the parts make a whole."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kdist.checkpoint import checksums, engine, layout
from kdist.checkpoint.errors import CheckpointError
from kdist.checkpoint.layout import Path
from kdist.checkpoint.storage import Store
from kdist.core.leaf import Leaf

# 16 MiB: several chunks for each core of a large array, and few enough to list.
CHUNK_BYTES = 16 * 2**20
# Bytes handed to the engine and not yet on disk; it holds them compressed, beside the originals.
_IN_FLIGHT_BYTES = 512 * 2**20


def write_part(
    store: Store,
    folder: str,
    rank: int,
    leaves: Mapping[Path, Leaf],
    compression: str | None,
) -> dict[str, Any]:
    """Writes this process's boxes below `folder` and returns the record of them.

    The chief also enters the arrays of which it owns nothing: an array of no elements has no owner.

    Returns:
        `{"rank": rank, "leaves": {stored name: {"shape", "dtype", "chunk", "checksums"}}}`, with
        the checksum of each chunk written, by its name in the grid.
    """
    base = store.spec(f"{folder}/{layout.process_folder(rank)}")
    context = engine.new_context()
    record: dict[str, Any] = {}
    opened = []
    for path, leaf in leaves.items():
        name = layout.stored_name(path)
        grid = layout.refine_chunks(
            leaf.global_shape, leaf.chunk_shape, leaf.dtype.itemsize, CHUNK_BYTES
        )
        record[name] = {
            "shape": list(leaf.global_shape),
            "dtype": leaf.dtype.name,
            "chunk": list(grid),
            "checksums": {},
        }
        if leaf.boxes or rank == 0:
            array = engine.create_array(
                base, name, leaf.global_shape, leaf.dtype, grid, compression, context
            )
            opened.append((array, name, leaf, grid))
    # On disk or over the network nothing refers to our memory once the write is done. Storage in
    # memory does: uncompressed, it would keep the caller's own array, and follow its changes.
    by_reference = not store.location.one_process
    pending: deque[tuple[Any, int]] = deque()
    in_flight = 0
    for future, name, leaf, grid in opened:
        array = future.result()
        for offset, box in leaf.boxes:
            box = np.asarray(box, dtype=leaf.dtype)
            sums = record[name]["checksums"]
            for index, region in checksums.chunks_of(offset, box.shape, grid):
                part = box[region]
                start = tuple(i * c for i, c in zip(index, grid, strict=True))
                where = tuple(slice(s, s + n) for s, n in zip(start, part.shape, strict=True))
                write = array[where].write(
                    part, can_reference_source_data_indefinitely=by_reference
                )
                pending.append((write, part.nbytes))
                in_flight += part.nbytes
                sums[checksums.chunk_key(index)] = checksums.checksum(part)
                while in_flight > _IN_FLIGHT_BYTES:
                    write, nbytes = pending.popleft()
                    write.result()
                    in_flight -= nbytes
    for write, _ in pending:
        write.result()
    return {"rank": rank, "leaves": record}


def merge_records(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns the leaves of the whole step, after checking that the processes' parts make one.

    Returns:
        stored name -> `{"shape", "dtype", "chunk", "checksums"}` with the checksums of all chunks.

    Raises:
        CheckpointError: when two processes see a leaf differently, or a chunk has no owner or two.
    """
    first = records[0]["leaves"]
    for record in records[1:]:
        differing = set(first) ^ set(record["leaves"])
        if differing:
            raise CheckpointError(
                f"rank 0 and rank {record['rank']} save different leaves: only one of them has "
                f"{sorted(differing)[:5]}. Pass every leaf on every process, without boxes where "
                "it owns none."
            )
    merged = {}
    for name, leaf in first.items():
        sums: dict[str, str] = {}
        owner: dict[str, int] = {}
        for record in records:
            other = record["leaves"][name]
            for key in ("shape", "dtype", "chunk"):
                if other[key] != leaf[key]:
                    raise CheckpointError(
                        f"leaf {name!r}: its {key} is {leaf[key]} on rank 0 and {other[key]} on "
                        f"rank {record['rank']}; every process must describe the same array on the "
                        "same grid."
                    )
            for chunk, value in other["checksums"].items():
                if chunk in sums:
                    raise CheckpointError(
                        f"leaf {name!r}: ranks {owner[chunk]} and {record['rank']} both wrote "
                        f"chunk {chunk}; exactly one process may own a box."
                    )
                sums[chunk], owner[chunk] = value, record["rank"]
        shape, grid = tuple(leaf["shape"]), tuple(leaf["chunk"])
        for index, _ in checksums.chunks_of((0,) * len(shape), shape, grid):
            if checksums.chunk_key(index) not in sums:
                start = tuple(i * c for i, c in zip(index, grid, strict=True))
                raise CheckpointError(
                    f"leaf {name!r}: no process wrote the chunk at {start} of shape {shape}; "
                    "exactly one process must own each box."
                )
        merged[name] = {**leaf, "checksums": sums}
    return merged
