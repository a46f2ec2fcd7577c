"""What a launcher tells a worker about its place in the run, carried in environment variables.

A launcher writes these variables before the worker's first import; the rendezvous
(`kdist.distribution.initialize`) reads them. Environment variables are the one channel that every
way of starting a process shares: a subprocess, a Ray actor, a Slurm step, a container.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerEnv:
    """One worker's place in a run of `world_size` processes.

    Args:
        rank: this process's index in the run, `0 <= rank < world_size`. Rank 0 is the chief.
        world_size: number of processes in the run.
        local_rank: this process's index among those on the same host.
        local_world_size: number of processes of the run on the same host.
        coordinator: `"host:port"` of the rendezvous; it equals `addresses[0]`.
        addresses: `"host:port"` of every rank, in rank order; no two ranks share one.
        run_id: name of the run; the same on every rank and in every attempt.
        attempt: 0 for the first start, one more after each restart.

    Raises:
        ValueError: when the fields contradict each other.

    Example:
        >>> env = WorkerEnv(0, 1, 0, 1, "127.0.0.1:4000", ("127.0.0.1:4000",), "demo", 0)
        >>> WorkerEnv.from_env(env.to_env()) == env
        True
    """

    rank: int
    world_size: int
    local_rank: int
    local_world_size: int
    coordinator: str
    addresses: tuple[str, ...]
    run_id: str
    attempt: int

    def __post_init__(self) -> None:
        _require(self.world_size >= 1, "KDIST_WORLD_SIZE", self.world_size, "at least 1")
        ranks = f"between 0 and {self.world_size - 1}"
        _require(0 <= self.rank < self.world_size, "KDIST_RANK", self.rank, ranks)
        fits = 1 <= self.local_world_size <= self.world_size
        limit = f"between 1 and the world size, {self.world_size}"
        _require(fits, "KDIST_LOCAL_WORLD_SIZE", self.local_world_size, limit)
        inside = 0 <= self.local_rank < self.local_world_size
        ranks = f"between 0 and {self.local_world_size - 1}"
        _require(inside, "KDIST_LOCAL_RANK", self.local_rank, ranks)
        enough = len(self.addresses) == self.world_size
        distinct = len(set(self.addresses)) == len(self.addresses)
        shape = f"{self.world_size} distinct host:port entries, one per rank"
        _require(enough and distinct, "KDIST_ADDRESSES", ",".join(self.addresses), shape)
        for address in (self.coordinator, *self.addresses):
            host, _, port = address.rpartition(":")
            _require(bool(host) and port.isdigit(), "KDIST_ADDRESSES", address, "host:port")
        _require(self.attempt >= 0, "KDIST_ATTEMPT", self.attempt, "0 or more")

    @property
    def is_chief(self) -> bool:
        """True on rank 0, the only rank that prints."""
        return self.rank == 0

    def to_env(self) -> dict[str, str]:
        """Returns the environment variables that say this, ready for `os.environ.update`."""
        return {
            "KDIST_RANK": str(self.rank),
            "KDIST_WORLD_SIZE": str(self.world_size),
            "KDIST_LOCAL_RANK": str(self.local_rank),
            "KDIST_LOCAL_WORLD_SIZE": str(self.local_world_size),
            "KDIST_COORDINATOR": self.coordinator,
            "KDIST_ADDRESSES": ",".join(self.addresses),
            "KDIST_RUN_ID": self.run_id,
            "KDIST_ATTEMPT": str(self.attempt),
        }

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> WorkerEnv | None:
        """Reads a worker's place from environment variables.

        Args:
            environ: the variables; `os.environ` when None.

        Returns:
            The worker's place, or None when no launcher started this process (`KDIST_RANK` is
            not set): a single-process run.

        Raises:
            ValueError: when a variable is missing or does not parse, by its name.
        """
        source = os.environ if environ is None else environ
        if "KDIST_RANK" not in source:
            return None
        return cls(
            rank=_integer(source, "KDIST_RANK"),
            world_size=_integer(source, "KDIST_WORLD_SIZE"),
            local_rank=_integer(source, "KDIST_LOCAL_RANK"),
            local_world_size=_integer(source, "KDIST_LOCAL_WORLD_SIZE"),
            coordinator=_text(source, "KDIST_COORDINATOR"),
            addresses=tuple(_text(source, "KDIST_ADDRESSES").split(",")),
            run_id=_text(source, "KDIST_RUN_ID"),
            attempt=_integer(source, "KDIST_ATTEMPT"),
        )


def _require(holds: bool, variable: str, received: object, expected: str) -> None:
    if not holds:
        raise ValueError(
            f"{variable} must be {expected}, but it is {received!r}. Launchers set it; start the "
            "workers with `kdist run` or `kdist.launch.run`, or unset KDIST_RANK to run alone."
        )


def _text(source: Mapping[str, str], variable: str) -> str:
    value = source.get(variable, "")
    _require(value != "", variable, value, "set whenever KDIST_RANK is")
    return value


def _integer(source: Mapping[str, str], variable: str) -> int:
    value = _text(source, variable)
    _require(value.lstrip("-").isdigit(), variable, value, "a whole number")
    return int(value)
