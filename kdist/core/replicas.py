"""The replicas that compute one step together, as shared code sees them.

Convention, everywhere: the loss of a replica is scaled so that the MEAN over replicas is the global loss, and
gradients are averaged over replicas. What a plain user loss does on equal slices is then right, and kdist's own losses
divide by global counts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol


class Replicas(Protocol):
    """What a backend that computes per replica (torch processes, TensorFlow replicas) offers inside a step."""

    @property
    def count(self) -> int: ...

    @property
    def index(self) -> Any:
        """This replica's number, an int or an integer tensor."""
        ...

    def all_sum(self, x: Any) -> Any:
        """The sum of `x` over the replicas, differentiable. Every replica must call it, in the same order."""
        ...

    def mean_gradients(self, gradients: list, variables: Sequence = ()) -> list:
        """Average gradients over the replicas; the identity where the backward pass already did it.

        With `variables`, those of the gradients in their order, a replica that updates a part of a variable may
        receive that part of its gradient.
        """
        ...


class _Single:
    """One replica, or a backend (jax) whose arrays are global: sums over the batch are already global."""

    count = 1
    index = 0

    def all_sum(self, x: Any) -> Any:
        return x

    def mean_gradients(self, gradients: list, variables: Sequence = ()) -> list:
        return gradients


SINGLE = _Single()


class _Local(threading.local):
    replicas: Replicas = SINGLE
    mask: Any = None  # (local batch,) bool, False on padding rows; None when no row is padding
    size: Any = None  # real samples in the global batch; None outside fit/evaluate


local = _Local()


def replicas() -> Replicas:
    """The replicas of the step being computed; a single one outside of any step."""
    return local.replicas


def sample_mask() -> Any:
    """(batch,) bool, False on the padding rows of this replica's slice, or None where nothing is padded."""
    return local.mask


def global_size() -> Any:
    """The number of real samples in the global batch, or None outside a step."""
    return local.size


@contextmanager
def step_scope(replicas: Replicas = SINGLE, mask: Any = None, size: Any = None) -> Iterator[None]:
    """Everything computed within belongs to one replica's part of one step."""
    outer = (local.replicas, local.mask, local.size)
    local.replicas, local.mask, local.size = replicas, mask, size
    try:
        yield
    finally:
        local.replicas, local.mask, local.size = outer
