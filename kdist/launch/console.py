"""The line between the workers of a cluster and the terminal that started them.

The launching process listens on one TCP port. Each worker connects, shows the run's secret, and
sends frames: outcomes from every rank, and from the chief the bytes it prints, as it prints them,
so that a progress bar that redraws itself works. A frame is one byte of kind, eight of length, and
the content; every outcome is acknowledged by one byte, so that a worker knows it has arrived.

Whoever holds the secret can make the launching process unpickle data. It travels in the workers'
task, beside the pickled function, inside the cluster whose nodes run the user's code anyway.
"""

from __future__ import annotations

import hmac
import pickle
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from kdist.launch.bootstrap import Outcome

_OUTPUT, _OUTCOME, _ACK = b"O", b"V", b"."
_CONNECT_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Report:
    """An outcome with its sender."""

    rank: int
    attempt: int
    outcome: Outcome


class ConsoleServer:
    """The launching process's end.

    Args:
        host: address to listen on; one that the workers can reach.
        write: called with the chief's output, from a thread.
    """

    def __init__(self, host: str, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._secret = secrets.token_hex(32)
        self._reports: list[Report] = []
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server((host, 0))
        self.address = f"{host}:{self._socket.getsockname()[1]}"
        self._acceptor = threading.Thread(target=self._accept, name="kdist-console", daemon=True)

    @property
    def ticket(self) -> str:
        """What a worker needs to connect: the address and the run's secret."""
        return f"{self.address}/{self._secret}"

    def reports(self) -> list[Report]:
        """All outcomes so far, in the order of their arrival."""
        with self._lock:
            return list(self._reports)

    def __enter__(self) -> ConsoleServer:
        self._acceptor.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # `shutdown` wakes the thread in `accept`; `close` alone would leave it there on Linux.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._acceptor.join()
        for thread in self._threads:
            thread.join(timeout=2.0)  # what is still in the pipes gets printed

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:  # the socket was closed: the run is over
                return
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        try:
            self._read_frames(peer)
        except ConnectionError:
            return  # the worker was killed; the run's failure handling knows what to do

    def _read_frames(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as stream:
            secret = stream.read(len(self._secret))
            if not hmac.compare_digest(secret, self._secret.encode()):
                return
            while header := stream.read(9):
                if len(header) < 9:
                    return  # the worker died in the middle of a frame
                content = stream.read(int.from_bytes(header[1:], "big"))
                if header[:1] == _OUTPUT:
                    self._write(content)
                    continue
                with self._lock:
                    self._reports.append(pickle.loads(content))
                peer.sendall(_ACK)


@dataclass
class ConsoleClient:
    """A worker's end.

    Args:
        ticket: `ConsoleServer.ticket`.
        rank: this worker's rank.
        attempt: this start of the ranks.

    Raises:
        ConnectionError: when the launching process cannot be reached, with its address.
    """

    ticket: str
    rank: int
    attempt: int
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        address, _, secret = self.ticket.partition("/")
        host, _, port = address.rpartition(":")
        try:
            self._socket = socket.create_connection((host, int(port)), _CONNECT_TIMEOUT_S)
        except OSError as error:
            raise ConnectionError(
                f"Rank {self.rank} cannot reach the launching process at {address}: {error}. The "
                "workers' hosts must be able to connect to the host that starts the run."
            ) from error
        self._socket.settimeout(None)
        self._socket.sendall(secret.encode())

    def output(self, data: bytes) -> None:
        """Sends what the chief printed."""
        self._send(_OUTPUT, data)

    def report(self, outcome: Outcome) -> None:
        """Sends this rank's outcome and waits until it has arrived."""
        self._send(_OUTCOME, pickle.dumps(Report(self.rank, self.attempt, outcome)))
        if self._socket.recv(1) != _ACK:
            raise ConnectionError("The launching process has gone.")

    def close(self) -> None:
        self._socket.close()

    def _send(self, kind: bytes, content: bytes) -> None:
        with self._lock:
            self._socket.sendall(kind + len(content).to_bytes(8, "big") + content)
