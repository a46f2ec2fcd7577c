"""What the training loop asks of any data: batches of one epoch, from a position, for one process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kdist.data.sharding import WHOLE, Shard


class OutOfDataError(RuntimeError):
    """A source ended too soon; the message names the epoch, the batch and the remedy."""


@dataclass(slots=True, eq=False)
class Batch:
    """The rows of one global batch that one process holds.

    Every array is a C-contiguous, writeable `np.ndarray` with `local_n` rows, equal on all
    processes.

    Attributes:
        x, y, sample_weight: trees of arrays; None where absent.
        mask: bool (local_n,), False on padding rows; None if no process of this batch has padding.
        size: real samples in the global batch, the padding not counted.
        end: index in the epoch of the first global sample after this batch: the position to resume
            from.
    """

    x: Any
    y: Any
    sample_weight: Any
    mask: np.ndarray | None
    size: int
    end: int


class Source(ABC):
    """Batches of an epoch, the same on any number of processes, each taking its slice.

    num_batches: batches of one epoch; None if unknown before it ends.
    num_samples: samples in the data; None if unknown.
    batch_size: global rows of every batch but the last; None if unknown.
    seekable: whether `epoch(start=...)` goes there directly. Others read and drop, with one
        warning.
    """

    num_batches: int | None
    num_samples: int | None
    batch_size: int | None
    seekable: bool

    @abstractmethod
    def epoch(
        self, epoch: int, shard: Shard = WHOLE, start: int = 0
    ) -> Generator[Batch, None, None]:
        """The batches of epoch number `epoch`.

        Those that an uninterrupted epoch has after `start` samples.

        Arguments:
            epoch: 0 for the first. It selects the shuffled order. A source that can only be read
                once counts its epochs from its own first batch, and one that is still unread skips
                what earlier epochs took.
            shard: which slice of every global batch this process takes.
            start: global sample index at the end of a batch, as `Batch.end` gave it.

        Close the iterator (`contextlib.closing`) when leaving it early: a reader may be at work
        behind it.

        Raises: OutOfDataError where the data ends too soon; ValueError if no batch ends at `start`.
        """

    @abstractmethod
    def spec(self) -> tuple[Any, Any, Any]:
        """Trees (x, y, sample_weight) of `Spec`: shapes and dtypes.

        The shapes are without the batch dim, and have None where they vary.

        A source that must read a batch to know gives that batch again in its first epoch.
        """

    @abstractmethod
    def close(self) -> None:
        """Release readers, worker processes and open iterators. Closing twice is harmless."""
