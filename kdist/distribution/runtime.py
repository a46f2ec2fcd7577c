"""Processes, devices and the active strategy, as everyone sees them.

The data in this package imports no framework. The backend binds its `Runtime` here when it is loaded.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kdist.core.environment import WorkerEnv
from kdist.distribution.communication import Communication

_runtime: Any = None
_distribute_tensor: Callable[[Any, Any], Any] = lambda tensor, layout: tensor
_native_layout: Callable[[Any], Any] | None = None
_strategy: Any = None
# `kdist parity` runs a script once as if it named no strategy.
_reference = os.environ.get("KDIST_PARITY_ROLE") == "one"
# The top-level package puts here what loads the backend, which binds its runtime.
load_backend: Callable[[], None] = lambda: None


def bind(
    runtime: Any,
    distribute_tensor: Callable[[Any, Any], Any],
    native_layout: Callable[[Any], Any] | None = None,
) -> None:
    """Make the backend's `Runtime` and its functions the process's own. Called by kdist.backend.

    `native_layout` gives the framework's own object for a `TensorLayout`; None where it has none.
    """
    global _runtime, _distribute_tensor, _native_layout
    _runtime, _distribute_tensor = runtime, distribute_tensor
    _native_layout = native_layout


def runtime() -> Any:
    if _runtime is None:
        load_backend()
    if _runtime is None:
        raise RuntimeError("No backend is loaded. Import kdist before using kdist.distribution.")
    return _runtime


def communication(mesh: Any) -> Communication:
    """How the backend's steps communicate over a mesh's devices."""
    return runtime().communication(mesh.device_names[0].partition(":")[0])


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    timeout_s: float = 60.0,
) -> None:
    """Join the processes of this job. Call it before the first computation; kdist's launchers call it themselves.

    Arguments:
        job_addresses: comma-separated "host:port" of all processes in order, or of the coordinator alone; default:
            KDIST_ADDRESSES.
        num_processes: default: KDIST_WORLD_SIZE, else the number of addresses.
        process_id: this process's number; default: KDIST_RANK.
        timeout_s: seconds to wait for the others.

    Without arguments and without these variables it does nothing: a single process needs no rendezvous. Python's
    `random` is seeded alike on all processes; call `kdist.utils.set_random_seed` after this, if at all.
    """
    env = WorkerEnv.from_env()
    addresses = tuple(job_addresses.split(",")) if job_addresses else (env.addresses if env else ())
    count = (
        num_processes
        if num_processes is not None
        else (env.world_size if env else max(len(addresses), 1))
    )
    rank = process_id if process_id is not None else (env.rank if env else 0)
    if count <= 1:
        return
    if not addresses:
        raise ValueError(
            f"initialize(num_processes={count}) needs job_addresses, the 'host:port' of the coordinator or of "
            "every process."
        )
    if not 0 <= rank < count:
        raise ValueError(f"process_id={rank} is outside of 0 .. {count - 1}.")
    coordinator = env.coordinator if env and not job_addresses else addresses[0]
    runtime().initialize(coordinator, count, rank, addresses, timeout_s)
    # Unseeded initial weights and data orders must agree on all processes, and after a restart.
    random.seed(f"kdist {env.run_id if env else ','.join(addresses)}")


def shutdown(failed: bool = False) -> None:
    """Leave the job's processes; with `failed`, without waiting for them."""
    if _runtime is not None:
        _runtime.shutdown(failed)


def process_index() -> int:
    """This process's number among the job's."""
    return runtime().process_index()


def process_count() -> int:
    """The number of the job's processes."""
    return runtime().process_count()


def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of all processes, e.g. ["cpu:0", "cpu:1"].

    Arguments:
        device_type: "cpu", "gpu" or "tpu"; default: the fastest kind there is.
    """
    return runtime().list_devices(device_type)


def get_device_count(device_type: str | None = None) -> int:
    """The number of devices of all processes; `device_type` as for `list_devices`."""
    return len(list_devices(device_type))


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """`tensor` laid out by `layout`, a TensorLayout with a mesh.

    It is a transfer, or within a step that is compiled a constraint.

    The value stays what it was; only where it lies changes.
    """
    runtime()
    return _distribute_tensor(tensor, layout)


def native_layout(layout: Any) -> Any:
    """What stands for `layout`, a TensorLayout, in the backend's framework."""
    runtime()
    if _native_layout is None:
        raise NotImplementedError(
            "backend_layout: on this backend kdist cuts tensors by itself, and no layout of the framework stands for "
            f"{layout!r}. Use the layout's axes, or the jax or tensorflow backend."
        )
    if layout.device_mesh is None:
        raise ValueError(
            f"backend_layout: {layout!r} has no device_mesh. Pass TensorLayout(axes, device_mesh)."
        )
    return _native_layout(layout)


def distribution() -> Any:
    """The active strategy, or None."""
    return None if _reference else _strategy


def set_distribution(value: Any) -> None:
    """Make `value` (a strategy, or None) the active one: models created from now on are laid out by it."""
    global _strategy
    if value is not None and not hasattr(value, "variable_layout"):
        raise ValueError(
            f"set_distribution expects a strategy such as DataParallel(), and received {value!r}."
        )
    _strategy = value


@contextmanager
def distribution_scope(value: Any) -> Iterator[None]:
    """`value` is the active strategy within."""
    outer = _strategy
    set_distribution(value)
    try:
        yield
    finally:
        set_distribution(outer)
