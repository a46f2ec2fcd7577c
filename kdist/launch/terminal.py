"""Sends a process's standard output and error elsewhere, byte by byte, as to a terminal.

Where the launching process has a terminal, the worker gets a pseudo-terminal of the same width, so
that whatever asks `isatty()` or the window's size behaves as it would at home.
"""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import struct
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


def describe_terminal() -> dict[str, str]:
    """What a worker should know of this process's terminal, as environment variables."""
    columns, lines = shutil.get_terminal_size()
    return {
        "KDIST_TTY": str(int(sys.stdout.isatty())),
        "COLUMNS": str(columns),
        "LINES": str(lines),
    }


@contextmanager
def redirected(
    send: Callable[[bytes], None], environ: Mapping[str, str], keep: bool
) -> Iterator[None]:
    """Within, what file descriptors 1 and 2 receive goes to `send`.

    Args:
        send: called from a thread, in order.
        environ: holds what `describe_terminal` said.
        keep: write the same bytes to the former standard output as well.
    """
    reader, writer = _terminal(environ) if environ.get("KDIST_TTY") == "1" else os.pipe()
    former = [os.dup(1), os.dup(2)]
    copy_to = os.dup(1) if keep else None
    relay = threading.Thread(target=_relay, args=(reader, send, copy_to), daemon=True)
    relay.start()
    _flush()
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    os.close(writer)
    try:
        yield
    finally:
        _flush()
        for number, descriptor in zip((1, 2), former, strict=True):
            os.dup2(descriptor, number)
        # With the last writer gone the relay reads the end; a child that still holds the writer
        # must not hold up the run.
        relay.join(timeout=2.0)
        for descriptor in former:
            os.close(descriptor)


def _terminal(environ: Mapping[str, str]) -> tuple[int, int]:
    reader, writer = pty.openpty()
    tty.setraw(writer)  # the real terminal turns "\n" into "\r\n"; once is enough
    size = struct.pack("HHHH", int(environ["LINES"]), int(environ["COLUMNS"]), 0, 0)
    fcntl.ioctl(writer, termios.TIOCSWINSZ, size)
    return reader, writer


def _relay(reader: int, send: Callable[[bytes], None], copy_to: int | None) -> None:
    listening = True
    while True:
        try:
            data = os.read(reader, 1 << 16)
        except OSError:  # a pseudo-terminal whose other end has closed says EIO
            data = b""
        if not data:
            os.close(reader)
            if copy_to is not None:
                os.close(copy_to)
            return
        if copy_to is not None:
            os.write(copy_to, data)
        if listening:
            try:
                send(data)
            except OSError:
                # The launching process has gone. Go on reading, or the worker would block on a
                # full pipe before anyone tells it to end.
                listening = False


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
