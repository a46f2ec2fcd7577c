"""What a launching process does about signals while a run is on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def terminate_as_exit() -> Iterator[None]:
    """Lets SIGTERM unwind the stack, so that the workers are ended on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers belong to the main thread; the guardian covers this case
        return

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
