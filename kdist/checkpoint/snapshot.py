"""A copy of the leaves for the background writer, into memory that is kept from save to save.

The training loop waits for this copy, and fresh memory costs a page fault for every 4 KiB: 256 MiB
took 0.096 s the first time and 0.021 s into the same memory again.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kdist.checkpoint.layout import Path
from kdist.core.leaf import Leaf


class Snapshot:
    """Buffers for one copy of this process's part of the state; used by one save at a time."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[Path, tuple[int, ...]], np.ndarray] = {}

    def take(self, leaves: Mapping[Path, Leaf]) -> dict[Path, Leaf]:
        """Returns the leaves with their boxes copied. The copy is good until the next call."""
        kept = {}
        out = {}
        for path, leaf in leaves.items():
            boxes = []
            for offset, array in leaf.boxes:
                buffer = self._buffers.get((path, offset))
                if buffer is None or buffer.shape != array.shape or buffer.dtype != array.dtype:
                    buffer = np.empty(array.shape, array.dtype)
                np.copyto(buffer, array)
                kept[path, offset] = buffer
                boxes.append((offset, buffer))
            out[path] = Leaf(leaf.global_shape, leaf.dtype, leaf.chunk_shape, tuple(boxes))
        self._buffers = kept
        return out
