"""The Ray launcher: one Ray Train V2 run, with the chief's output on the caller's terminal."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import ray
from ray.exceptions import RayActorError
from ray.train.v2.api.config import FailureConfig, LoggingConfig, RunConfig, ScalingConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer
from ray.train.v2.api.exceptions import ControllerError, TrainingFailedError, WorkerGroupError
from ray.train.v2.api.result import Result

from kdist.launch.bootstrap import Task
from kdist.launch.console import ConsoleServer
from kdist.launch.environ import environment
from kdist.launch.errors import LaunchError, RunTimeoutError, WorkerDiedError
from kdist.launch.launcher import Job, Launcher, RunResult
from kdist.launch.outcomes import failure, load_value
from kdist.launch.ray.backend import KdistBackendConfig, StopOnException, user_exception
from kdist.launch.ray.cluster import connected
from kdist.launch.ray.work import Errand, train_function
from kdist.launch.signals import terminate_as_exit
from kdist.launch.terminal import describe_terminal
from kdist.launch.variables import worker_variables

# What Ray reads from the environment while a run is on. The caller's own settings win, save for
# those that the launcher relies on.
_REQUIRED = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths of a script mean what they mean without Ray
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
}
_DEFAULTS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    # It would set the root logger to INFO, and the frameworks chat there.
    "RAY_TRAIN_ENABLE_WORKER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "RAY_TRAIN_WORKER_HEALTH_CHECK_TIMEOUT_S": "30",
}
# Settings of the frameworks that must hold before a worker's first import.
_PASSED_ON = (
    "JAX_",
    "XLA_",
    "LIBTPU_",
    "TPU_",
    "NCCL_",
    "GLOO_",
    "TF_",
    "TORCH_",
    "OMP_",
    "KDIST_",
)
_CONTROLLER_FAILURE_LIMIT = 3


@dataclass(frozen=True)
class RayLauncher(Launcher):
    """Runs a job's workers on a Ray cluster.

    Args:
        placement_strategy: Ray's "PACK", "SPREAD", "STRICT_PACK" or "STRICT_SPREAD".
        accelerator_type: Ray's name of the accelerator, e.g. "TPU-V4"; for several TPU hosts.
        topology: the TPU slice's topology, e.g. "2x2x2"; for several TPU hosts.
    """

    placement_strategy: str = "PACK"
    accelerator_type: str | None = None
    topology: str | None = None

    def run(self, job: Job) -> RunResult:
        """Runs `job`; see `Launcher.run`."""
        each = {"CPU": 1.0, **job.resources_per_worker}
        task = Task.pack(job.target, job.rendezvous)
        with (
            environment(_settings()),
            terminate_as_exit(),
            connected(job.workers, each) as echoes,
            ConsoleServer(ray.util.get_node_ip_address(), _write) as console,
        ):
            errand = Errand(task, console.ticket, describe_terminal(), keep_output=not echoes)
            with _interruptible(job.timeout):
                result = self._fit(job, each, errand, console)
            return _result(job, console, result.path)

    def _fit(
        self, job: Job, each: Mapping[str, float], errand: Errand, console: ConsoleServer
    ) -> Result:
        # Ray restarts the workers itself, with one gap: the death of a worker in the moment that
        # the function is handed to it ends the run. This loop closes it.
        for start in range(job.max_failures + 1):
            # Ray annotates its V2 trainer with the V1 classes that V2's configurations replace.
            trainer: Any = DataParallelTrainer(
                train_function(errand),
                backend_config=KdistBackendConfig(job.run_id, max(start, _attempts(console))),
                scaling_config=self._scaling(job, each),
                run_config=_run_config(job),  # type: ignore[arg-type]
            )
            try:
                result: Result = trainer.fit()
                return result
            except TrainingFailedError as error:
                if start == job.max_failures or not _died_at_start(error):
                    _raise(job, console, error)
        raise AssertionError("unreachable: the last start returns or raises")

    def _scaling(self, job: Job, each: Mapping[str, float]) -> ScalingConfig:
        return ScalingConfig(
            num_workers=job.workers,
            use_gpu=each.get("GPU", 0) > 0,
            use_tpu=each.get("TPU", 0) > 0,
            resources_per_worker=dict(each),
            placement_strategy=self.placement_strategy,
            accelerator_type=self.accelerator_type,
            topology=self.topology,
        )


def _settings() -> dict[str, str]:
    """What Ray is to read from the environment; the caller's own settings come before defaults."""
    return {key: os.environ.get(key, value) for key, value in _DEFAULTS.items()} | _REQUIRED


