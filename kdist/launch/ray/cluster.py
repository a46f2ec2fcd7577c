"""The Ray cluster of a run: joined where there is one, started on this host where there is none."""

from __future__ import annotations

import logging
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants
from ray._private.state import state as global_state

from kdist.launch.environ import environment
from kdist.launch.errors import InsufficientResourcesError

# A Ray that we start says it has more CPUs than the host where a run asks for more: two workers
# must train on a laptop of two cores beside everything else. Past this many per core it is a slip.
_WORKERS_PER_CORE = 4
_LOOPBACK = "127.0.0.1"
_OBJECT_STORE_BYTES = 512 * 2**20
_LEAST_OBJECT_STORE_BYTES = 80 * 2**20


@contextmanager
def connected(workers: int, each: Mapping[str, float]) -> Iterator[bool]:
    """Within, ray is connected to a cluster that can hold the run.

    The cluster is, in this order: the one this process is connected to; the one that RAY_ADDRESS
    names (`ray job submit` sets it); a new one on the loopback address, which ends with the block.

    Args:
        workers: number of workers.
        each: what one of them reserves, e.g. `{"CPU": 1}`.

    Yields:
        Whether Ray prints what workers print into this process's terminal.

    Raises:
        InsufficientResourcesError: the cluster can never hold the workers.
        ConnectionError: from ray, when RAY_ADDRESS leads nowhere.
    """
    if ray.is_initialized():
        check_capacity(workers, each)
        yield True
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if os.environ.get("RAY_ADDRESS"):
            ray.init(**quiet)
        else:
            options = _new_cluster(workers, each)
            with _loopback_only():
                ray.init(**quiet, **options)
        check_capacity(workers, each)
        yield False
    finally:
        ray.shutdown()


def check_capacity(workers: int, each: Mapping[str, float]) -> None:
    """Refuses more workers than the connected cluster can ever hold.

    It counts every live node as empty, and what its autoscaler may add.

    Raises:
        InsufficientResourcesError: with what was asked for and what there is.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    fit = sum(fitting(node["Resources"], each) for node in nodes)
    growth = global_state.get_max_resources_from_cluster_config()
    if fit >= workers or (growth and fitting(growth, each) >= workers):
        return
    has = "; ".join(
        f"{node['NodeManagerAddress']} has "
        + describe({key: node["Resources"].get(key, 0) for key in each})
        for node in nodes
    )
    grows = f"Its autoscaler stops at {describe(growth)}. " if growth else "It has no autoscaler. "
    raise InsufficientResourcesError(
        f"workers={workers} with {describe(each)} each can never fit this Ray cluster: {has}. "
        f"{grows}At most {fit} such workers fit now. Ask for fewer workers, for less in "
        "resources_per_worker, or add nodes."
    )


def fitting(resources: Mapping[str, float], each: Mapping[str, float]) -> int:
    """Returns how many workers that reserve `each` fit into `resources`."""
    return int(min(resources.get(key, 0) // need for key, need in each.items() if need > 0))


def describe(resources: Mapping[str, float]) -> str:
    """Returns e.g. `4 CPU, 1 GPU`."""
    return ", ".join(f"{amount:g} {key}" for key, amount in resources.items())


def _new_cluster(workers: int, each: Mapping[str, float]) -> dict[str, Any]:
    """Arguments of `ray.init` for a cluster of this host alone that can hold the run."""
    cores = os.cpu_count() or 1
    needed = math.ceil(workers * each.get("CPU", 0))
    if needed > _WORKERS_PER_CORE * cores:
        most = fitting({"CPU": _WORKERS_PER_CORE * cores}, {"CPU": each["CPU"]})
        raise InsufficientResourcesError(
            f"workers={workers} with {describe(each)} each need {needed} CPUs; this host has "
            f"{cores} cores, and a Ray started here holds at most {most} such workers "
            f"({_WORKERS_PER_CORE} CPUs per core). Ask for fewer workers, or set RAY_ADDRESS to "
            "join a larger cluster."
        )
    return {
        "address": "local",
        "num_cpus": max(cores, needed),
        "include_dashboard": False,
        "object_store_memory": _object_store_bytes(),
        "_node_ip_address": _LOOPBACK,
    }


@contextmanager
def _loopback_only() -> Iterator[None]:
    """Keeps a Ray that starts within to the loopback address and to few processes.

    It starts no more of them than a run on one host needs.

    On Linux, Ray replaces 127.0.0.1 by the host's outer address and then listens on all of them,
    for anyone to run code here. This is the setting by which it stays inside on macOS and Windows;
    Ray reads its variable once, at import, and its constant each time.
    """
    constant = ray_constants.ENABLE_RAY_CLUSTER
    variables = {
        ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR: "0",
        # Idle workers that Ray starts ahead cost a second of a core each; the run's own workers
        # have an environment of their own and cannot use them.
        "RAY_prestart_worker_first_driver": "0",
        "RAY_enable_worker_prestart": "0",
    }
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        with environment(variables):
            yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = constant


def _object_store_bytes() -> int:
    """Half of the shared memory at most: containers often have 64 MiB, and Ray would warn."""
    shared = Path("/dev/shm")
    free = shutil.disk_usage(shared).free if shared.is_dir() else _OBJECT_STORE_BYTES
    return max(_LEAST_OBJECT_STORE_BYTES, min(_OBJECT_STORE_BYTES, free // 2))
