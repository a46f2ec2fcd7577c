"""Data that comes batch by batch in an order of its own: tf.data, DataLoader, generators.

Every process iterates the whole stream and takes its slice of each batch. The order must therefore
be the same on every process: seed the shuffling that the stream does itself.
"""

from __future__ import annotations

import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from typing import Any

from kdist.data.order import skips
from kdist.data.prefetch import LEAVE_AFTER, prefetched
from kdist.data.sharding import WHOLE, Shard
from kdist.data.source import Batch, OutOfDataError, Source
from kdist.data.user_batches import UserBatches, spec_of

READ_AHEAD = 2  # batches


class Feed(ABC):
    """What one kind of stream adds to `StreamSource`.

    name: as errors call it. restarts: whether it can be read from its beginning again.
    num_batches, num_samples, batch_size: of one pass, None if unknown; `endless` says that a pass
        never ends.
    """

    name: str
    restarts: bool
    endless: bool = False
    num_batches: int | None = None
    num_samples: int | None = None
    batch_size: int | None = None

    @abstractmethod
    def open(self, pass_index: int) -> Iterator:
        """The raw batches of pass number `pass_index`, with `close()` if it holds anything."""

    @abstractmethod
    def spec(self) -> tuple[Any, Any, Any] | None:
        """Trees of `Spec` if the stream declares them; None if a batch must be read to know."""


