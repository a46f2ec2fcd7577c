"""Processes and devices.

One process is enough for several devices (`MirroredStrategy`); several processes, each with one
device, join under `MultiWorkerMirroredStrategy`, which must be made before TensorFlow computes
anything.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import tensorflow as tf
from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
from tensorflow.python.eager import context

from kdist.backend.tensorflow.dtensor import one_axis_a_dim
from kdist.backend.tensorflow.roll_call import roll_call
from kdist.core.coordination import BarrierTimeout, Channel, SingleProcess
from kdist.distribution.communication import Communication
from kdist.distribution.layout import TensorLayout

# How long a process may be silent before its peers' collectives fail instead of hanging.
_HEARTBEAT_TIMEOUT_S = 30
# More than `struct sigaction` takes on any platform.
_SIGACTION_BYTES = 512


class ServiceCoordinator:
    """Barriers over keys of TensorFlow's coordination service, which runs beside the collectives.

    Keys and not the service's own barriers: a key tells who is missing.
    """

    def __init__(self, rank: int, count: int):
        self.rank, self.count = rank, count
        self._uses: Counter[str] = Counter()

    def barrier(self, name: str, timeout_s: float) -> None:
        self._uses[name] += 1
        key = f"kdist/barrier/{name}/{self._uses[name]}"
        context.context().set_config_key_value(f"{key}/{self.rank}", "1")
        self._wait(name, key, list(range(self.count)), timeout_s)

    def put(self, key: str, text: str) -> None:
        context.context().set_config_key_value(f"kdist/text/{key}", text)

    def get(self, key: str) -> str | None:
        try:
            return context.context().get_config_key_value(f"kdist/text/{key}", 10)
        except (tf.errors.NotFoundError, tf.errors.DeadlineExceededError):
            return None

    def leave(self, timeout_s: float) -> None:
        """A last barrier.

        Process 0, which serves the keys, returns when all others have been told that everyone came.
        """
        self.barrier("leave", timeout_s)
        if self.rank == 0:
            self._wait("left", "kdist/left", list(range(1, self.count)), timeout_s)
        else:
            try:
                context.context().set_config_key_value(f"kdist/left/{self.rank}", "1")
            except tf.errors.UnavailableError:
                return  # process 0 has read the key and gone before it could answer

    def _wait(self, name: str, key: str, waiting: list[int], timeout_s: float) -> None:
        service, deadline = context.context(), time.monotonic() + timeout_s
        while waiting:
            # Short waits: the call keeps Python's lock, and the training step needs it.
            if _has_key(service, f"{key}/{waiting[0]}", timeout_ms=10):
                waiting.pop(0)
            elif time.monotonic() >= deadline:
                missing = [r for r in waiting if not _has_key(service, f"{key}/{r}", timeout_ms=10)]
                if missing:
                    raise BarrierTimeout(name, timeout_s, tuple(missing))
                return
            else:
                time.sleep(0.02)


def _has_key(service: Any, key: str, timeout_ms: int) -> bool:
    try:
        service.get_config_key_value(key, timeout_ms)
    except (tf.errors.NotFoundError, tf.errors.DeadlineExceededError):
        return False
    return True


_COMMUNICATION = Communication(regathers=True, scatters=True, adds_first=True)


class TensorFlowRuntime:
    """The processes of this job, and the `tf.distribute` strategies over their devices."""

    statistics_per_replica = True

    def __init__(self) -> None:
        self._rank, self._count = 0, 1
        self._multi_worker: Any = None
        self._coordinator: Channel = SingleProcess()

    def initialize(
        self,
        coordinator: str,
        num_processes: int,
        process_id: int,
        addresses: Sequence[str],
        timeout_s: float,
    ) -> None:
        """Join the cluster; each process serves at its own entry of `addresses`.

        Raises:
            ValueError: if `addresses` does not name every process.
            RuntimeError: if the process has joined already, or has computed something before.
            TimeoutError: if the others did not come within `timeout_s` seconds.
        """
        if self._multi_worker is not None:
            raise RuntimeError("initialize: this process already belongs to a job. Call it once.")
        if len(addresses) != num_processes:
            raise ValueError(
                f"addresses={list(addresses)} names {len(addresses)} processes and num_processes is {num_processes}. "
                "TensorFlow needs the 'host:port' of every process."
            )
        roll_call(coordinator, process_id, num_processes, timeout_s)
        _keep_one_gpu(int(os.environ.get("KDIST_LOCAL_RANK", "0")))
        with _keeping_sigterm():
            context.context().configure_coordination_service(
                service_type="standalone",
                service_leader="/job:worker/replica:0/task:0",
                cluster_register_timeout_in_ms=int(timeout_s * 1000),
                heartbeat_timeout_in_ms=_HEARTBEAT_TIMEOUT_S * 1000,
                coordinated_jobs=[
                    coordination_config_pb2.CoordinatedJob(name="worker", num_tasks=num_processes)
                ],
            )
            resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
                tf.train.ClusterSpec({"worker": list(addresses)}),
                task_type="worker",
                task_id=process_id,
                rpc_layer="grpc",
            )
            kinds = tf.distribute.experimental.CommunicationImplementation
            kind = kinds.NCCL if tf.config.list_physical_devices("GPU") else kinds.RING
            options = tf.distribute.experimental.CommunicationOptions(implementation=kind)
            self._multi_worker = tf.distribute.MultiWorkerMirroredStrategy(resolver, options)
        self._rank, self._count = process_id, num_processes
        self._coordinator = ServiceCoordinator(process_id, num_processes)

    def shutdown(self, failed: bool) -> None:
        """Leave the job.

        Unless this process failed, wait for the others first: process 0 serves the coordination
        service.

        TensorFlow has no way back: the process cannot join another job.
        """
        if self._multi_worker is None:
            return
        self._multi_worker.extended._stop_check_health_thread()
        if not failed and isinstance(self._coordinator, ServiceCoordinator):
            self._coordinator.leave(60.0)
        self._coordinator = SingleProcess()

    def communication(self, kind: str) -> Communication:
        return _COMMUNICATION

    def possible_layout(self, layout: TensorLayout, shape: Sequence[int]) -> tuple:
        """What DTensor makes of a layout, and, if that is another one, why."""
        if layout.is_replicated:
            return layout, ""
        fitted = one_axis_a_dim(layout, shape)
        same = all(fitted.shards(dim) == layout.shards(dim) for dim in range(len(shape)))
        return fitted, "" if same else "DTensor cuts a dim along one mesh axis"

    def process_index(self) -> int:
        return self._rank

    def process_count(self) -> int:
        return self._count

    def list_devices(self, device_type: str | None = None) -> list[str]:
        """Names of the devices of all processes, e.g. "cpu:0"; default: GPUs if there are any."""
        kind = _kind(device_type)
        return [
            f"{kind.lower()}:{i}"
            for i in range(len(_local_devices(kind, self._count)) * self._count)
        ]

    def local_device_count(self) -> int:
        return len(_local_devices(_kind(None), self._count))

    def coordinator(self) -> Channel:
        return self._coordinator

    def strategy(self, devices: tuple[str, ...]) -> Any:
        """The `tf.distribute` strategy over devices named as in `list_devices`."""
        return self._multi_worker if self._count > 1 else _mirrored(devices)


@contextmanager
def _keeping_sigterm() -> Iterator[None]:
    """Put back the SIGTERM handler that stood before TensorFlow's.

    Its coordination service catches SIGTERM to tell its peers, and the process then outlives it.

    By the C library, since Python sets handlers in the main thread alone, and a worker of Ray joins
    in another.
    """
    libc = ctypes.CDLL(None)
    before = ctypes.create_string_buffer(_SIGACTION_BYTES)
    libc.sigaction(signal.SIGTERM, None, before)
    try:
        yield
    finally:
        libc.sigaction(signal.SIGTERM, before, None)


def _kind(device_type: str | None) -> str:
    if device_type is None:
        return "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    if device_type.lower() not in ("cpu", "gpu", "tpu"):
        raise ValueError(f"device_type={device_type!r} is not known. Use 'cpu', 'gpu' or 'tpu'.")
    return device_type.upper()


def _local_devices(kind: str, processes: int) -> list:
    devices = tf.config.list_logical_devices(kind)
    if processes == 1:
        return devices
    mine = [d for d in devices if f"/task:{runtime.process_index()}/" in d.name]
    return mine[:1]  # one device for each process


def _make_virtual_cpus() -> None:
    """As many CPU devices as KDIST_CPU_DEVICES says.

    They make several replicas in one process, to try and test strategies on.
    """
    wanted = os.environ.get("KDIST_CPU_DEVICES")
    if wanted is None:
        return
    if not wanted.isdigit() or int(wanted) < 1:
        raise ValueError(f"KDIST_CPU_DEVICES={wanted!r} must be a number of devices, at least 1.")
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * int(wanted)
    )


def _keep_one_gpu(local_rank: int) -> None:
    """One GPU for each process on a host."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        tf.config.set_visible_devices(gpus[local_rank % len(gpus)], "GPU")


@functools.lru_cache(maxsize=8)
def _mirrored(devices: tuple[str, ...]) -> Any:
    names = [d.upper() for d in devices]
    # On CPUs one device adds for all: two sets of devices in one process would share TensorFlow's
    # collective keys, and hang or fail.
    ops = None if names[0].startswith("GPU") else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(names, cross_device_ops=ops)


def device_scope(name: str) -> AbstractContextManager:
    """Tensors are created on the device `name` ("cpu:0", "gpu:1") within."""
    return tf.device(name.upper())


def synchronize() -> None:
    """Wait until what was dispatched has been computed."""
    context.context().sync_executors()
    if tf.config.list_logical_devices("GPU"):
        tf.test.experimental.sync_devices()


_make_virtual_cpus()
runtime = TensorFlowRuntime()
