"""Tracebacks without kdist's own frames: an error in a model shows the lines that its author wrote.

`kdist.config.disable_traceback_filtering()` gives the whole of them.
"""

from __future__ import annotations

import pathlib
import types

from kdist.core import config

_OWN = str(pathlib.Path(__file__).parents[1]) + "/"


def shortened(error: BaseException) -> BaseException:
    """`error` with kdist's frames taken out of its traceback, to be raised again where a user's call came in.

    If all frames are kdist's, the innermost stays: it says where the message comes from.
    """
    if not config.is_traceback_filtering_enabled():
        return error
    frames = []
    frame = error.__traceback__
    while frame is not None:
        frames.append(frame)
        frame = frame.tb_next
    kept = [t for t in frames if not t.tb_frame.f_code.co_filename.startswith(_OWN)]
    chain: types.TracebackType | None = None
    for t in reversed(kept or frames[-1:]):
        chain = types.TracebackType(chain, t.tb_frame, t.tb_lasti, t.tb_lineno)
    return error.with_traceback(chain)