class StreamSource(Source):
    """The batches of a `Feed`; an epoch of `steps_per_epoch` goes on where the last one stopped.

    Arguments:
        feed: where they come from.
        steps_per_epoch, class_weight, floatx: as for `adapt`.
    """

    seekable = False

    def __init__(
        self, feed: Feed, *, steps_per_epoch: int | None, class_weight: dict | None, floatx: str
    ):
        if steps_per_epoch is None and feed.endless:
            raise ValueError(
                f"{feed.name} never ends. Say how many batches make an epoch: steps_per_epoch=... "
                "(validation_steps for validation data; steps in evaluate and predict)."
            )
        if (
            steps_per_epoch is not None
            and feed.num_batches is not None
            and steps_per_epoch > feed.num_batches
        ):
            raise OutOfDataError(
                f"steps_per_epoch={steps_per_epoch}, but {feed.name} has {feed.num_batches}"
                " batches. Leave steps_per_epoch out, or repeat the dataset."
            )
        self.num_batches = steps_per_epoch or feed.num_batches
        self.num_samples = feed.num_samples
        self.batch_size = feed.batch_size
        self._feed = feed
        self._steps = steps_per_epoch
        self._batches = UserBatches(feed.name, class_weight, floatx)
        self._pass: Iterator | None = None
        self._pass_index = 0
        self._given = 0  # batches of this pass that epochs have taken
        self._peeked: list = []  # at most one batch, read by `spec` and not yet given
        self._untouched = True  # no epoch has read from this source yet
        self._warned = False
        self._spec: tuple[Any, Any, Any] | None = None
        self._reading = threading.Lock()  # held by the one reader that moves the stream
        self._current: Generator | None = None

    def epoch(
        self, epoch: int, shard: Shard = WHOLE, start: int = 0
    ) -> Generator[Batch, None, None]:
        self._leave_epoch()  # there is one stream, so one reader
        self._current = prefetched(lambda: self._read(epoch, shard, start), READ_AHEAD)
        return self._current

    def spec(self) -> tuple[Any, Any, Any]:
        if self._spec is None and self._batches.class_weight is None:
            self._spec = self._feed.spec()
        if self._spec is None:
            with self._reading:
                self._spec = self._batches.spec(self._peek())
        return self._spec

    def close(self) -> None:
        self._leave_epoch()
        # A reader stuck in the user's code still holds the pass; its thread ends with the process.
        if self._reading.acquire(timeout=LEAVE_AFTER):
            try:
                self._close_pass()
            finally:
                self._reading.release()

    def _leave_epoch(self) -> None:
        if self._current is not None:
            self._current.close()
            self._current = None

    def _close_pass(self) -> None:
        close = getattr(self._pass, "close", None)
        if close is not None:
            close()
        self._pass, self._peeked = None, []

    def _peek(self) -> Any:
        if not self._peeked:
            if self._pass is None:
                self._open(0)
            raw = next(self._pass, _END)
            if raw is _END:
                raise OutOfDataError(f"{self._feed.name} gave no batch at all.")
            self._peeked = [raw]
        return self._peeked[0]

    def _read(self, epoch: int, shard: Shard, start: int) -> Iterator[Batch]:
        with self._reading:
            end = 0
            for raw in self._raw(epoch):
                batch = self._batches.batch(raw, shard)
                begin, end = end, end + batch.size
                if start and skips(begin, batch.size, start):
                    self._warn_of_skipping(f"{start} samples of epoch {epoch + 1}")
                    continue
                batch.end = end
                if self._spec is None:
                    self._spec = spec_of(batch)
                yield batch

    def _raw(self, epoch: int) -> Iterator[Any]:
        fresh, self._untouched = self._untouched, False
        if self._steps is None:
            yield from self._whole_pass(epoch)
            return
        if fresh:
            self._skip_epochs(epoch)
        for step in range(self._steps):
            yield self._next(f"at batch {step + 1} of {self._steps} in epoch {epoch + 1}")

    def _whole_pass(self, epoch: int) -> Iterator[Any]:
        if self._pass is None or (
            self._feed.restarts and (self._given or self._pass_index != epoch)
        ):
            self._open(epoch)
        raw = self._take()
        if raw is _END:
            raise OutOfDataError(
                f"{self._feed.name} ran dry: it has no batch for epoch {epoch + 1}.{self._remedy()}"
            )
        while raw is not _END:
            yield raw
            raw = self._take()

    def _next(self, where: str) -> Any:
        """The next batch of the endless chain of passes."""
        if self._pass is None:
            self._open(self._pass_index)
        raw = self._take()
        if raw is _END and self._feed.restarts and self._given >= self._steps:
            self._open(self._pass_index + 1)
            raw = self._take()
        if raw is _END:
            raise OutOfDataError(
                f"{self._feed.name} ran dry {where}, after {self._given} batches in all of this"
                f" pass.{self._remedy()}"
            )
        return raw

    def _remedy(self) -> str:
        if self._feed.restarts:
            return " Lower steps_per_epoch, leave it out, or repeat the dataset."
        return (
            " It can be read only once: let it yield at least steps_per_epoch * epochs batches"
            " (`while True`), lower steps_per_epoch or epochs, or pass a PyDataset, which can be"
            " read again."
        )

    def _skip_epochs(self, epochs: int) -> None:
        """Bring an unread source to where `epochs` epochs would have left it."""
        batches = epochs * self._steps
        if self._feed.num_batches is not None and self._feed.restarts:
            pass_index, batches = divmod(batches, self._feed.num_batches)
            if pass_index != self._pass_index or self._pass is None:
                self._open(pass_index)
        if batches:
            self._warn_of_skipping(f"{batches} batches that earlier epochs took")
        for done in range(batches):
            self._next(f"while skipping batch {done + 1} of {batches} to reach epoch {epochs + 1}")

    def _open(self, pass_index: int) -> None:
        self._close_pass()
        self._pass = self._feed.open(pass_index)
        self._pass_index, self._given = pass_index, 0

    def _take(self) -> Any:
        raw = self._peeked.pop() if self._peeked else next(self._pass, _END)
        self._given += raw is not _END
        return raw

    def _warn_of_skipping(self, what: str) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"{self._feed.name} cannot be positioned, so kdist reads and drops {what} to"
                " resume. Arrays and PyDataset go to the position directly.",
                stacklevel=2,
            )


_END = object()
