"""How the processes of one run wait for each other outside the training step.

A background thread that saves a checkpoint must not use the training step's own collectives: a
barrier of the training group from a second thread hangs or mixes with the step's messages. A
`Coordinator` is a separate channel. Backends implement it with what their runtime has (a
key-value store, a coordination service); `kdist.checkpoint.FileCoordinator` needs nothing but
shared storage.
"""

from __future__ import annotations

import time
from typing import Protocol, runtime_checkable


class BarrierTimeout(TimeoutError):
    """Not every process reached a barrier in time.

    Attributes:
        name: the barrier.
        timeout_s: how long this process waited, in seconds.
        missing: the ranks that did not arrive, or None where the channel cannot tell.
    """

    def __init__(self, name: str, timeout_s: float, missing: tuple[int, ...] | None = None) -> None:
        self.name = name
        self.timeout_s = timeout_s
        self.missing = missing
        who = (
            "not every rank" if missing is None else f"rank(s) {', '.join(map(str, missing))} never"
        )
        super().__init__(f"barrier {name!r}: {who} arrived within {timeout_s:g} s.")


@runtime_checkable
class Coordinator(Protocol):
    """The contract.

    Attributes:
        rank: this process, from 0; rank 0 is the chief.
        count: the number of processes.
    """

    @property
    def rank(self) -> int: ...

    @property
    def count(self) -> int: ...

    def barrier(self, name: str, timeout_s: float) -> None:
        """Returns once all `count` processes have called it with this name.

        It may be called from a background thread while the training step runs, and must not use
        the training step's collectives. The same name may come again: the n-th use on one process
        meets the n-th use on the others.

        Raises:
            BarrierTimeout: when they did not all arrive within `timeout_s` seconds; where the
                channel can tell, it names the missing ranks.
        """
        ...


@runtime_checkable
class Channel(Coordinator, Protocol):
    """A coordinator that also carries short texts. A backend's `Runtime.coordinator()` is one."""

    def put(self, key: str, text: str) -> None:
        """Leave `text` for the other processes. A key is used once."""
        ...

    def get(self, key: str) -> str | None:
        """What some process left under `key`, or None if nothing is there now. Does not wait."""
        ...


class SingleProcess:
    """The channel of a run that is one process: nobody to wait for."""

    rank = 0
    count = 1

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def barrier(self, name: str, timeout_s: float) -> None:
        """Returns at once."""

    def put(self, key: str, text: str) -> None:
        self._texts[key] = text

    def get(self, key: str) -> str | None:
        return self._texts.get(key)


def share(channel: Channel, name: str, text: str, timeout_s: float) -> list[str]:
    """Every process's `text`, in the order of ranks. All processes call it, with a new `name` each time.

    Raises:
        BarrierTimeout: when they did not all arrive within `timeout_s` seconds.
    """
    channel.put(f"{name}/{channel.rank}", text)
    deadline = time.monotonic() + timeout_s
    channel.barrier(name, timeout_s)
    return [_await(channel, name, rank, timeout_s, deadline) for rank in range(channel.count)]


def _await(channel: Channel, name: str, rank: int, timeout_s: float, deadline: float) -> str:
    """The text of a process that has left it: a busy service may still be slow to hand it out."""
    while (text := channel.get(f"{name}/{rank}")) is None:
        if time.monotonic() >= deadline:
            raise BarrierTimeout(name, timeout_s, (rank,))
        time.sleep(0.01)
    return text
