"""Tracebacks without kdist's own frames: an error in a model shows the lines that its author wrote.

`kdist.config.disable_traceback_filtering()` gives the whole of them.
"""

from __future__ import annotations

import functools
import pathlib
import types
from collections.abc import Callable
from typing import Any

from kdist.core import config

_OWN = str(pathlib.Path(__file__).parents[1]) + "/"


def shorten(error: BaseException) -> None:
    """Take kdist's frames out of the traceback of `error`, which is raised again where a user's call came in.

    If all frames are kdist's, the innermost stays: it says where the message comes from.
    """
    if not config.is_traceback_filtering_enabled():
        return
    frames = []
    frame = error.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    kept = [t for t in frames if not t.tb_frame.f_code.co_filename.startswith(_OWN)]
    chain: types.TracebackType | None = None
    for t in reversed(kept or frames[-1:]):
        chain = types.TracebackType(chain, t.tb_frame, t.tb_lasti, t.tb_lineno)
    error.__traceback__ = chain


def filtered(entry: Callable) -> Callable:
    """Decorator of a public entry point: exceptions leave it with a short traceback."""

    @functools.wraps(entry)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return entry(*args, **kwargs)
        except Exception as error:
            shorten(error)
            raise

    return wrapper
