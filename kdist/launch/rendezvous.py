"""The rendezvous of a worker with a backend: join the others, be data-parallel unless told else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kdist import distribution


@contextmanager
def data_parallel() -> Iterator[None]:
    """Joins the run's processes and makes `DataParallel()` the strategy where none is set.

    On failure the processes part without waiting: a barrier would wait for ranks that never come.
    """
    distribution.initialize()
    try:
        if distribution.distribution() is None:
            distribution.set_distribution(distribution.DataParallel())
        yield
    except BaseException:
        distribution.shutdown(failed=True)
        raise
    distribution.shutdown(failed=False)
