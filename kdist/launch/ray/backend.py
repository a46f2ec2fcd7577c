"""The Ray Train backend: it tells every worker its place in the run, and nothing else.

The rendezvous itself happens on the worker, in the training thread, around the function. What fails
in `on_start` is fatal to the run: Ray never frees the placement group of that attempt, and on a
cluster that is just large enough the next attempt waits for it forever.
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError
from ray.train.backend import Backend, BackendConfig
from ray.train.v2.api.callback import UserCallback

from kdist.core.environment import WorkerEnv
from kdist.launch.errors import WorkerError
from kdist.launch.ports import free_ports

_logger = logging.getLogger(__name__)


@dataclass
class KdistBackendConfig(BackendConfig):
    """Settings that travel to the controller, and the controller's count of attempts.

    Args:
        run_id: name of the run.
        attempt: number of the next attempt; the controller counts it up.
    """

    run_id: str = ""
    attempt: int = 0

    @property
    def backend_cls(self) -> type[Backend]:
        return KdistBackend


class KdistBackend(Backend):
    """Writes `WorkerEnv` into every worker's environment."""

    def on_start(self, worker_group: Any, backend_config: BackendConfig) -> None:
        """Called on the controller, once per attempt, when all workers are up."""
        assert isinstance(backend_config, KdistBackendConfig)
        attempt = backend_config.attempt
        backend_config.attempt += 1
        try:
            _tell_places(worker_group, backend_config.run_id, attempt)
        except RayError as error:
            # A worker died just now. Ray will see that by itself and start the next attempt; see
            # above why nothing may be raised here. Workers without a place refuse to train.
            _logger.warning("Could not tell the workers their places: %s", error)


class StopOnException(UserCallback):
    """Ends the run at an exception of the user's function, instead of repeating it.

    Ray retries whatever ends a worker. A function that raised will raise again, and the user
    would wait several restarts for the traceback. Deaths, and a rendezvous that failed, are left
    to Ray; a peer's death makes the survivors raise as well, so any death wins.
    """

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Called on the controller with every failed rank's exception."""
        causes = {rank: user_exception(error) for rank, error in worker_exceptions.items()}
        final = {rank: cause for rank, cause in causes.items() if isinstance(cause, WorkerError)}
        if final and len(final) == len(causes):
            raise final[min(final)]


def user_exception(error: BaseException) -> BaseException:
    """Returns what the worker raised; Ray wraps it together with its traceback's text."""
    return getattr(error, "_base_exc", error)


def _tell_places(worker_group: Any, run_id: str, attempt: int) -> None:
    workers = worker_group.get_workers()
    hosts: dict[str, list[int]] = defaultdict(list)
    for rank, worker in enumerate(workers):
        hosts[worker.metadata.node_id].append(rank)
    # One worker per host asks for all of its host's ports: asked apart, two could get the same.
    asked = {
        ranks[0]: worker_group.execute_single_async(
            ranks[0], free_ports, len(ranks), workers[ranks[0]].metadata.node_ip
        )
        for ranks in hosts.values()
    }
    addresses = [""] * len(workers)
    for ranks in hosts.values():
        for rank, port in zip(ranks, ray.get(asked[ranks[0]]), strict=True):
            addresses[rank] = f"{workers[rank].metadata.node_ip}:{port}"
    told = []
    for rank, worker in enumerate(workers):
        place = WorkerEnv(
            rank=rank,
            world_size=len(workers),
            local_rank=worker.distributed_context.local_rank,
            local_world_size=worker.distributed_context.local_world_size,
            coordinator=addresses[0],
            addresses=tuple(addresses),
            run_id=run_id,
            attempt=attempt,
        )
        told.append(worker_group.execute_single_async(rank, _set_environment, place.to_env()))
    ray.get(told)


def _set_environment(variables: dict[str, str]) -> None:
    os.environ.update(variables)
