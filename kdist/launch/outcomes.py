"""From the ranks' outcomes to what `run` returns or raises; shared by all launchers."""

from __future__ import annotations

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
