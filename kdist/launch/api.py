"""`run` and `run_script`: check the request, make a `Job`, hand it to a launcher."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kdist.core import config
from kdist.launch.launcher import Job, Launcher, RunResult, resolve_launcher
from kdist.launch.targets import FunctionTarget, ScriptTarget

RENDEZVOUS = "kdist.launch.rendezvous:data_parallel"


def run(
    fn: Callable[..., Any],
    workers: int = 2,
    *,
    launcher: str | Launcher = "ray",
    backend: str | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    resources_per_worker: Mapping[str, float] | None = None,
    max_failures: int = 3,
    env: Mapping[str, str] | None = None,
    storage: str | os.PathLike[str] | None = None,
    name: str | None = None,
    timeout: float | None = None,
    rendezvous: str | Callable[[], Any] = RENDEZVOUS,
) -> RunResult:
    """Calls `fn(*args, **kwargs)` on every one of `workers` processes, which train together.

    Before `fn` is called, the processes have met (`jax.distributed`, a torch process group, or a
    TensorFlow cluster) and `DataParallel()` is the strategy. The chief (rank 0) alone prints to
    this terminal. When a worker dies, all are restarted, and `fn` is called again from its start:
    let it resume from its newest checkpoint.

    Args:
        fn: any function; functions of `__main__` and lambdas are shipped by value.
        workers: number of processes, at least 1.
        launcher: "ray", "local", or a configured `Launcher`.
        backend: "jax", "torch" or "tensorflow"; by default the one selected here.
        args: positional arguments of `fn`; shipped to every worker.
        kwargs: keyword arguments of `fn`.
        resources_per_worker: what each worker reserves, e.g. `{"CPU": 4, "GPU": 1}`.
        max_failures: restarts after the death of a worker before the run is given up. An exception
            that `fn` raises is final.
        env: further environment variables for the workers.
        storage: folder for the runs' logs; `~/.cache/kdist/runs` by default. On a Ray cluster of
            several hosts, a path or URL that all of them share.
        name: name of the run; letters, digits, `.`, `_`, `-`. Made from the time by default.
        timeout: seconds after which the run is ended and `RunTimeoutError` is raised.
        rendezvous: a function returning a context manager, entered on each worker around `fn`;
            pass `contextlib.nullcontext` for functions that need no communication.

    Returns:
        A `RunResult`: `.value` from the chief, `.values` by rank, `.attempts`.

    Raises:
        WorkerError: `fn` raised; the error names the rank and carries its traceback.
        WorkerDiedError: workers died more often than `max_failures` allows.
        InsufficientResourcesError: so many workers can never fit.
        RunTimeoutError: `timeout` went by.
        ValueError: an argument is out of its range.

    Example:
        >>> def train():
        ...     ...  # build a model, fit it
        >>> run(train, workers=2, launcher="local").value  # doctest: +SKIP
    """
    if not callable(fn):
        raise TypeError(f"fn={fn!r} is not callable. Pass the function itself: run(train, ...).")
    target = FunctionTarget(fn, tuple(args), dict(kwargs or {}))
    job = Job(
        target=target,
        workers=_whole("workers", workers, 1),
        backend=_backend(backend),
        run_id=_run_id(name),
        storage=_storage(storage),
        rendezvous=rendezvous,
        resources_per_worker=_resources(resources_per_worker),
        max_failures=_whole("max_failures", max_failures, 0),
        env={key: str(value) for key, value in (env or {}).items()},
        timeout=_seconds(timeout),
    )
    return resolve_launcher(launcher).run(job)


def run_script(
    script: str | os.PathLike[str], argv: Sequence[str] = (), workers: int = 2, **options: Any
) -> RunResult:
    """Runs a Python script as `__main__` on every worker: `kdist run` as a function.

    Args:
        script: path of the script; its folder is importable, its source is shipped.
        argv: the script's arguments.
        workers: number of processes.
        **options: the keyword arguments of `run` from `launcher` on, without `args` and `kwargs`.

    Returns:
        As `run`; the values are None.

    Raises:
        FileNotFoundError: when there is no such script. Otherwise as `run`.
    """
    target = ScriptTarget.read(os.fspath(script), tuple(argv))
    return run(target, workers, **options)


def _whole(argument: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{argument}={value!r} must be a whole number, at least {least}.")
    return value


def _seconds(timeout: float | None) -> float | None:
    if timeout is not None and not timeout > 0:
        raise ValueError(f"timeout={timeout!r} must be a positive number of seconds, or None.")
    return timeout


def _backend(name: str | None) -> str:
    if name is None:
        return config.backend()
    if name not in config.BACKENDS:
        known = ", ".join(repr(known) for known in config.BACKENDS)
        raise ValueError(f"backend={name!r} is not known. Use one of {known}.")
    return name


def _resources(resources: Mapping[str, float] | None) -> dict[str, float]:
    wanted = dict(resources or {})
    for key, amount in wanted.items():
        if not isinstance(amount, (int, float)) or amount < 0:
            raise ValueError(
                f"resources_per_worker[{key!r}]={amount!r} must be a number, 0 or more."
            )
    return wanted


def _storage(storage: str | os.PathLike[str] | None) -> str:
    text = str(Path("~/.cache/kdist/runs")) if storage is None else os.fspath(storage)
    return text if "://" in text else str(Path(text).expanduser().absolute())


def _run_id(name: str | None) -> str:
    if name is None:
        return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError(f"name={name!r} may hold letters, digits, '.', '_' and '-' only.")
    return name
