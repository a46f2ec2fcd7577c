"""The two-phase commit: everyone writes and confirms, then the chief merges and publishes.

    chief: clear the staging folder, put a ticket into it
    == barrier "open" ==
    all:   see the ticket, write the part, confirm with a record (or leave the reason)
    == barrier "written" ==
    chief: read all records, merge, publish
    == barrier "published" ==
    all:   look whether the step is there

A process that fails still goes to the barriers, so a full disk on one of them raises on all of
them at once; only a process that died is waited for until the time is up. What is said through
files can be read whatever the barriers are made of.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kdist.checkpoint import engine, layout, writer
from kdist.checkpoint.errors import CheckpointError
from kdist.checkpoint.layout import Path
from kdist.checkpoint.publication import Publication
from kdist.checkpoint.storage import Store
from kdist.core.coordination import BarrierTimeout, Coordinator
from kdist.core.leaf import Leaf

_log = logging.getLogger(__name__)

_TICKET = "kdist.ticket"


def _record_name(rank: int) -> str:
    return f"kdist.part_{rank}.json"


def _failure_name(rank: int) -> str:
    return f"kdist.failure_{rank}.txt"


@dataclass(frozen=True)
class Attempt:
    """One save of one step by all processes.

    Attributes:
        token: tells this attempt from others, the same on all processes.
        meta: the state of the run, as JSON.
        metrics: numbers that retention may look at.
        compression: "zstd", or None.
        timeout_s: how long to wait for the other processes at each barrier, in seconds.
        tidy: what the chief does once the step is published, such as removing old steps. The other
            processes wait for it, so that all of them see the same steps afterwards.
    """

    store: Store
    publication: Publication
    coordinator: Coordinator
    step: int
    token: str
    leaves: Mapping[Path, Leaf]
    meta: Mapping[str, Any]
    metrics: Mapping[str, float]
    compression: str | None
    timeout_s: float
    tidy: Callable[[], None]

    def run(self) -> None:
        """Saves and publishes the step.

        Raises:
            CheckpointError: on every process, when any of them failed. Published steps are
            untouched.
        """
        started_ns = time.time_ns()
        error: Exception | None = None
        if self._chief:
            try:
                self._open()
            except Exception as e:
                error = e
        self._barrier("open")
        if error is None:
            try:
                self._write()
            except Exception as e:
                error = e
                self._leave_reason(e)
        self._barrier("written")
        others = self._failures_of_others() if error is None else None
        if self._chief and error is None and others is None:
            try:
                self._publish(started_ns)
            except Exception as e:
                error = e
        untidy = self._tidy() if self._chief and error is None and others is None else None
        self._barrier("published")
        if error is None and others is None and not self._published():
            others = "the chief (rank 0) could not publish it; its own error says why"
        if error is not None or others is not None:
            self._discard()
            reason = others if error is None else str(error)
            raise CheckpointError(
                f"Step {self.step} was not saved to {self._where}: {reason}. "
                "The steps published before are untouched."
            ) from error
        if untidy is not None:
            raise untidy

    @property
    def _chief(self) -> bool:
        return self.coordinator.rank == 0

    @property
    def _folder(self) -> str:
        return self.publication.staging(self.step)

    @property
    def _where(self) -> str:
        return self.store.where(self._folder)

    def _file(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _published(self) -> bool:
        return self.publication.published(self.step)

    def _open(self) -> None:
        if self._published():
            raise CheckpointError(
                f"step {self.step} is already published in {self.store.location.url}; "
                "delete(step) it first, or save into another folder"
            )
        self.publication.clear(self.step)
        self.store.write(self._file(_TICKET), self.token.encode())

    def _write(self) -> None:
        if self.store.read(self._file(_TICKET)) != self.token.encode():
            raise CheckpointError(
                f"rank {self.coordinator.rank} finds no folder opened by the chief at "
                f"{self._where}: either rank 0 failed to open it (its own error says why), or this "
                "process sees another file system than rank 0 and needs a shared one"
            )
        rank = self.coordinator.rank
        record = writer.write_part(self.store, self._folder, rank, self.leaves, self.compression)
        self.store.write(self._file(_record_name(rank)), json.dumps(record).encode())

    def _leave_reason(self, error: Exception) -> None:
        rank = self.coordinator.rank
        reason = f"{type(error).__name__}: {error}"
        try:
            self.store.write(self._file(_failure_name(rank)), reason.encode())
        except Exception as e:
            # On a full disk even this may fail; the missing record then speaks for this process.
            _log.warning("rank %d could not leave the reason of its failure: %s", rank, e)

    def _failures_of_others(self) -> str | None:
        reasons = []
        try:
            for rank in range(self.coordinator.count):
                text = self.store.read(self._file(_failure_name(rank)))
                if text is not None:
                    reasons.append(f"rank {rank} failed with {text.decode()}")
                elif self._chief and self.store.read(self._file(_record_name(rank))) is None:
                    reasons.append(
                        f"rank {rank} did not confirm its part in {self._where}; if it has no "
                        "error of its own, it sees another file system than rank 0 and needs a "
                        "shared one"
                    )
        except Exception as e:
            # A storage error here must not keep this process from the barrier that the others
            # wait at.
            reasons.append(f"{type(e).__name__}: {e}")
        return "; ".join(reasons) or None

    def _publish(self, started_ns: int) -> None:
        records = [self._read_record(rank) for rank in range(self.coordinator.count)]
        leaves = writer.merge_records(records)
        parts = [
            r["rank"]
            for r in records
            if r["rank"] == 0 or any(x["checksums"] for x in r["leaves"].values())
        ]
        if leaves:
            engine.merge(
                [self.store.spec(self._file(layout.process_folder(rank))) for rank in parts],
                self.store.spec(self._file(layout.ITEM)),
                engine.new_context(),
            )
        for name in (_TICKET, *map(_record_name, range(self.coordinator.count))):
            self.store.delete(self._file(name))
        body = {
            "format": layout.FORMAT,
            "format_version": layout.FORMAT_VERSION,
            "step": self.step,
            "processes": self.coordinator.count,
            "versions": layout.versions(),
            "metrics": self.metrics,
            "leaves": leaves,
            "state": self.meta,
        }
        self.store.write(
            self._file(f"{layout.ITEM}/{layout.ITEM_METADATA}"),
            json.dumps(layout.item_metadata(self.leaves)).encode(),
        )
        self.store.write(self._file(layout.KDIST_FILE), layout.seal(body).encode())
        self.store.write(self._file(layout.V1_INDICATOR), b"")
        self.store.write(
            self._file(layout.STEP_METADATA), json.dumps(layout.step_metadata(started_ns)).encode()
        )
        self.publication.publish(self.step)

    def _tidy(self) -> Exception | None:
        try:
            self.tidy()
        except Exception as e:
            # Kept until the others have been met: the step itself is saved.
            return e
        return None

    def _read_record(self, rank: int) -> dict[str, Any]:
        data = self.store.read(self._file(_record_name(rank)))
        if data is None:
            raise CheckpointError(f"rank {rank} did not confirm its part in {self._where}")
        record: dict[str, Any] = json.loads(data)
        return record

    def _barrier(self, phase: str) -> None:
        try:
            self.coordinator.barrier(f"{self.token}.{phase}", self.timeout_s)
        except Exception as e:
            who = self._unconfirmed(e, phase)
            self._discard()
            raise CheckpointError(
                f"Step {self.step} was not saved to {self._where}: {who} within "
                f"{self.timeout_s:g} s (barrier {phase!r}: {e}). "
                "The steps published before are untouched."
            ) from e

    def _unconfirmed(self, error: Exception, phase: str) -> str:
        missing = error.missing if isinstance(error, BarrierTimeout) else None
        if missing is None and phase == "written":
            # This channel cannot tell who is missing, but the records can.
            missing = tuple(
                rank
                for rank in range(self.coordinator.count)
                if self.store.read(self._file(_record_name(rank))) is None
            )
        if not missing:
            return "not all processes confirmed"
        return f"rank(s) {', '.join(map(str, missing))} did not confirm"

    def _discard(self) -> None:
        """Removes what was written; what cannot be removed now is reclaimed by a later save."""
        if not self._chief:
            return
        try:
            self.publication.reclaim()
        except Exception as e:
            _log.warning("could not remove the unfinished step in %s: %s", self._where, e)
