"""Workers as processes of this host, without Ray: for workstations and tests.

The chief writes straight to this process's terminal; the other ranks write to log files. When a
process dies, all ranks are ended and started again on fresh ports.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kdist.core.environment import WorkerEnv
from kdist.launch.accelerators import visible_gpus
from kdist.launch.bootstrap import Outcome, Task
from kdist.launch.errors import (
    InsufficientResourcesError,
    RunTimeoutError,
    WorkerDiedError,
)
from kdist.launch.launcher import Job, Launcher, RunResult
from kdist.launch.outcomes import failure, load_value
from kdist.launch.ports import free_ports
from kdist.launch.processes import Guardian, WorkerProcess, end_all
from kdist.launch.signals import terminate_as_exit
from kdist.launch.variables import worker_variables

_POLL_S = 0.2
# After its value has arrived, a rank has this long to leave by itself (frameworks shut down at
# exit); the run's result no longer depends on it.
_EXIT_GRACE_S = 10.0
# A peer that merely lost its partner usually aborts; a rank whose report arrives together with
# such a death is the cause of it.
_COLLATERAL = -signal.SIGABRT


@dataclass(frozen=True)
class _Death:
    """A rank that ended before it reported."""

    rank: int
    how: str
    details: str


class LocalLauncher(Launcher):
    """Runs a job's workers as child processes.

    Example:
        >>> LocalLauncher().run(job)  # doctest: +SKIP
    """

    def run(self, job: Job) -> RunResult:
        """Runs `job`; see `Launcher.run`."""
        devices = _share_gpus(job)
        folder = job.folder
        folder.mkdir(parents=True, exist_ok=True)
        payload = folder / "task.pickle"
        payload.write_bytes(pickle.dumps(Task.pack(job.target, job.rendezvous)))
        deadline = None if job.timeout is None else time.monotonic() + job.timeout
        with terminate_as_exit(), Guardian() as guardian, _removed_after(payload):
            for attempt in range(job.max_failures + 1):
                run = _Attempt(job, attempt, payload, devices, guardian, deadline)
                ended = run.watch()
                if isinstance(ended, dict):
                    values = [load_value(rank, ended[rank]) for rank in range(job.workers)]
                    return RunResult(values, attempt + 1, job.run_id, str(folder))
                last = attempt == job.max_failures
                if isinstance(ended, tuple) and (last or not ended[1].retry):
                    error, cause = failure(*ended)
                    raise error from cause
                if isinstance(ended, _Death) and last:
                    raise WorkerDiedError(ended.rank, attempt + 1, ended.how, ended.details)
                _tell_restart(ended, attempt, job.max_failures)
        raise AssertionError("unreachable: the last attempt returns or raises")


class _Attempt:
    """One start of all ranks, watched until they have ended."""

    def __init__(
        self,
        job: Job,
        attempt: int,
        payload: Path,
        devices: list[str],
        guardian: Guardian,
        deadline: float | None,
    ) -> None:
        self._job = job
        self._attempt = attempt
        self._payload = payload
        self._devices = devices
        self._guardian = guardian
        self._deadline = deadline
        self._workers: list[WorkerProcess] = []
        self._received: dict[int, bytearray] = {rank: bytearray() for rank in range(job.workers)}

    def watch(self) -> dict[int, Outcome] | tuple[int, Outcome] | _Death:
        """Starts the ranks and waits for them.

        Returns:
            All outcomes by rank if all is well; else the first failed rank and its outcome, or the
            first death. No process is left in any case.
        """
        try:
            self._start()
            ended = self._collect()
            if isinstance(ended, dict):
                patience = time.monotonic() + _EXIT_GRACE_S
                for worker in self._workers:
                    worker.wait(patience - time.monotonic())
            return ended
        finally:
            end_all(self._workers)

    def _start(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        logs = self._job.folder / f"attempt-{self._attempt}"
        logs.mkdir(exist_ok=True)
        addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(self._job.workers))
        command = [sys.executable, "-m", "kdist.launch.worker", str(self._payload)]
        for rank in range(self._job.workers):
            log = None if rank == 0 else logs / f"rank-{rank}.log"
            env = self._environment(rank, addresses)
            self._workers.append(WorkerProcess(rank, command, env, log, self._guardian))

    def _environment(self, rank: int, addresses: tuple[str, ...]) -> dict[str, str]:
        job = self._job
        count = job.workers
        place = WorkerEnv(
            rank, count, rank, count, addresses[0], addresses, job.run_id, self._attempt
        )
        # Without a limit every process starts a thread per core, and they fight for the cores.
        threads = str(max(1, (os.cpu_count() or 1) // count))
        visible = {"CUDA_VISIBLE_DEVICES": self._devices[rank]} if self._devices else {}
        return {
            "OMP_NUM_THREADS": threads,
            **worker_variables(job, {**os.environ, **visible}),
            "KDIST_PARENT_PID": str(os.getpid()),
            **place.to_env(),
        }

    def _collect(self) -> dict[int, Outcome] | tuple[int, Outcome] | _Death:
        outcomes: dict[int, Outcome] = {}
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                selector.register(worker.reader, selectors.EVENT_READ, worker)
            while len(outcomes) < len(self._workers):
                if self._deadline is not None and time.monotonic() > self._deadline:
                    assert self._job.timeout is not None
                    raise RunTimeoutError(self._job.timeout)
                ready = {key.data.rank for key, _ in selector.select(_POLL_S)}
                failed, died = None, None
                for worker in self._workers:
                    if worker.rank in outcomes:
                        continue
                    # A process that forked children may be dead while its pipe is still open.
                    gone = worker.exit_code() is not None
                    closed = (gone or worker.rank in ready) and self._drain(worker)
                    outcome = self._decode(worker.rank)
                    if outcome is not None:
                        selector.unregister(worker.reader)
                        outcomes[worker.rank] = outcome
                        failed = failed or (None if outcome.ok else (worker.rank, outcome))
                    elif gone or closed:
                        died = died or worker
                if died is not None and (failed is None or not _aborted(died)):
                    return _Death(died.rank, died.describe_end(), died.tail())
                if failed is not None:
                    return failed
        return outcomes

    def _drain(self, worker: WorkerProcess) -> bool:
        """Reads what the rank has sent; returns True at the end of its pipe."""
        while True:
            try:
                data = os.read(worker.reader, 1 << 20)
            except BlockingIOError:
                return False
            if not data:
                return True
            self._received[worker.rank] += data

    def _decode(self, rank: int) -> Outcome | None:
        data = self._received[rank]
        if len(data) < 8 or len(data) < 8 + int.from_bytes(data[:8], "big"):
            return None
        return pickle.loads(bytes(data[8:]))


def _aborted(worker: WorkerProcess) -> bool:
    worker.wait(1.0)
    return worker.exit_code() == _COLLATERAL


def _share_gpus(job: Job) -> list[str]:
    """CUDA_VISIBLE_DEVICES by rank, or nothing where the job reserves no GPU."""
    each = job.resources_per_worker.get("GPU", 0)
    if not each:
        return []
    if each != int(each):
        raise ValueError(
            f"resources_per_worker['GPU']={each!r} must be a whole number with the local launcher."
        )
    each, devices = int(each), visible_gpus()
    if each * job.workers > len(devices):
        raise InsufficientResourcesError(
            f"workers={job.workers} with {each} GPU each need {each * job.workers} GPUs; this host "
            f"has {len(devices)}. Use at most {len(devices) // each} workers, or a Ray cluster."
        )
    return [",".join(devices[rank * each : (rank + 1) * each]) for rank in range(job.workers)]


def _tell_restart(ended: tuple[int, Outcome] | _Death, attempt: int, limit: int) -> None:
    if isinstance(ended, _Death):
        what = f"rank {ended.rank} died ({ended.how})"
    else:
        reason = ended[1].error.strip().splitlines()[-1]
        what = f"rank {ended[0]} could not join the others ({reason})"
    print(
        f"kdist: {what}; starting all workers again (restart {attempt + 1} of {limit}).",
        file=sys.stderr,
        flush=True,
    )


@contextmanager
def _removed_after(path: Path) -> Iterator[None]:
    """The task may hold the caller's data; it is no use after the run."""
    try:
        yield
    finally:
        path.unlink()
