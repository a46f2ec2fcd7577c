"""Where a step stands within an update, where gradients are accumulated: the host knows it.

Replicas meet in Python to make a collective, which cannot stand in one branch of a graph. So a step
that updates and one that adds up are two graphs, and which one runs is decided outside of them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import tensorflow as tf

from kdist.backend.tensorflow.checkpoint import local_value
from kdist.backend.tensorflow.collectives import average_over_replicas
from kdist.backend.tensorflow.replicas import local_replica


class MicroSteps:
    """The accumulating optimizers that a model's step calls, and how often."""

    def __init__(self) -> None:
        # Each with the calls of `apply` in a step.
        self._optimizers: dict[int, tuple[Any, int]] = {}
        self._made: Counter[tuple[int, int]] = Counter()  # calls so far, by optimizer and replica

    def restart(self) -> None:
        """A step begins, or its trace."""
        self._made.clear()

    def completes(self, optimizer: Any) -> bool:
        """Whether this call of `apply` is one that updates. Each call asks once."""
        key = (id(optimizer), local_replica())
        number = self._made[key] = self._made[key] + 1
        known = self._optimizers.get(id(optimizer), (optimizer, 0))[1]
        self._optimizers[id(optimizer)] = (optimizer, max(known, number))
        # Run eagerly, a step counts its calls in the variable itself.
        return _completes(optimizer, 1 if tf.executing_eagerly() else number)

    def phase(self) -> tuple[bool, ...]:
        """Which calls of the next step update: () while no call was seen."""
        if not self._optimizers:
            return ()
        return tuple(
            _completes(optimizer, number)
            for optimizer, calls in self._optimizers.values()
            for number in range(1, calls + 1)
        )

    def settle(self) -> None:
        """Average over all replicas what each has added up so far. All processes call it."""
        for optimizer, _ in self._optimizers.values():
            if _done(optimizer) % optimizer.gradient_accumulation_steps:
                sums = [v._storage for v in optimizer._accumulated_gradients if v is not None]
                average_over_replicas(sums)


def _done(optimizer: Any) -> int:
    with tf.init_scope():
        return int(local_value(optimizer._iterations))


def _completes(optimizer: Any, number: int) -> bool:
    return (_done(optimizer) + number) % optimizer.gradient_accumulation_steps == 0
