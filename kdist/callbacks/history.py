"""`History`: the logs of every epoch."""

from __future__ import annotations

from typing import Any

from kdist.callbacks.callback import Callback


class History(Callback):
    """Records the logs of each epoch. `fit` adds one by itself and returns it.

    Attributes:
        history: name -> list with one value per epoch.
        epoch: the epochs recorded, counted from 0.

    A resumed fit goes on with the records of the run it resumes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        position = (self.params or {}).get("position")
        if position is None:
            self.epoch = []
            return
        # The position is what a checkpoint holds: the records are kept there. Those of an earlier
        # fit with this same object stand before them.
        if not position.history:
            position.history.update(self.history)
        self.history, self.epoch = position.history, position.history_epochs

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
