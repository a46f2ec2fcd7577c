"""Start one function or script on several workers: local processes, or a Ray cluster.

Example:
    >>> from kdist import launch
    >>> result = launch.run(train, workers=2, launcher="ray")  # doctest: +SKIP
    >>> result.value  # what train returned on rank 0  # doctest: +SKIP
"""

from kdist.launch.api import run, run_script
from kdist.launch.errors import (
    InsufficientResourcesError,
    LaunchError,
    RendezvousError,
    RunTimeoutError,
    WorkerDiedError,
    WorkerError,
)
from kdist.launch.launcher import Job, Launcher, RunResult

__all__ = [
    "InsufficientResourcesError",
    "Job",
    "LaunchError",
    "Launcher",
    "RendezvousError",
    "RunResult",
    "RunTimeoutError",
    "WorkerDiedError",
    "WorkerError",
    "run",
    "run_script",
]
