"""Says which process hangs, and where.

A collective that one process never enters holds up all the others, without an error and without end. Each process of
a job watches itself: when its steps stop, it says so with its rank, its place in the data and the stack of its main
thread, and the chief prints what all of them say.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

from kdist.core.coordination import Channel

_LIMIT, _ABORT = "KDIST_HANG_TIMEOUT_S", "KDIST_HANG_ABORT_S"
_DEFAULT_LIMIT_S = 600.0
_GRACE_S = 2.0  # between a process's own report and its look at the others'
_EXIT_CODE = 86
# Frames of the stack that are shown: the innermost, where it hangs, and how it came there.
_FRAMES = 12
_starts = itertools.count()  # fits run in the same order on all processes


def watchdog(channel: Channel, position: Any) -> AbstractContextManager:
    """Watch this process while the context is open; a process alone is not watched.

    `position` is a fit's `Position`: as long as its `step` or `epoch` changes, all is well. After
    KDIST_HANG_TIMEOUT_S seconds (default 600; 0: never) without a change the process reports. If
    KDIST_HANG_ABORT_S is set, after so many seconds it ends itself, so that its launcher restarts the job.
    """
    limit = _seconds(_LIMIT, _DEFAULT_LIMIT_S)
    if channel.count == 1 or not limit:
        return nullcontext()
    return _Watchdog(channel, position, limit, _seconds(_ABORT, 0.0))


def _seconds(variable: str, default: float) -> float:
    text = os.environ.get(variable)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if seconds < 0:
        raise ValueError(f"{variable}={text!r} must be a number of seconds, 0 for never.")
    return seconds


class _Watchdog(AbstractContextManager):
    def __init__(self, channel: Channel, position: Any, limit_s: float, abort_s: float):
        self._channel, self._position = channel, position
        self._limit_s, self._abort_s = limit_s, abort_s
        self._done = threading.Event()
        self._main = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, name="kdist-watchdog", daemon=True)
        self._key = f"watchdog/{next(_starts)}"

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join(timeout=1.0)

    def _watch(self) -> None:
        place, since, reported = self._place(), time.monotonic(), 0
        while not self._done.wait(min(self._limit_s / 4, 5.0)):
            now = self._place()
            if now != place:
                place, since = now, time.monotonic()
                continue
            stalled = time.monotonic() - since
            if stalled >= self._limit_s * 2**reported:  # again after twice the time, and so on
                self._report(place, stalled, reported)
                reported += 1
            if self._abort_s and stalled >= self._abort_s:
                _say(f"kdist: rank {self._channel.rank} ends after {stalled:.0f} s without a step.")
                os._exit(_EXIT_CODE)

    def _place(self) -> tuple:
        return self._position.epoch, self._position.batch, self._position.step

    def _report(self, place: tuple, stalled_s: float, number: int) -> None:
        rank, count = self._channel.rank, self._channel.count
        stack = "".join(_stack_of(self._main))
        text = (
            f"kdist: rank {rank} of {count} has made no step for {stalled_s:.0f} s. It is in epoch {place[0] + 1}, "
            f"after {place[1]} batches, here:\n{stack}"
        )
        _say(text)
        self._try(lambda: self._channel.put(f"{self._key}/{number}/{rank}", text))
        if rank == 0 and not self._done.wait(_GRACE_S):
            for other in range(1, count):
                self._try(lambda other=other: _say(self._of(other, number)))

    def _of(self, rank: int, number: int) -> str:
        found = self._channel.get(f"{self._key}/{number}/{rank}")
        return found or f"kdist: rank {rank} says nothing: it is still making steps, or it is gone."

    @staticmethod
    def _try(action: Callable[[], Any]) -> None:
        try:
            action()
        except (
            Exception
        ) as e:  # whatever a broken channel raises: the report itself is printed already
            _say(f"kdist: the watchdog cannot reach the other processes: {e}")


def _stack_of(thread: int) -> list[str]:
    frame = sys._current_frames().get(thread)
    return traceback.format_stack(frame)[-_FRAMES:] if frame is not None else []


def _say(text: str) -> None:
    stream = sys.stderr
    print(text, file=stream, flush=True)
