"""From the ranks' outcomes to what `run` returns or raises; shared by all launchers."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from typing import Any

import cloudpickle

from kdist.launch.bootstrap import Outcome
from kdist.launch.errors import LaunchError, RendezvousError, WorkerError


def load_value(rank: int, outcome: Outcome) -> Any:
    """Returns the value that `rank` sent.

    Raises:
        LaunchError: when it cannot be unpickled here, e.g. for want of a module.
    """
    try:
        return cloudpickle.loads(outcome.value)
    except Exception as error:
        raise LaunchError(
            f"The value that rank {rank} returned cannot be read in this process: {error}. Return "
            "plain data (numbers, NumPy arrays, dicts), or install here what the worker used."
        ) from error


def failure(rank: int, outcome: Outcome) -> tuple[LaunchError, BaseException | None]:
    """Returns the error for a failed outcome, and the worker's own exception as its cause."""
    error: LaunchError = WorkerError(rank, outcome.error)
    if outcome.retry:
        text = outcome.error.rstrip()
        error = RendezvousError(f"Rank {rank} could not join the other workers:\n\n{text}")
    cause = None
    if outcome.exception:
        try:
            cause = cloudpickle.loads(outcome.exception)
        except Exception:  # the traceback's text says it all; the object is a convenience
            cause = None
    return error, cause


def import_path() -> str:
    """The caller's import path as PYTHONPATH, without what every interpreter here has anyway."""
    paths = sysconfig.get_paths()
    standard = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    standard += [*site.getsitepackages(), site.getusersitepackages()]
    entries = dict.fromkeys(os.path.abspath(entry or os.getcwd()) for entry in sys.path)
    return os.pathsep.join(
        entry
        for entry in entries
        if os.path.isdir(entry) and not any(_inside(entry, folder) for folder in standard)
    )


def _inside(entry: str, folder: str) -> bool:
    return (os.path.realpath(entry) + os.sep).startswith(os.path.realpath(folder) + os.sep)
