"""What every worker does, whichever launcher started it: meet the other ranks, run the target.

A `Task` goes in and an `Outcome` comes out. Both are bytes and text, so that they cross process
borders and hosts without importing anything of the user's on the way.
"""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cloudpickle

from kdist.launch.launcher import load_attribute

# A rendezvous that fails with one of these will fail again; every other failure (a port that was
# taken meanwhile, a peer that died) is worth another attempt on fresh ports.
_HOPELESS = (
    ImportError,
    TypeError,
    ValueError,
    AttributeError,
    NameError,
    NotImplementedError,
    KeyboardInterrupt,
    SystemExit,
)


@dataclass(frozen=True)
class Task:
    """What a worker runs.

    Attributes:
        target: the pickled function, called without arguments.
        rendezvous: a pickled function that returns a context manager, or its "module:attribute".
        folder: the caller's working directory; the worker's too, where it exists.
    """

    target: bytes
    rendezvous: bytes
    folder: str

    @classmethod
    def pack(cls, target: Callable[[], Any], rendezvous: str | Callable[[], Any]) -> Task:
        """Pickles a task; functions of `__main__` go by value.

        Raises:
            TypeError: when the function or its arguments cannot be shipped.
        """
        try:
            return cls(cloudpickle.dumps(target), cloudpickle.dumps(rendezvous), os.getcwd())
        except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
            raise TypeError(
                f"fn and its arguments cannot be shipped to the workers: {error}. Create locks, "
                "open files, models and datasets inside the function instead of capturing them."
            ) from error


@dataclass(frozen=True)
class Outcome:
    """How a rank ended.

    Attributes:
        ok: the target returned.
        value: what it returned, pickled; empty unless `ok`.
        error: the traceback's text; empty if `ok`.
        exception: the exception, pickled; empty where it cannot be.
        retry: the ranks did not meet, and another attempt may succeed.
    """

    ok: bool
    value: bytes = b""
    error: str = ""
    exception: bytes = b""
    retry: bool = False


def execute(task: Task, report: Callable[[Outcome], None]) -> Outcome:
    """Enters the rendezvous, calls the target, leaves the rendezvous.

    The target is unpickled inside the rendezvous: it may hold arrays, and a framework that has
    made an array can no longer join other processes. A failure of the target is reported before
    the rendezvous is left: leaving it makes other ranks fail as well, and the first report is the
    one whose error the user should see.

    Args:
        task: what to run.
        report: called exactly once, with what is returned.

    Returns:
        What happened, whatever it was.
    """
    met = False
    outcome: Outcome | None = None
    try:
        if os.path.isdir(task.folder):
            os.chdir(task.folder)
        rendezvous = cloudpickle.loads(task.rendezvous)
        enter = load_attribute(rendezvous) if isinstance(rendezvous, str) else rendezvous
        with enter():
            met = True
            try:
                value = _dump_value(cloudpickle.loads(task.target)())
            except BaseException as error:
                outcome = _failure(error, retry=False)
                report(outcome)
                raise
    except BaseException as error:
        if outcome is None:
            outcome = _failure(error, retry=not met and not isinstance(error, _HOPELESS))
            report(outcome)
        return outcome
    outcome = Outcome(ok=True, value=value)
    report(outcome)
    return outcome


def _failure(error: BaseException, retry: bool) -> Outcome:
    exception = _dump_exception(error)
    return Outcome(ok=False, error=_format(error), exception=exception, retry=retry)


def _dump_value(value: Any) -> bytes:
    try:
        return cloudpickle.dumps(value)
    except Exception as error:
        raise TypeError(
            f"The function returned a {type(value).__name__}, which cannot be sent to the caller: "
            f"{error}. Return plain data (numbers, NumPy arrays, dicts), or save it to a file."
        ) from error


def _dump_exception(error: BaseException) -> bytes:
    """Pickles `error` if it survives the way there and back; the traceback's text always goes."""
    try:
        data = cloudpickle.dumps(error)
        cloudpickle.loads(data)
    except Exception:  # any class may define a `__reduce__` that fails in its own way
        return b""
    return data


def _format(error: BaseException) -> str:
    """The traceback's text without this package's own outer frames and those of `runpy`."""
    frames = error.__traceback__
    while frames is not None and _is_plumbing(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))


def _is_plumbing(filename: str) -> bool:
    own = filename.startswith(os.path.dirname(__file__) + os.sep)
    return own or filename.startswith("<frozen runpy")
