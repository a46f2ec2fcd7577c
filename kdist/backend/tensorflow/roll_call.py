"""Wait until every process of a job is there, with a time limit that holds.

TensorFlow's own start-up waits for absent peers without end, deaf to its timeout; so nobody enters
it before all have answered here.
"""

from __future__ import annotations

import socket
import time

_PAUSE_S = 0.05


def roll_call(coordinator: str, rank: int, count: int, timeout_s: float) -> None:
    """Returns once all `count` processes have called it.

    Process 0 listens at `coordinator`, "host:port", until then.

    Raises:
        TimeoutError: naming the ranks that are missing, as far as this process can know.
    """
    host, _, port = coordinator.rpartition(":")
    deadline = time.monotonic() + timeout_s
    if rank == 0:
        _listen(host, int(port), count, deadline, timeout_s)
    else:
        _answer(host, int(port), rank, deadline, timeout_s)


def _listen(host: str, port: int, count: int, deadline: float, timeout_s: float) -> None:
    present: dict[int, socket.socket] = {}
    with socket.create_server((host, port), backlog=count) as server:
        try:
            while len(present) < count - 1:
                server.settimeout(max(deadline - time.monotonic(), 0.001))
                connection, _ = server.accept()
                connection.settimeout(max(deadline - time.monotonic(), 0.001))
                present[int.from_bytes(connection.recv(4), "big")] = connection
            for connection in present.values():
                connection.sendall(b"1")
        except TimeoutError:
            missing = ", ".join(str(r) for r in range(1, count) if r not in present)
            raise TimeoutError(
                f"rank(s) {missing} did not come to {host}:{port} within {timeout_s:g} s."
            ) from None
        finally:
            for connection in present.values():
                # The others close first, so that this port is free at once for what TensorFlow
                # serves on it.
                connection.settimeout(1.0)
                _drain(connection)


def _drain(connection: socket.socket) -> None:
    with connection:
        try:
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
        except OSError:  # the peer is gone already, which is what this waits for
            return


def _answer(host: str, port: int, rank: int, deadline: float, timeout_s: float) -> None:
    reason: OSError | None = None
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(
                (host, port), timeout=max(deadline - time.monotonic(), 0.001)
            ) as connection:
                connection.sendall(rank.to_bytes(4, "big"))
                if connection.recv(1) == b"1":
                    return
        except OSError as e:
            reason = e
        time.sleep(_PAUSE_S)
    raise TimeoutError(
        f"rank 0 did not gather everyone at {host}:{port} within {timeout_s:g} s "
        f"({reason or 'it closed the connection'})."
    )
