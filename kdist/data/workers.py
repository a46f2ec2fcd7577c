"""Threads or processes that read items ahead of the consumer, and hand them over in order."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any


def in_order(
    executor: Executor, task: Callable[[Any], Any], items: Iterable, ahead: int
) -> Iterator:
    """`task(item)` for each item, in order, at most `ahead` of them under way or waiting.

    An exception of a task is raised where its item stands in the order. What has not begun is
    cancelled on leaving.
    """
    pending: deque = deque()
    try:
        for item in items:
            pending.append(executor.submit(task, item))
            if len(pending) >= max(1, ahead):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def process_pool(workers: int, shared: Any) -> Executor:
    """Fresh processes, each with its own copy of `shared`, for `in_pool`.

    They are spawned, not forked: a fork of a process in which a framework runs threads may hang.
    They leave Ctrl-C to the parent, and end when it dies, however it dies.
    """
    # Imported where it is used: it would double the time to import this package.
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(shared,),
    )


_shared: Any = None


def in_pool(argument: tuple[Callable[[Any, Any], Any], Any]) -> Any:
    """Run in a worker process: `function(shared, item)`."""
    function, item = argument
    return function(_shared, item)


def _start(shared: Any) -> None:
    global _shared
    _shared = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
