"""Which rows of a global batch a process holds.

A global batch of n rows falls into `count` contiguous slices of one length L, a multiple of
`multiple`. Process r holds rows [r*L, (r+1)*L). Rows from n on are padding: copies of the last real
row, so that no value is out of range, under a mask that every process carries as soon as any does,
since a compiled step must have one signature everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shard:
    """This process takes slice `index` of `count`.

    Its length is a multiple of `multiple`, the devices it feeds.

    Example: `Shard(1, 2)` takes the second half of every batch.
    """

    index: int = 0
    count: int = 1
    multiple: int = 1

    def __post_init__(self) -> None:
        if self.count < 1 or self.multiple < 1 or not 0 <= self.index < self.count:
            raise ValueError(
                f"Shard(index={self.index}, count={self.count}, multiple={self.multiple}) is not a"
                " slice: count and multiple must be at least 1, and 0 <= index < count."
            )


WHOLE = Shard()  # a process on its own, with one device


@dataclass(frozen=True, slots=True)
class LocalRows:
    """The rows of one process in a batch of known size: a range, or positions and a mask."""

    start: int
    stop: int
    positions: np.ndarray | None  # (L,) with the last real row repeated; None where no process pads
    mask: np.ndarray | None  # bool (L,)

    def of(self, rows: np.ndarray) -> np.ndarray:
        """This process's part of `rows` (n, ...): a view, or a copy where rows are repeated."""
        if self.positions is None:
            return rows[self.start : self.stop]
        return rows[self.positions]

    def new_mask(self) -> np.ndarray | None:
        """A mask that the caller may keep and write to."""
        return None if self.mask is None else self.mask.copy()


def local_length(n: int, shard: Shard) -> int:
    """Rows per process for a global batch of `n`: ceil(n / count), raised to a multiple.

    `shard` gives the count of processes and the multiple.
    """
    per_process = -(-n // shard.count)
    return -(-per_process // shard.multiple) * shard.multiple


def local_rows(n: int, shard: Shard) -> LocalRows:
    """The rows of a global batch of n >= 1 that `shard` names."""
    length = local_length(n, shard)
    start = shard.index * length
    if length * shard.count == n:
        return LocalRows(start, start + length, None, None)
    wanted = np.arange(start, start + length)
    return LocalRows(start, start + length, np.minimum(wanted, n - 1), wanted < n)
