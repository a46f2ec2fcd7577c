"""Worker processes on this host: started in groups of their own, and ended without exception.

Three things see to it that none is left behind: the launcher ends each group when the run is over;
the guardian does so when the launcher is gone, even by SIGKILL; and on Linux the kernel ends a
worker when its parent dies (see `worker.py`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from kdist.launch import guardian

TERMINATION_GRACE_S = 2.0


class Guardian:
    """The process that outlives the launcher and ends what the launcher could not."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> Guardian:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def watch(self, group: int) -> None:
        self._write(f"+{group}\n")

    def forget(self, group: int) -> None:
        self._write(f"-{group}\n")

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()


class WorkerProcess:
    """One rank's process, the leader of a session and a process group.

    Args:
        rank: its rank.
        command: what to execute.
        env: all of its environment.
        log: file for its output; None lets it write to this process's standard output and error.
        guardian: watches over it.
    """

    def __init__(
        self,
        rank: int,
        command: Sequence[str],
        env: Mapping[str, str],
        log: Path | None,
        guardian: Guardian,
    ) -> None:
        self.rank = rank
        self.log = log
        self._guardian = guardian
        reader, writer = os.pipe()
        try:
            output = None if log is None else open(log, "ab")
            try:
                self._process = subprocess.Popen(
                    command,
                    env={**env, "KDIST_RESULT_FD": str(writer)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=[writer],
                    start_new_session=True,
                )
            finally:
                if output is not None:
                    output.close()
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        os.set_blocking(reader, False)
        self.reader = reader
        guardian.watch(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> bool:
        """Waits for the process to end by itself; returns whether it did."""
        try:
            self._process.wait(max(seconds, 0.0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def signal(self, number: int) -> None:
        """Sends a signal to the process and all of its descendants in its group."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def close(self) -> None:
        """Kills what is left of the group, collects the process and forgets it."""
        # The leader's id cannot be reused while it is not collected, so the group is ours.
        self.signal(signal.SIGKILL)
        self._process.wait()
        self._guardian.forget(self._process.pid)
        os.close(self.reader)

    def describe_end(self) -> str:
        """How the process ended, in words."""
        code = self._process.wait()
        if code < 0:
            return f"ended by {signal.Signals(-code).name}"
        return f"exited with status {code} before the function returned"

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log; empty where its output went to the terminal."""
        if self.log is None:
            return ""
        text = self.log.read_text(errors="replace").splitlines()[-lines:]
        return f"Last lines of {self.log}:\n" + "\n".join(text) if text else ""


def end_all(workers: Sequence[WorkerProcess], grace_s: float = TERMINATION_GRACE_S) -> None:
    """Ends all processes: politely, and after `grace_s` seconds in any case."""
    try:
        running = [worker for worker in workers if worker.exit_code() is None]
        for worker in running:
            worker.signal(signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        for worker in running:
            worker.wait(deadline - time.monotonic())
    finally:
        # Reached on a second Ctrl-C too.
        for worker in workers:
            worker.close()
