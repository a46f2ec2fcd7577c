"""Processes and devices: one process per device, joined in a torch process group."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Sequence

import torch
import torch.distributed as dist

from kdist.backend.torch import buckets, device, sharding
from kdist.core.coordination import BarrierTimeout, Channel, SingleProcess
from kdist.distribution.communication import Buckets, Communication, Units

# Far above any honest wait between two collectives; hangs are found by the launcher's watchdog long before.
_COLLECTIVE_TIMEOUT = datetime.timedelta(minutes=30)


class StoreCoordinator:
    """Barriers over keys of a `torch.distributed.Store`, by a connection of its own, beside the training group.

    Arguments:
        store: a connection that nobody else uses.
        rank, count: this process's number, and how many there are.
    """

    def __init__(self, store: dist.Store, rank: int, count: int):
        self._store, self.rank, self.count = store, rank, count
        self._uses: Counter[str] = Counter()

    def barrier(self, name: str, timeout_s: float) -> None:
        self._uses[name] += 1
        key = f"barrier/{name}/{self._uses[name]}"
        self._store.set(f"{key}/{self.rank}", b"1")
        deadline = time.monotonic() + timeout_s
        waiting = [f"{key}/{r}" for r in range(self.count)]
        # Polled: a blocking wait would hold the connection's lock, and could not tell who is missing.
        pause = 0.001
        while waiting:
            waiting = [k for k in waiting if not self._store.check([k])]
            if not waiting:
                return
            if time.monotonic() >= deadline:
                raise BarrierTimeout(
                    name, timeout_s, tuple(int(k.rsplit("/", 1)[1]) for k in waiting)
                )
            time.sleep(pause)
            pause = min(2 * pause, 0.05)

    def put(self, key: str, text: str) -> None:
        self._store.set(f"text/{key}", text.encode())

    def get(self, key: str) -> str | None:
        key = f"text/{key}"
        return self._store.get(key).decode() if self._store.check([key]) else None

    def leave(self, timeout_s: float) -> None:
        """A last barrier. Process 0, which serves the keys, leaves when nobody asks for them any more."""
        self.barrier("leaving", timeout_s)
        if self.rank != 0:
            self._store.set(f"left/{self.rank}", b"1")
            return
        deadline = time.monotonic() + timeout_s
        while not all(self._store.check([f"left/{r}"]) for r in range(1, self.count)):
            if time.monotonic() >= deadline:
                return  # the barrier was met: a process that died since then is not waited for
            time.sleep(0.001)


class TorchRuntime:
    """The process group of this job; a job of one process has none."""

    statistics_per_replica = True

    def __init__(self) -> None:
        self._coordinator: Channel = SingleProcess()
        self._joined = False

    def initialize(
        self,
        coordinator: str,
        num_processes: int,
        process_id: int,
        addresses: Sequence[str],
        timeout_s: float,
    ) -> None:
        """Join the group through the store that process 0 serves at `coordinator`, "host:port".

        Raises:
            RuntimeError: if this process already belongs to a group.
            TimeoutError: if the others did not come within `timeout_s` seconds.
        """
        if self._joined or dist.is_initialized():
            raise RuntimeError(
                "initialize: this process already belongs to a process group. Call it once, or shutdown() first."
            )
        host, _, port = coordinator.rpartition(":")
        limit = datetime.timedelta(seconds=timeout_s)
        serves = process_id == 0
        try:
            store = dist.TCPStore(
                host, int(port), num_processes, serves, timeout=limit, wait_for_workers=True
            )
            if device.DEFAULT.type == "cuda":
                torch.cuda.set_device(device.DEFAULT)
            backend = "cpu:gloo,cuda:nccl" if device.DEFAULT.type == "cuda" else "gloo"
            dist.init_process_group(
                backend,
                store=dist.PrefixStore("group", store),
                rank=process_id,
                world_size=num_processes,
                timeout=_COLLECTIVE_TIMEOUT,
            )
        except dist.DistError as e:
            raise TimeoutError(
                f"Process {process_id} of {num_processes} found no complete job at {coordinator} within "
                f"{timeout_s:g} s: {e}"
            ) from e
        aside = dist.TCPStore(
            host, int(port), num_processes, False, timeout=limit, wait_for_workers=False
        )
        self._coordinator = StoreCoordinator(
            dist.PrefixStore("kdist", aside), process_id, num_processes
        )
        self._joined = True

    def shutdown(self, failed: bool) -> None:
        """Leave the group. Unless this process failed, wait for the others first: process 0 serves their store."""
        if not self._joined:
            return
        self._joined = False
        if not failed and isinstance(self._coordinator, StoreCoordinator):
            self._coordinator.leave(60.0)
        dist.destroy_process_group()
        self._coordinator = SingleProcess()

    def communication(self, kind: str) -> Communication:
        """FSDP2 gathers and reduces by units; gradients of whole parameters travel in buckets."""
        return Communication(
            regathers=True,
            scatters=True,
            adds_first=True,
            gathers_once=True,
            keeps_data=True,
            gives_whole=True,
            skips=True,
            units=Units(  # gloo copies
                sharding.SMALL_UNIT_BYTES, sharding.SMALL_UNITS_BYTES, sent_copies=kind == "cpu"
            ),
            buckets=Buckets(buckets.BYTES, buckets.FIRST_BYTES, marks=1),
        )

    def process_index(self) -> int:
        return dist.get_rank() if dist.is_initialized() else 0

    def process_count(self) -> int:
        return dist.get_world_size() if dist.is_initialized() else 1

    def list_devices(self, device_type: str | None = None) -> list[str]:
        """One name for each process: torch drives one device from one process."""
        kind = "gpu" if device.DEFAULT.type == "cuda" else device.DEFAULT.type
        wanted = kind if device_type is None else device_type.lower()
        if wanted not in ("cpu", "gpu", "tpu"):
            raise ValueError(
                f"device_type={device_type!r} is not known. Use 'cpu', 'gpu' or 'tpu'."
            )
        return (
            [f"{wanted}:{i}" for i in range(self.process_count())]
            if wanted in (kind, "cpu")
            else []
        )

    def local_device_count(self) -> int:
        return 1

    def coordinator(self) -> Channel:
        return self._coordinator


runtime = TorchRuntime()
