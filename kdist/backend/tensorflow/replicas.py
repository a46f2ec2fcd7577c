"""The replicas of a step under `tf.distribute`: one for each device of each process."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.tensors import as_tensor, dense
from kdist.core.replicas import replicas


class DistributedReplica:
    """One replica of a `tf.distribute` strategy, inside `strategy.run`.

    Arguments:
        strategy: the `tf.distribute.Strategy`.
        process: this process's number.
        local: this replica's number among those of this process.
        local_count: how many replicas this process has.
    """

    def __init__(self, strategy: Any, process: int, local: int, local_count: int):
        self.count: int = strategy.num_replicas_in_sync
        self.local = local
        self.index = process * local_count + local

    def all_sum(self, x: Any) -> Any:
        """The sum over replicas; its gradient is the sum of the replicas' gradients."""
        return tf.distribute.get_replica_context().all_reduce("SUM", as_tensor(x))

    def mean_gradients(self, gradients: list) -> list:
        """The mean of each gradient over the replicas, in one packed all-reduce; None stays None."""
        present = [dense(g) for g in gradients if g is not None]
        if not present:
            return gradients
        reduced = iter(tf.distribute.get_replica_context().all_reduce("MEAN", present))
        return [None if g is None else next(reduced) for g in gradients]


def local_replica() -> int:
    """The number, within this process, of the replica that is being computed; 0 outside of a step."""
    return getattr(replicas(), "local", 0)
