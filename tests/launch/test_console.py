from __future__ import annotations

import contextlib
import os
import socket
import sys
import time

import pytest

from kdist.launch.bootstrap import Outcome
from kdist.launch.console import ConsoleClient, ConsoleServer
from kdist.launch.terminal import redirected

pytestmark = pytest.mark.timeout(30)


def test_output_and_outcomes_arrive_in_order() -> None:
    printed = bytearray()
    with ConsoleServer("127.0.0.1", printed.extend) as server:
        first = ConsoleClient(server.ticket, rank=0, attempt=0)
        second = ConsoleClient(server.ticket, rank=1, attempt=0)
        first.output(b"1/2\r")
        second.report(Outcome(ok=False, error="late"))
        first.output(b"2/2\n")
        first.report(Outcome(ok=True, value=b"x" * 300_000))
        first.close()
        second.close()
    assert bytes(printed) == b"1/2\r2/2\n"
    assert [(report.rank, report.outcome.ok) for report in server.reports()] == [
        (1, False),
        (0, True),
    ]
    assert len(server.reports()[1].outcome.value) == 300_000


def test_a_stranger_is_not_listened_to() -> None:
    printed = bytearray()
    with ConsoleServer("127.0.0.1", printed.extend) as server:
        host, port = server.address.split(":")
        with socket.create_connection((host, int(port))) as stranger:
            stranger.sendall(b"0" * 64 + b"O" + (5).to_bytes(8, "big") + b"hello")
            stranger.settimeout(5)
            with contextlib.suppress(ConnectionResetError):  # hung up with our bytes unread
                assert stranger.recv(1) == b""
    assert not printed


def test_a_launching_process_that_is_gone_is_named() -> None:
    with ConsoleServer("127.0.0.1", print) as server:
        ticket = server.ticket
    with pytest.raises(ConnectionError, match=server.address):
        ConsoleClient(ticket, rank=1, attempt=0)


@pytest.mark.parametrize("tty", ["0", "1"])
def test_redirected_output_looks_like_the_launching_terminal(tty) -> None:
    sent = bytearray()
    terminal = {"KDIST_TTY": tty, "COLUMNS": "123", "LINES": "45"}
    with redirected(sent.extend, terminal, keep=False):
        os.write(1, f"{os.isatty(1)}\r\n".encode())
        os.write(2, b"to stderr\n")
        if tty == "1":
            assert os.get_terminal_size(1) == (123, 45)
    assert bytes(sent) == f"{tty == '1'}\r\nto stderr\n".encode()


def test_redirection_survives_a_lost_console() -> None:
    def lost(data: bytes) -> None:
        raise BrokenPipeError

    terminal = {"KDIST_TTY": "0", "COLUMNS": "80", "LINES": "24"}
    began = time.monotonic()
    with redirected(lost, terminal, keep=False):
        for _ in range(64):
            os.write(1, b"x" * 65536)
    assert time.monotonic() - began < 10
    assert sys.stdout.writable()
