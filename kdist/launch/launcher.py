"""The launcher contract: a `Job` goes in, a `RunResult` comes out or an error is raised.

A launcher starts the job's target once per rank, lets the ranks find each other, shows the chief's
output, and restarts all ranks when a worker dies. It leaves no process behind, however it ends.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kdist.launch.errors import LaunchError

# name -> "module:class". Modules are imported when a launcher is chosen, so that choosing the local
# one never imports ray.
LAUNCHERS: Final[Mapping[str, str]] = {
    "local": "kdist.launch.local:LocalLauncher",
    "ray": "kdist.launch.ray.launcher:RayLauncher",
}


@dataclass(frozen=True)
class Job:
    """What to run, where, and how often to try.

    Args:
        target: called without arguments once on every rank; picklable by cloudpickle.
        workers: number of ranks.
        backend: "jax", "torch" or "tensorflow".
        run_id: name of the run; also its folder's name under `storage`.
        storage: folder (or, for Ray, URL) that holds the runs' logs.
        rendezvous: "module:attribute" of a function, or a function, that returns a context manager;
            entered on the worker before the target runs and left after it.
        resources_per_worker: e.g. `{"CPU": 4, "GPU": 1}`; what one rank reserves.
        max_failures: how many times all ranks are restarted after a worker died.
        env: further environment variables for the workers.
        timeout: seconds the whole run may take, restarts included; None for no limit.
    """

    target: Callable[[], Any]
    workers: int
    backend: str
    run_id: str
    storage: str
    rendezvous: str | Callable[[], Any]
    resources_per_worker: Mapping[str, float] = field(default_factory=dict)
    max_failures: int = 3
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None

    @property
    def folder(self) -> Path:
        """The run's folder, for a `storage` on the local file system."""
        return Path(self.storage).expanduser() / self.run_id


@dataclass(frozen=True)
class RunResult:
    """What a finished run returned.

    Attributes:
        values: what the function returned, by rank.
        attempts: how many times the ranks were started; 1 when no worker died.
        run_id: name of the run.
        folder: where the run's logs are.
    """

    values: list[Any]
    attempts: int
    run_id: str
    folder: str

    @property
    def value(self) -> Any:
        """What the function returned on the chief, rank 0."""
        return self.values[0]


class Launcher(ABC):
    """Starts a job's workers and sees them to their end."""

    @abstractmethod
    def run(self, job: Job) -> RunResult:
        """Runs `job` and blocks until it has ended.

        Raises:
            WorkerError: the target raised on a worker.
            WorkerDiedError: workers died more than `job.max_failures` times.
            InsufficientResourcesError: `job.workers` can never fit; raised before any waiting.
            RunTimeoutError: `job.timeout` went by.
            KeyboardInterrupt: the user interrupted the run; its workers have ended.
        """


def resolve_launcher(launcher: str | Launcher) -> Launcher:
    """Returns the launcher that `launcher` names, or `launcher` itself.

    Raises:
        ValueError: for an unknown name.
        LaunchError: from the launcher's module, when a library it needs is missing.
    """
    if isinstance(launcher, Launcher):
        return launcher
    if launcher not in LAUNCHERS:
        known = ", ".join(repr(name) for name in LAUNCHERS)
        raise ValueError(f"launcher={launcher!r} is not known. Use one of {known}, or a Launcher.")
    try:
        made = load_attribute(LAUNCHERS[launcher])()
    except ImportError as error:
        raise LaunchError(
            f"launcher={launcher!r} cannot be used here: {error}. Install what it needs with "
            f"`pip install 'kdist[{launcher}]'`, or use launcher='local'."
        ) from error
    if not isinstance(made, Launcher):
        raise TypeError(f"launcher={launcher!r} names {made!r}, which is no Launcher.")
    return made


def load_attribute(path: str) -> Any:
    """Returns what `path`, of the form "module:attribute", names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
