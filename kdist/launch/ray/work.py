"""What runs on a Ray Train worker, in its training thread."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from kdist.core.environment import WorkerEnv
from kdist.launch.bootstrap import Task, execute
from kdist.launch.console import ConsoleClient
from kdist.launch.errors import RendezvousError, WorkerError
from kdist.launch.terminal import redirected


@dataclass(frozen=True)
class Errand:
    """A task and the way home.

    Attributes:
        task: what to run.
        ticket: how to reach the launching process.
        terminal: what its terminal is like.
        keep_output: let Ray's own log have the chief's output as well.
    """

    task: Task
    ticket: str
    terminal: dict[str, str]
    keep_output: bool


def train_function(errand: Errand) -> Callable[[], None]:
    """Returns the function without arguments that Ray Train calls on every worker."""

    def train() -> None:
        work(errand)

    return train


def work(errand: Errand) -> None:
    """Runs the errand on this worker.

    Raises:
        WorkerError: the function raised.
        RendezvousError: the workers did not meet.
    """
    place = WorkerEnv.from_env()
    if place is None:
        raise RendezvousError("This worker was not told its place; another worker died meanwhile.")
    os.environ.update(errand.terminal)
    console = ConsoleClient(errand.ticket, place.rank, place.attempt)
    try:
        with contextlib.ExitStack() as stack:
            if place.is_chief:
                stack.enter_context(redirected(console.output, errand.terminal, errand.keep_output))
            outcome = execute(errand.task, console.report)
    finally:
        console.close()
    if outcome.retry:
        raise RendezvousError(f"Rank {place.rank} could not join the others:\n\n{outcome.error}")
    if not outcome.ok:
        raise WorkerError(place.rank, outcome.error)