def _run_config(job: Job) -> RunConfig:
    return RunConfig(
        name=job.run_id,
        storage_path=job.storage,
        failure_config=FailureConfig(
            max_failures=job.max_failures, controller_failure_limit=_CONTROLLER_FAILURE_LIMIT
        ),
        callbacks=[StopOnException()],
        worker_runtime_env={"env_vars": _worker_variables(job)},
        logging_config=LoggingConfig(log_level="ERROR"),
    )


def _worker_variables(job: Job) -> dict[str, str]:
    # Only what matters: the workers of a cluster have a home, a user and paths of their own.
    passed = {key: value for key, value in os.environ.items() if key.startswith(_PASSED_ON)}
    return worker_variables(job, passed)


def _result(job: Job, console: ConsoleServer, folder: str) -> RunResult:
    reports = console.reports()
    last = max(report.attempt for report in reports)
    ended = {report.rank: report.outcome for report in reports if report.attempt == last}
    values = [load_value(rank, ended[rank]) for rank in range(job.workers)]
    return RunResult(values, last + 1, job.run_id, folder)


def _attempts(console: ConsoleServer) -> int:
    """The number of starts that any worker has reported from."""
    return 1 + max((report.attempt for report in console.reports()), default=-1)


def _died_at_start(error: TrainingFailedError) -> bool:
    return isinstance(error, ControllerError) and isinstance(
        error.controller_failure, RayActorError
    )


def _raise(job: Job, console: ConsoleServer, error: TrainingFailedError) -> NoReturn:
    """Raises the error of this package that says what Ray's `error` means."""
    if isinstance(error, WorkerGroupError):
        for rank, cause in error.worker_failures.items():
            if isinstance(user_exception(cause), RayActorError):
                raise WorkerDiedError(rank, job.max_failures + 1, _first_line(cause)) from error
    if _died_at_start(error):
        assert isinstance(error, ControllerError)
        how = _first_line(error.controller_failure)
        raise WorkerDiedError(None, job.max_failures + 1, how) from error
    last = _attempts(console) - 1
    for report in console.reports():
        # The reports are in the order of arrival: the first one made the others fail.
        if report.attempt == last and not report.outcome.ok:
            first, origin = failure(report.rank, report.outcome)
            raise first from (origin or error)
    raise LaunchError(f"Ray could not carry the run {job.run_id!r} through: {error}") from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]


@contextmanager
def _interruptible(timeout_s: float | None) -> Iterator[None]:
    """Turns Ray's ways of leaving into errors that a caller knows.

    Its exit after Ctrl-C becomes KeyboardInterrupt again, and a timeout `RunTimeoutError`.

    While a run is on, Ray handles SIGINT in the main thread: it aborts the run's controller, which
    ends the workers, and leaves by SystemExit. The handler stays installed; here it is restored.
    """
    if threading.current_thread() is not threading.main_thread():
        if timeout_s is not None:
            raise ValueError(
                f"timeout={timeout_s:g} needs the main thread with the Ray launcher. Call run "
                "there, or leave the timeout out."
            )
        yield
        return
    late = threading.Event()

    def expire() -> None:
        late.set()
        os.kill(os.getpid(), signal.SIGINT)

    timer = None if timeout_s is None else threading.Timer(timeout_s, expire)
    previous = signal.getsignal(signal.SIGINT)
    try:
        if timer is not None:
            timer.start()
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        if late.is_set():
            assert timeout_s is not None
            raise RunTimeoutError(timeout_s) from None
        if isinstance(stop, SystemExit) and stop.code in (0, 1):
            raise KeyboardInterrupt from None
        raise
    finally:
        if timer is not None:
            timer.cancel()
        signal.signal(signal.SIGINT, previous)


def _write(data: bytes) -> None:
    """Prints what the chief printed, unchanged; where standard output is no file, as text."""
    stream: Any = sys.stdout
    if hasattr(stream, "buffer"):
        stream.buffer.write(data)
    else:
        stream.write(data.decode(errors="replace"))
    stream.flush()
