"""The one loop: epochs and batches for fit, evaluate and predict, on every backend.

A backend's program computes a step; this file decides what runs when, and when anybody looks at the results.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np

from kdist.core import config, tree
from kdist.data import Shard, Source
from kdist.training.change_watch import ChangeWatch, change_watch
from kdist.training.logs import Logs
from kdist.training.position import Position


def shard_of(strategy: Any, process_index: int, process_count: int) -> Shard:
    """The slice of each global batch that this process takes under `strategy`."""
    if strategy is None:
        return Shard()
    if not getattr(strategy, "auto_shard_dataset", True):
        return Shard(multiple=max(1, strategy.data_shards // process_count))
    # Fewer slices than processes: the processes of one slice see the same rows.
    slices = min(strategy.data_shards, process_count)
    return Shard(
        index=process_index * slices // process_count,
        count=slices,
        multiple=max(1, strategy.data_shards // slices),
    )


@contextmanager
def batches(source: Source, epoch: int, shard: Shard, start: int = 0) -> Iterator[Iterator]:
    """The batches of an epoch, to be used in a `with` statement: it ends the readers behind them."""
    with closing(source.epoch(epoch, shard, start)) as iterator:
        yield _first(iterator, config.max_steps_per_epoch())


class Live:
    """The program of a running fit and its newest state, for callbacks that save them."""

    __slots__ = ("program", "state", "watch")

    def __init__(self, program: Any, state: Any):
        self.program, self.state = program, state
        self.watch: ChangeWatch | None = None  # until parameters were seen to change

    def settle(self) -> None:
        """Make global what each process kept of its own rows, so that it may be saved. All processes call it."""
        self.program.settle(self.state)


def fit_epochs(
    model: Any,
    program: Any,
    source: Source,
    shard: Shard,
    callbacks: Any,
    position: Position,
    epochs: int,
    validate: Any,
) -> None:
    """Train from `position` up to `epochs`. `validate(epoch)` gives the validation logs, {} when there are none."""
    state = program.begin()
    live = Live(program, state)
    object.__setattr__(model, "_live", live)
    live.watch = change_watch(model)
    try:
        while position.epoch < epochs and not model.stop_training:
            epoch = position.epoch
            if position.batch == 0:
                model.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            state, logs = _train_epoch(model, live, source, shard, callbacks, position)
            live.state = state
            if logs is None:
                raise ValueError(
                    f"The training data gave no batch in epoch {epoch}. Check that it is not empty, and that a "
                    "generator yields anew each epoch."
                )
            epoch_logs = dict(logs)
            epoch_logs.update(validate(epoch))
            live.settle()  # callbacks may save or keep what they find
            position.epoch, position.batch, position.sample = epoch + 1, 0, 0
            callbacks.on_epoch_end(epoch, epoch_logs)
    finally:
        object.__setattr__(model, "_live", None)
        program.end(live.state)


def _train_epoch(
    model: Any, live: Live, source: Source, shard: Shard, callbacks: Any, position: Position
) -> tuple[Any, Any]:
    program, state, logs = live.program, live.state, None
    watched = callbacks.watches_train_batches
    with batches(source, position.epoch, shard, position.sample) as iterator:
        for group in dispatches(model, program, iterator):
            if watched:
                callbacks.on_train_batch_begin(position.batch)
            state, out = dispatch(program, state, group)
            logs = lazy_logs(model, program, state, out)
            position.batch += len(group)
            position.step += len(group)
            position.sample = group[-1].end
            if live.watch is not None:
                live.watch = live.watch.after_steps(len(group))
            if watched:
                live.state = state
                callbacks.on_train_batch_end(position.batch - 1, logs)
            if model.stop_training:
                break
        else:
            if logs is None and position.batch > 0:  # resumed exactly at the end of an epoch
                logs = lazy_logs(model, program, state, None)
    if logs is not None:
        logs._resolved()
    return state, logs


def dispatches(model: Any, program: Any, iterator: Iterator) -> Iterator[list]:
    """The batches in groups that go to the program at once: `steps_per_execution`, the rest in the last.

    They go singly where the program has no `steps`.
    """
    size = model.steps_per_execution if hasattr(program, "steps") else 1
    while group := list(itertools.islice(iterator, size)):
        yield group


def dispatch(program: Any, state: Any, group: list) -> tuple[Any, Any]:
    """One step for each batch of the group. Gives the new state, and what the last step gave."""
    return program(state, group[0]) if len(group) == 1 else program.steps(state, group)


def lazy_logs(model: Any, program: Any, state: Any, out: dict | None) -> Logs:
    """The logs of the step just made, to be fetched if somebody looks.

    If the model's own step returned them they are `out`; else the metrics are asked.
    """
    return Logs(
        lambda: model.read_logs(program, state, out),
        lambda: model.read_logs(program, state, out, local=True),
    )


def evaluate_batches(
    model: Any,
    program: Any,
    source: Source,
    shard: Shard,
    callbacks: Any,
    steps: int | None,
    epoch: int = 0,
) -> dict:
    """One pass over the data; returns the logs."""
    state = program.begin()
    logs: Any = None
    watched = callbacks.watches_test_batches
    try:
        model.reset_metrics()
        with batches(source, epoch, shard) as iterator:
            done = 0
            for group in dispatches(model, program, _first(iterator, steps)):
                if watched:
                    callbacks.on_test_batch_begin(done)
                state, out = dispatch(program, state, group)
                logs = lazy_logs(model, program, state, out)
                done += len(group)
                if watched:
                    callbacks.on_test_batch_end(done - 1, logs)
                if model.stop_evaluating:
                    break
        if logs is None:
            raise ValueError("The evaluation data gave no batch. Check that it is not empty.")
        return dict(logs)
    finally:
        program.end(state)


# Outputs that wait on the device before they are fetched. Few keep it busy; the more, the less often does the host wait
# for one that is not there yet. As many as are small enough to hold in the device's memory.
_IN_FLIGHT, _MOST_IN_FLIGHT, _BYTES_IN_FLIGHT = 4, 64, 2**25


def _in_flight(outputs: Any) -> int:
    """How many outputs of the size of these may wait."""
    size = sum(a.nbytes for a in tree.flatten(outputs) if a is not None)
    return max(_IN_FLIGHT, min(_MOST_IN_FLIGHT, _BYTES_IN_FLIGHT // max(size, 1)))


def predict_batches(
    model: Any, program: Any, source: Source, shard: Shard, callbacks: Any, steps: int | None
) -> Any:
    """The outputs for all samples, joined along the batch."""
    state = program.begin()
    waiting: deque[tuple[Any, int | None]] = deque()
    parts: list[Any] = []
    limit = _IN_FLIGHT

    def real_rows(outputs: Any, size: int | None) -> Any:
        outputs = program.gather(outputs)
        return outputs if size is None else tree.map_structure(lambda a: a[:size], outputs)

    def fetch(limit: int) -> None:
        while len(waiting) > limit:
            parts.append(real_rows(*waiting.popleft()))

    watched = callbacks.watches_predict_batches
    try:
        with batches(source, 0, shard) as iterator:
            for i, batch in enumerate(_first(iterator, steps)):
                if watched:
                    callbacks.on_predict_batch_begin(i)
                state, outputs = program(state, batch)
                waiting.append((outputs, None if batch.mask is None else batch.size))
                if len(waiting) > limit:
                    fetch(limit)
                    if len(parts) == 1:
                        limit = _in_flight(parts[0])
                if watched:
                    callbacks.on_predict_batch_end(i, {"outputs": outputs})
                if model.stop_predicting:
                    break
        fetch(0)
    finally:
        program.end(state)
    if not parts:
        raise ValueError("The data gave no batch to predict on. Check that it is not empty.")
    return tree.map_structure(
        lambda *pieces: np.concatenate(pieces) if len(pieces) > 1 else pieces[0], *parts
    )


def _first(iterator: Iterator, steps: int | None) -> Iterator:
    if steps is None:
        yield from iterator
        return
    for _, batch in zip(range(steps), iterator, strict=False):
        yield batch
