"""PyDataset: batches by index, computed by the user's code, in threads or processes if wanted."""

from __future__ import annotations

import itertools
import pickle
import warnings
from collections.abc import Generator, Iterator
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any

from kdist.data.order import permutation, skips, walk
from kdist.data.sharding import WHOLE, Shard
from kdist.data.source import Batch, OutOfDataError, Source
from kdist.data.user_batches import UserBatches, spec_of
from kdist.data.workers import in_order, in_pool, process_pool


class PyDataset:
    """Base class of datasets whose `self[i]` is a whole batch: x, (x, y) or (x, y, sample_weight).

    Subclasses define `__getitem__(index)` and `__len__()`, the number of batches, or override the
    property `num_batches`, where None means endless. `on_epoch_begin()` and `on_epoch_end()` run
    around every epoch.

    Arguments:
        workers: threads or processes that compute batches ahead; 0 computes them in the training
            thread. The order of batches does not depend on it.
        use_multiprocessing: processes instead of threads, for batches that cost Python time. The
            dataset is pickled to each: define its class in a module, and start the script under
            `if __name__ == "__main__":`. A dataset with epoch hooks gets fresh processes every
            epoch, so that they see what the hooks changed.
        max_queue_size: batches computed ahead at most.

    With `shuffle=True` in fit, batches come in a new order each epoch. If the dataset has an
    attribute `batch_size` that its first batch confirms, training resumes at a batch directly;
    otherwise the batches before it are read and dropped.

    Example:

        class Squares(PyDataset):
            def __init__(self, x, batch_size, **kwargs):
                super().__init__(**kwargs)
                self.x, self.batch_size = x, batch_size

            def __len__(self):
                return math.ceil(len(self.x) / self.batch_size)

            def __getitem__(self, index):
                x = self.x[index * self.batch_size : (index + 1) * self.batch_size]
                return x, x**2

        model.fit(Squares(x, 32, workers=4))
    """

    # A subclass that does not call super().__init__() has these.
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ):
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """The batch number `index`."""
        raise NotImplementedError(
            f"{type(self).__name__} must define __getitem__(index), which returns a batch."
        )

    def __iter__(self) -> Iterator:
        count = self.num_batches
        return (self[i] for i in (itertools.count() if count is None else range(count)))

    @property
    def num_batches(self) -> int | None:
        """Batches in an epoch; None if endless."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(
            f"{type(self).__name__} must define __len__(), or num_batches, which may be None."
        )

    def on_epoch_begin(self) -> None:
        """Called before the batches of an epoch are read."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of an epoch, or when it is left early."""


def is_py_dataset(value: Any) -> bool:
    """A PyDataset, ours or Keras's: they have the same methods."""
    return any(c.__name__ == "PyDataset" for c in type(value).__mro__)


