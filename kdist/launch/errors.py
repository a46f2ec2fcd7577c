"""What a launcher raises. Each error says which rank, what happened, and what to do."""

from __future__ import annotations


class LaunchError(RuntimeError):
    """A run could not be started or carried on; the base of all errors of this package."""


class WorkerError(LaunchError):
    """The function raised an exception on a worker.

    Where the original exception could be shipped, it is this error's `__cause__`.

    Attributes:
        rank: the rank that raised first.
        traceback: the worker's traceback, as text.
    """

    def __init__(self, rank: int, traceback: str) -> None:
        super().__init__(f"The worker with rank {rank} failed:\n\n{traceback.rstrip()}")
        self.rank = rank
        self.traceback = traceback

    def __reduce__(self) -> tuple:
        return (type(self), (self.rank, self.traceback))


class WorkerDiedError(LaunchError):
    """A worker process ended without a word (a signal, the out-of-memory killer, `os._exit`).

    Attributes:
        rank: the rank of the first process that ended; None where it is not known.
        attempts: how many times the run was started.
    """

    def __init__(self, rank: int | None, attempts: int, how: str, details: str = "") -> None:
        who = "A worker" if rank is None else f"The worker with rank {rank}"
        times = "once" if attempts == 1 else f"{attempts} times"
        super().__init__(
            f"{who} died: {how}. The run was started {times}; max_failures allows no further "
            "restart. Look for what ends the process (memory, a crash in native code, a node that "
            "was taken away), or raise max_failures." + (f"\n\n{details}" if details else "")
        )
        self.rank = rank
        self.attempts = attempts


class RendezvousError(LaunchError):
    """The workers of a run did not find each other. A launcher tries again on fresh ports."""


class RunTimeoutError(LaunchError, TimeoutError):
    """The run took longer than its `timeout`; all of its workers were ended."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(
            f"The run did not end within timeout={timeout_s:g} seconds, and all of its workers "
            "were ended. Give it more time, or look for a rank that waits for the others."
        )
        self.timeout_s = timeout_s

    def __reduce__(self) -> tuple:
        return (type(self), (self.timeout_s,))


class InsufficientResourcesError(LaunchError, ValueError):
    """More workers were asked for than the machine or cluster can ever hold."""
