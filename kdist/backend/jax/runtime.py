"""Processes and devices of jax."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax

# The client of the coordination service has no public name.
from jax._src import distributed as _distributed

from kdist.core.coordination import BarrierTimeout, Channel, SingleProcess
from kdist.distribution.communication import Communication, Statistics

# kill -9 of a process is noticed by the others after this time.
_HEARTBEAT_S = 20
_SHUTDOWN_S = 30


def _client() -> Any:
    return _distributed.global_state.client


def device_by_name(name: str) -> jax.Device:
    """The device called, e.g., "cpu:0" by `list_devices`. Raises ValueError if there is none."""
    kind, _, number = name.lower().partition(":")
    devices = _devices(kind)
    if not number.isdigit() or int(number) >= len(devices):
        names = [f"{kind}:{i}" for i in range(len(devices))]
        raise ValueError(f"There is no device {name!r}; there are {names}.")
    return devices[int(number)]


def _devices(kind: str | None) -> list:
    """The devices of all processes, in an order that is the same on each."""
    if kind is None:
        return jax.devices()
    try:
        return jax.devices(kind)
    except RuntimeError:
        return []


class _ServiceCoordinator:
    """Barriers of jax's coordination service: without devices, and from any thread."""

    def __init__(self, rank: int, count: int):
        self.rank, self.count = rank, count
        self._uses: dict[str, int] = {}

    def barrier(self, name: str, timeout_s: float) -> None:
        use = self._uses[name] = self._uses.get(name, 0) + 1
        try:
            # The service knows a name once only; the n-th use here meets the n-th use there.
            _client().wait_at_barrier(f"kdist/{name}/{use}", int(timeout_s * 1000))
        except jax.errors.JaxRuntimeError as e:
            if "DEADLINE_EXCEEDED" not in str(e):
                raise
            missing = tuple(
                sorted({int(n) for n in re.findall(r"/task:(\d+)", str(e))} - {self.rank})
            )
            raise BarrierTimeout(name, timeout_s, missing or None) from e

    def put(self, key: str, text: str) -> None:
        _client().key_value_set(f"kdist/text/{key}", text)

    def get(self, key: str) -> str | None:
        try:
            return _client().key_value_try_get(f"kdist/text/{key}")
        except jax.errors.JaxRuntimeError as e:
            if "NOT_FOUND" not in str(e):
                raise
            return None


# XLA keeps what was gathered for the forward pass, unless a layer is rematerialized. For GPUs and TPUs its passes make
# reduce-scatters of sums that are cut, and add up what is summed anyway; for CPUs it has neither pass.
_ACCELERATOR = Communication(
    regathers=False,
    scatters=True,
    adds_first=True,
    gathers_once=True,
    finds_equal=True,
    pads=True,
    # Arrays are global: both are sums over all rows, and two more sums and one are what their gradients take.
    statistics=Statistics(forward=2, backward=3, with_gradients=True, unasked=True, prunes=True),
)
_CPU = replace(_ACCELERATOR, scatters=False, adds_first=False)


class Runtime:
    """The contract's `Runtime`."""

    statistics_per_replica = False  # arrays are global

    def __init__(self) -> None:
        self._coordinator: Channel | None = None

    def initialize(
        self,
        coordinator: str,
        num_processes: int,
        process_id: int,
        addresses: Sequence[str],
        timeout_s: float,
    ) -> None:
        if _client() is not None:
            raise RuntimeError(
                "initialize() was called twice in this process. Call it once, at its start."
            )
        jax.distributed.initialize(
            coordinator,
            num_processes,
            process_id,
            local_device_ids=_own_accelerators(),
            cluster_detection_method="deactivate",
            initialization_timeout=max(1, int(timeout_s)),
            heartbeat_timeout_seconds=_HEARTBEAT_S,
            shutdown_timeout_seconds=_SHUTDOWN_S,
        )

    def shutdown(self, failed: bool) -> None:
        if _client() is None or failed:
            # After a failure the others may never come to the barrier that a proper shutdown is;
            # the service notices that
            # this process is gone.
            return
        jax.distributed.shutdown()
        self._coordinator = None

    def communication(self, kind: str) -> Communication:
        return _CPU if kind == "cpu" else _ACCELERATOR

    def process_index(self) -> int:
        return jax.process_index()

    def process_count(self) -> int:
        return jax.process_count()

    def list_devices(self, device_type: str | None = None) -> list[str]:
        kind = device_type.lower() if device_type else jax.default_backend()
        return [f"{kind}:{i}" for i in range(len(_devices(kind)))]

    def local_device_count(self) -> int:
        return jax.local_device_count()

    def coordinator(self) -> Channel:
        if self._coordinator is None:
            count = jax.process_count()
            self._coordinator = (
                _ServiceCoordinator(jax.process_index(), count) if count > 1 else SingleProcess()
            )
        return self._coordinator


def _own_accelerators() -> list[int] | None:
    """The host's accelerators that are this process's: one, if several processes share it."""
    if int(os.environ.get("KDIST_LOCAL_WORLD_SIZE", "1")) > 1:
        return [int(os.environ["KDIST_LOCAL_RANK"])]
    return None