class PyDatasetSource(Source):
    """The batches of a PyDataset in the order of (seed, epoch), read ahead by its workers.

    Arguments:
        dataset: the `PyDataset`.
        steps_per_epoch, shuffle, class_weight, seed, floatx: as for `adapt`.
    """

    num_samples = None

    def __init__(
        self,
        dataset: Any,
        *,
        steps_per_epoch: int | None,
        shuffle: bool | str,
        class_weight: dict | None,
        seed: int,
        floatx: str,
    ):
        self._dataset = dataset
        self._steps = steps_per_epoch
        self._shuffle = bool(shuffle)
        self._seed = seed
        self._batches = UserBatches(f"the {type(dataset).__name__}", class_weight, floatx)
        count = dataset.num_batches
        if count is None and steps_per_epoch is None:
            raise ValueError(
                f"{self._batches.name} never ends (num_batches is None). Say how many batches make"
                " an epoch: steps_per_epoch=..."
            )
        if count == 0:
            raise ValueError(f"{self._batches.name} has no batches: its length is 0.")
        if count is not None and (steps_per_epoch or 0) > count:
            raise OutOfDataError(
                f"steps_per_epoch={steps_per_epoch}, but {self._batches.name} has {count} batches."
                " Leave steps_per_epoch out."
            )
        self._first: Batch | None = None
        self._pool: Any = None
        self._warned = False

    @property
    def num_batches(self) -> int | None:
        return self._steps or self._dataset.num_batches

    @property
    def batch_size(self) -> int | None:
        """The dataset's own `batch_size` if its first batch has that many rows."""
        declared = getattr(self._dataset, "batch_size", None)
        return declared if declared is not None and declared == self._peek().size else None

    @property
    def seekable(self) -> bool:
        return self.batch_size is not None

    def epoch(
        self, epoch: int, shard: Shard = WHOLE, start: int = 0
    ) -> Generator[Batch, None, None]:
        self._dataset.on_epoch_begin()
        try:
            begin, plan = self._after(start, list(self._plan(epoch)))
            with closing(self._read(plan, shard)) as batches:
                for batch in batches:
                    end = begin + batch.size
                    if skips(begin, batch.size, start):
                        self._warn_of_skipping(start, epoch)
                    else:
                        batch.end = end
                        yield batch
                    begin = end
        finally:
            self._dataset.on_epoch_end()

    def spec(self) -> tuple[Any, Any, Any]:
        return spec_of(self._peek())

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _peek(self) -> Batch:
        """Batch 0, read again when its turn comes: reading by index disturbs nothing."""
        if self._first is None:
            self._first = _load(self._batches, Shard(), self._dataset, 0)
        return self._first

    def _plan(self, epoch: int) -> Iterator[int]:
        """The indices of an epoch's batches, in their order."""
        count = self._dataset.num_batches
        order, order_of = None, None
        for pass_index, i in walk(epoch, count, self._steps):
            if self._shuffle and count is not None:
                if order_of != pass_index:
                    order, order_of = permutation(count, self._seed, pass_index), pass_index
                i = int(order[i])
            yield i

    def _after(self, start: int, plan: list[int]) -> tuple[int, list[int]]:
        """(position, indices still to read): as near to `start` as sizes known beforehand lead."""
        if start == 0 or not self.seekable:
            return 0, plan
        count = self._dataset.num_batches
        begin = 0
        for done, i in enumerate(plan):
            is_last = count is not None and i == count - 1
            size = (
                _load(self._batches, Shard(), self._dataset, i).size if is_last else self.batch_size
            )
            if not skips(begin, size, start):
                return begin, plan[done:]
            begin += size
        return begin, []

    def _read(self, plan: list[int], shard: Shard) -> Iterator[Batch]:
        workers, ahead = max(0, int(self._dataset.workers)), int(self._dataset.max_queue_size)
        if workers and self._dataset.use_multiprocessing:
            yield from self._read_in_processes(plan, shard, workers, ahead)
        elif workers:
            load = partial(_load, self._batches, shard, self._dataset)
            executor = ThreadPoolExecutor(workers, thread_name_prefix="kdist-dataset")
            try:
                yield from in_order(executor, load, plan, ahead)
            finally:
                executor.shutdown(wait=True, cancel_futures=True)
        else:
            for i in plan:
                yield _load(self._batches, shard, self._dataset, i)

    def _read_in_processes(
        self, plan: list[int], shard: Shard, workers: int, ahead: int
    ) -> Iterator[Batch]:
        if self._pool is not None and _has_epoch_hooks(self._dataset):
            self.close()
        if self._pool is None:
            _check_picklable(self._dataset)
            self._pool = process_pool(workers, self._dataset)
        load = partial(_load, self._batches, shard)
        tasks = ((load, i) for i in plan)
        try:
            yield from in_order(self._pool, in_pool, tasks, ahead)
        except BrokenExecutor as error:
            self.close()
            raise RuntimeError(
                f"A worker process of {self._batches.name} died. It ran out of memory, or could not"
                " load the dataset: its class must live in a module that can be imported, and the"
                ' script start under `if __name__ == "__main__":`. use_multiprocessing=False uses'
                " threads."
            ) from error

    def _warn_of_skipping(self, start: int, epoch: int) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"{self._batches.name} does not say how large its batches are, so kdist reads and"
                f" drops the first {start} samples of epoch {epoch + 1} to resume. Set its"
                " attribute batch_size to go there directly.",
                stacklevel=2,
            )


def _load(batches: UserBatches, shard: Shard, dataset: Any, index: int) -> Batch:
    try:
        return batches.batch(dataset[index], shard)
    except Exception as error:
        error.add_note(f"This happened in batch {index} of {batches.name}.")
        raise


def _has_epoch_hooks(dataset: Any) -> bool:
    """Whether the class overrides a hook of the PyDataset it descends from."""
    base = next(c for c in type(dataset).__mro__ if c.__name__ == "PyDataset")
    return any(
        getattr(type(dataset), h) is not getattr(base, h)
        for h in ("on_epoch_begin", "on_epoch_end")
    )


def _check_picklable(dataset: Any) -> None:
    try:
        pickle.dumps(dataset)
    except Exception as error:
        raise ValueError(
            f"use_multiprocessing=True pickles the {type(dataset).__name__}, and that failed:"
            f" {error}. Keep open files, lambdas and locks out of it, or use threads:"
            " use_multiprocessing=False."
        ) from error
