"""Where a fit stands: what a checkpoint must know, besides arrays, to go on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Position:
    """Where a fit stands.

    `epoch` and `sample` name the next sample to see; `step` counts batches since the first epoch;
    `batch` since this one began.

    `seed` is the data order's. `history` holds the logs of finished epochs.
    """

    epoch: int = 0
    batch: int = 0
    sample: int = 0
    step: int = 0
    seed: int = 0
    history: dict[str, list] = field(default_factory=dict)
    history_epochs: list[int] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Position:
        return cls(**data)
