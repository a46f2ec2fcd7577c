"""One CRC-32 for each stored chunk.

The storage engine guards its index with checksums of its own, but not the values: a flipped byte
in a data file is read back without any error. A chunk is the smallest thing that can be read, so
verifying by chunk never reads more than the read itself needs, however a restore cuts the array.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator

import numpy as np

ChunkIndex = tuple[int, ...]


def chunk_key(index: ChunkIndex) -> str:
    """Returns a chunk's name in the grid, as zarr writes it: "1.0", and "0" for a scalar."""
    return ".".join(map(str, index)) if index else "0"


def chunks_of(
    offset: tuple[int, ...], shape: tuple[int, ...], chunk: tuple[int, ...]
) -> Iterator[tuple[ChunkIndex, tuple[slice, ...]]]:
    """Yields the chunks of a box on the grid: (index in the grid, region inside the box)."""
    if 0 in shape:
        return
    ranges = [range(o // c, -(-(o + n) // c)) for o, n, c in zip(offset, shape, chunk, strict=True)]
    for index in itertools.product(*ranges):
        yield (
            index,
            tuple(
                slice(max(i * c - o, 0), min((i + 1) * c - o, n))
                for i, c, o, n in zip(index, chunk, offset, shape, strict=True)
            ),
        )


def checksum(array: np.ndarray) -> str:
    """Returns the CRC-32 of an array's elements in C order, as 8 hex digits."""
    # reshape before view: a scalar has no last dim to view as bytes.
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return f"{zlib.crc32(data.data):08x}"


def text_checksum(text: str) -> str:
    """Returns the CRC-32 of a text in UTF-8, as 8 hex digits."""
    return f"{zlib.crc32(text.encode()):08x}"
