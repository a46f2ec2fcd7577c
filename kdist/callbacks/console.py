"""Where callbacks print, and what is known about the terminal there."""

from __future__ import annotations

import logging
import os
import shutil
import sys

from kdist.core.config import is_interactive_logging_enabled
from kdist.distribution import process_index

_logger = logging.getLogger("kdist")


class _Line:
    open = False  # whether the latest text did not end its line, as a progress bar's does not


def write(text: str) -> None:
    """Print `text` as it is, at once; or log it, if `disable_interactive_logging` was called."""
    if not is_interactive_logging_enabled():
        for line in text.splitlines():
            _logger.info(line)
        return
    sys.stdout.write(text)
    sys.stdout.flush()
    if text:
        _Line.open = not text.endswith("\n")


def say(text: str) -> None:
    """Print a line of its own."""
    write(("\n" if _Line.open else "") + text + "\n")


def announce(text: str) -> None:
    """Print a line of its own, on the chief process alone."""
    if process_index() == 0:
        say(text)


def is_terminal() -> bool:
    """Whether the output goes to someone's screen, where a line can be drawn over.

    KDIST_TTY=1 or 0 says so from outside: a launcher sets it for a process on another machine,
    whose output it passes on.
    """
    if not is_interactive_logging_enabled():
        return False
    told = os.environ.get("KDIST_TTY")
    if told in ("0", "1"):
        return told == "1"
    return sys.stdout.isatty() or "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ


def columns() -> int:
    """The terminal's width in characters; COLUMNS overrides what it says itself."""
    return shutil.get_terminal_size().columns
