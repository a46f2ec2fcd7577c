"""Replicas as threads: what several processes compute in one step, in one process."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from kdist import ops
from kdist.core.replicas import step_scope


class Replica:
    """One of the threads. A sum waits for all of them, and fails if one does not take part."""

    def __init__(self, index, count, meeting, slots):
        self.index, self.count, self._meeting, self._slots = index, count, meeting, slots
        self.sums = 0

    def all_sum(self, x):
        self.sums += 1
        self._slots[self.index] = x
        self._meeting.wait(20)
        total = self._slots[0]
        for other in self._slots[1:]:
            total = ops.add(total, other)
        self._meeting.wait(20)
        return total

    def mean_gradients(self, gradients, variables=()):
        return [ops.divide(self.all_sum(g), self.count) for g in gradients]


def run_replicas(count, fn, masks=None):
    """`[fn(index) for each replica]`, each in its thread and step; and the replicas."""
    meeting, slots = threading.Barrier(count), [None] * count
    replicas = [Replica(i, count, meeting, slots) for i in range(count)]

    def run(replica):
        mask = masks[replica.index] if masks is not None else None
        with step_scope(replica, mask):
            try:
                return fn(replica.index)
            except BaseException:
                meeting.abort()
                raise

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, replicas)), replicas
