"""A reader thread that stays ahead of a slow source."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

# A thread in the middle of the user's own code cannot be interrupted. Leaving waits this long for
# it, in seconds; it ends after the batch it is reading.
LEAVE_AFTER = 5.0


def prefetched(open_iterator: Callable[[], Generator], ahead: int) -> Generator:
    """The items of `open_iterator()`, read by a thread that holds at most `ahead` of them.

    An exception in the reader is raised here with its own traceback, after the items that came
    before it. The thread ends, and the iterator behind it is closed, when the items run out or this
    iterator is closed.
    """
    reader = _Reader(open_iterator, ahead)
    try:
        while (item := reader.take()) is not _END:
            yield item
    finally:
        reader.stop()


_END = object()


class _Reader:
    def __init__(self, open_iterator: Callable[[], Generator], ahead: int):
        self._open = open_iterator
        self._ahead = max(1, ahead)
        self._items: deque[Any] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._finished = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="kdist-reader", daemon=True)
        self._thread.start()

    def take(self) -> Any:
        with self._changed:
            while not self._items and not self._finished:
                self._changed.wait()
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
        if self._error is not None:
            raise self._error
        return _END

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()
        self._thread.join(LEAVE_AFTER)

    def _run(self) -> None:
        try:
            iterator = self._open()
            try:
                for item in iterator:
                    if not self._put(item):
                        break
            finally:
                iterator.close()
        except BaseException as error:  # handed over: `take` raises it in the consumer's thread
            self._error = error
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def _put(self, item: Any) -> bool:
        """False once the consumer has left."""
        with self._changed:
            while len(self._items) >= self._ahead and not self._stopped:
                self._changed.wait()
            if self._stopped:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True
