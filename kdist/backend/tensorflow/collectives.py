"""Sums and broadcasts over this job's processes, outside of a step.

All processes call them, in the same order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.replicas import all_reduce, transportable
from kdist.backend.tensorflow.runtime import runtime


@functools.lru_cache(maxsize=1)
def _summing() -> Any:
    """One graph function for any list of tensors.

    TensorFlow retraces it for each new list of shapes, on all processes alike.
    """
    strategy = runtime.strategy(())

    @tf.function(autograph=False)
    def run(values: list) -> Any:
        return strategy.run(lambda: all_reduce("SUM", values))

    return run


def sum_over_processes(values: list) -> list:
    """Each tensor's sum over the processes; the tensors themselves where there is one process."""
    if runtime.process_count() == 1 or not values:
        return list(values)
    return list(_summing()(list(values)))


def gather_sums(storages: list) -> list:
    """The values, over all processes, of variables that hold sums.

    From now on process 0 holds each whole, and the others zero.

    A checkpoint stores the whole sum. Holding it here as a resumed run will hold it, both go on to
    add the same numbers in the same order, and end at the same bits.
    """
    values = sum_over_processes([s.read() for s in storages])
    first = runtime.process_index() == 0
    for storage, value in zip(storages, values, strict=True):
        storage.write(value if first else tf.zeros_like(value))
    return values


def average_over_replicas(storages: list) -> None:
    """Give all copies of each storage, on all processes, the mean of the copies."""
    values = sum_over_processes([s.read() for s in storages])
    for storage, value in zip(storages, values, strict=True):
        storage.write(value / runtime.process_count())


def broadcast_from_first(values: list) -> list:
    """Process 0's tensors, on every process."""
    if runtime.process_count() == 1 or not values:
        return list(values)
    return sum_over_processes(
        values if runtime.process_index() == 0 else [tf.zeros_like(v) for v in values]
    )


def comparison(storages: list) -> Callable[[], Any]:
    """A graph function that gives whether the storages' values are the same on all processes.

    What is sent is a digest: to broadcast a model takes longer than many a step of it.
    """
    strategy = runtime.strategy(())
    count = runtime.process_count()
    digest = lambda value: tf.raw_ops.Fingerprint(
        data=tf.reshape(value, (1, -1)), method="farmhash64"
    )

    @tf.function(autograph=False)
    def run() -> Any:
        mine = tf.cast(digest(tf.concat([digest(s.read()) for s in storages], 0)), tf.int64)
        [sums] = strategy.run(lambda: all_reduce("SUM", [tf.stack([mine, mine * mine])]))
        # Numbers are all equal where the square of their sum is that often the sum of their squares.
        return tf.reduce_all(sums[0] * sums[0] == count * sums[1])

    return run.get_concrete_function()


@functools.lru_cache(maxsize=1)
def _gathering() -> Any:
    strategy = runtime.strategy(())

    @tf.function(autograph=False)
    def run(value: Any) -> Any:
        return strategy.run(
            lambda: tf.distribute.get_replica_context().all_gather(tf.identity(value), axis=0)
        )

    return run


def gather_rows(value: Any) -> Any:
    """The processes' tensors of as many rows, one below the other in the order of processes."""
    if runtime.process_count() == 1:
        return value
    return tf.cast(_gathering()(transportable(value)), value.dtype)
