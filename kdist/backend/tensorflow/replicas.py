"""The replicas of a step under `tf.distribute`: one for each device of each process."""

from __future__ import annotations

from collections.abc import Sequence
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
        devices: the devices of this process's replicas.
        micro_steps: where the step stands within an update, if gradients are accumulated.
    """

    def __init__(
        self,
        strategy: Any,
        process: int,
        local: int,
        devices: Sequence[str | None],
        micro_steps: Any = None,
    ):
        self.micro_steps = micro_steps
        self.count: int = strategy.num_replicas_in_sync
        self.local = local
        self.index = process * len(devices) + local
        self.devices = tuple(devices)
        self._averaged: dict[int, Any] = {}

    def all_sum(self, x: Any) -> Any:
        """The sum over replicas; its gradient is the sum of the replicas' gradients."""
        return all_reduce("SUM", [as_tensor(x)])[0]

    def average_later(self, storage: Any) -> None:
        """Have `settle` average a variable that this replica has assigned.

        It makes one all-reduce for all such variables of a step.
        """
        self._averaged[id(storage)] = storage

    def settle(self) -> None:
        """Average what replicas assigned to variables with aggregation "mean" (moving statistics)."""
        storages = list(self._averaged.values())
        for storage, value in zip(
            storages, self.mean_gradients([s.read() for s in storages]), strict=True
        ):
            storage.assign_here(value)

    def mean_gradients(self, gradients: list, variables: Sequence = ()) -> list:
        """The mean of each gradient over the replicas, in one packed all-reduce; None stays None."""
        present = [dense(g) for g in gradients if g is not None]
        if not present:
            return gradients
        reduced = iter(all_reduce("MEAN", present))
        return [None if g is None else next(reduced) for g in gradients]


def transportable(value: Any) -> Any:
    """Ring collectives have no kernels for bool, small integers and bfloat16.

    Those travel in a wider type.
    """
    if value.dtype in (tf.float16, tf.float32, tf.float64, tf.int32, tf.int64):
        return value
    return tf.cast(value, tf.float32 if value.dtype.is_floating else tf.int64)


def all_reduce(how: str, values: list) -> list:
    """ "SUM" or "MEAN" of each tensor over the replicas, in one message for each dtype.

    Inside `strategy.run` alone.
    """
    context = tf.distribute.get_replica_context()
    # Through identity: the reduction takes its device from the tensor, and an argument of a graph
    # function has none.
    sent = [tf.identity(transportable(v)) for v in values]
    out: list = list(values)
    # TensorFlow packs a list only if it is of one dtype.
    for dtype in dict.fromkeys(v.dtype for v in sent):
        places = [i for i, v in enumerate(sent) if v.dtype == dtype]
        for i, reduced in zip(
            places, context.all_reduce(how, [sent[i] for i in places]), strict=True
        ):
            out[i] = tf.cast(reduced, values[i].dtype)
    return out


def local_replica() -> int:
    """The number, within this process, of the replica that is being computed; 0 outside of a step."""
    return getattr(replicas(), "local", 0)
