"""`EarlyStopping`: end training once a number stops getting better."""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.callbacks import console
from kdist.callbacks.monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Ends training after `patience` epochs without an improvement of `monitor`.

    Arguments:
        monitor: name of the log to watch.
        min_delta: by how much it must be better to count.
        patience: number of epochs without improvement to wait for.
        verbose: 1 says when it acts.
        mode: "min" or "max": which is better; "auto" asks the metric of that name.
        baseline: what must be exceeded for the waiting to begin anew.
        restore_best_weights: set the weights of the best epoch at the end of training. They are
            kept in host memory, and in checkpoints.
        start_from_epoch: epochs before this one, from 0, are not looked at.

    A run that is resumed after it stopped ends at once, and so does not train on.

    Example:
        model.fit(x, y, validation_split=0.1, callbacks=[EarlyStopping(patience=2)])
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.best_epoch = self.stopped_epoch = self.wait = 0
        self.best_weights: list[np.ndarray] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        current = self._monitored(logs, "training is not stopped early")
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep_weights(epoch)
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self._keep_weights(epoch)
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep_weights(self, epoch: int) -> None:
        # Copies: a NumPy view of a framework's memory would go on changing.
        self.best_weights = [np.array(w) for w in self.model.get_weights()]
        self.best_epoch = epoch

    def on_train_end(self, logs: Any = None) -> None:
        if self.verbose and self.stopped_epoch:
            console.announce(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                console.announce(f"The weights are those of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def get_state(self) -> dict[str, Any]:
        weights = {f"weight_{i:05d}": w for i, w in enumerate(self.best_weights or ())}
        names = ("best", "best_epoch", "stopped_epoch", "wait")
        return {**{name: getattr(self, name) for name in names}, **weights}

    def set_state(self, state: dict[str, Any]) -> None:
        weights = [state[k] for k in sorted(state) if k.startswith("weight_")]
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.stopped_epoch, self.wait = state["stopped_epoch"], state["wait"]
        self.best_weights = weights or None
        if self.stopped_epoch and self.wait >= self.patience:
            self.model.stop_training = True
