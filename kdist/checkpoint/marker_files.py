"""Waiting for each other through files on storage that all processes see."""

from __future__ import annotations

import os
import time
from collections import Counter

from kdist.checkpoint.errors import CheckpointError
from kdist.checkpoint.storage import Store, require_visible_to, resolve
from kdist.core.coordination import BarrierTimeout


class FileCoordinator:
    """A `Coordinator` that needs nothing but shared storage.

    Arriving at a barrier is writing a file; waiting is looking for the others'. So it suits
    barriers that are seconds apart, as around a checkpoint, not steps.

    Arguments:
        url: a folder that all processes see: a shared path, s3:// or gs://.
        rank: this process, from 0.
        count: the number of processes.
        run_id: tells this run from all others in the folder, including an earlier start of the
            same job: the files of another run would open this one's barriers. Every process
            passes the same one.
        poll_s: how often to look, in seconds.

    Raises:
        ValueError: for a rank outside 0..count-1 or an unusable run_id.

    Example:
        >>> FileCoordinator("/shared/run/.sync", rank=0, count=2, run_id="20300101-1")
    """

    def __init__(
        self,
        url: str | os.PathLike[str],
        rank: int,
        count: int,
        run_id: str,
        poll_s: float = 0.02,
    ) -> None:
        if not 0 <= rank < count:
            raise ValueError(f"rank: {rank} must be at least 0 and less than count ({count}).")
        if not run_id or "/" in run_id:
            raise ValueError(f"run_id: {run_id!r} must be a non-empty name without '/'.")
        location = resolve(url)
        require_visible_to(location, count)
        self.rank = rank
        self.count = count
        self._store = Store(location)
        self._run_id = run_id
        self._poll_s = poll_s
        self._uses: Counter[str] = Counter()
        self._previous: str | None = None

    def barrier(self, name: str, timeout_s: float) -> None:
        """Waits for all processes; see `Coordinator.barrier`."""
        if "/" in name:
            raise CheckpointError(f"name: the barrier {name!r} must not contain '/'.")
        self._uses[name] += 1
        folder = f"{self._run_id}/{name}.{self._uses[name]}"
        self._store.write(f"{folder}/{self.rank}", b"")
        deadline = time.monotonic() + timeout_s
        missing = [rank for rank in range(self.count) if rank != self.rank]
        while missing := [r for r in missing if self._store.read(f"{folder}/{r}") is None]:
            if time.monotonic() > deadline:
                raise BarrierTimeout(name, timeout_s, tuple(missing))
            time.sleep(self._poll_s)
        # Everyone is here, so everyone has left the barrier before: its file has done its work.
        if self._previous is not None:
            self._store.delete(self._previous)
        self._previous = f"{folder}/{self.rank}"
