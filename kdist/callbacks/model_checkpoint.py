"""`ModelCheckpoint`: write the model to one file now and then."""

from __future__ import annotations

import os
import warnings
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

import numpy as np

from kdist.callbacks import console
from kdist.callbacks.monitor import MonitorCallback
from kdist.callbacks.sharded_checkpoint import check_save_freq
from kdist.distribution import process_index
from kdist.saving.state import gather_state


class ModelCheckpoint(MonitorCallback):
    """Writes the model, or its weights, to a file at epoch ends or every so many batches.

    For files to use a model elsewhere. To resume a run, at any number of processes, there is
    `ShardedCheckpoint`. The chief process alone writes; a failure to write raises from fit.

    Arguments:
        filepath: ends in ".keras", or ".weights.h5" for weights. It may have fields: {epoch}
            (from 1), {batch} (from 1, with a `save_freq` in batches) and the logs' names, with
            formats as in "model_{epoch:02d}_{val_loss:.2f}.keras".
        monitor: the log by which models are compared.
        verbose: 1 says when it writes.
        save_best_only: write only when `monitor` is better than ever before.
        save_weights_only: write the weights alone.
        mode: "min" or "max": which is better; "auto" asks the metric of that name.
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: what the first value must be better than.

    Raises:
        ValueError: for a file name of another kind, or an unusable `save_freq`.

    Example:
        ModelCheckpoint("best.keras", monitor="val_acc", save_best_only=True)
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ):
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq = check_save_freq(save_freq, "ModelCheckpoint")
        wanted = ".weights.h5" if save_weights_only else ".keras"
        if not self.filepath.endswith(wanted):
            raise ValueError(
                f"ModelCheckpoint(filepath={self.filepath!r}, save_weights_only="
                f"{save_weights_only}): the name must end in {wanted!r}."
            )
        self.quiet = frozenset({"train"}) if save_freq == "epoch" else frozenset()
        self._epoch = 0
        self._batches = 0  # since the latest save
        self._first_batch = 0  # of those that a dispatch runs

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch, self._first_batch = epoch, 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._first_batch = batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            return
        self._batches += batch + 1 - self._first_batch  # several, if a dispatch runs several
        self._first_batch = batch + 1
        if self._batches >= int(self.save_freq):
            self._batches = 0
            # `logs or {}` would read them.
            self._save(self._epoch, batch, {} if logs is None else logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def get_state(self) -> dict[str, Any]:
        return {"best": self.best, "batches": self._batches}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best, self._batches = state["best"], state["batches"]

    def _save(self, epoch: int, batch: int | None, logs: Mapping) -> None:
        # Every process comes here, with logs that are the same; the chief writes.
        path = self._path(epoch, batch, logs)
        if not self._is_wanted(epoch, path, logs):
            return
        self.model.settle_replicas()
        if process_index() != 0:
            gather_state(self.model)
            return
        if os.path.isdir(path):
            raise IsADirectoryError(
                f"ModelCheckpoint(filepath={self.filepath!r}): {path} is a folder; name a file."
            )
        folder = os.path.dirname(path)
        if folder and "://" not in folder:
            os.makedirs(folder, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _path(self, epoch: int, batch: int | None, logs: Mapping) -> str:
        fields: dict[str, Any] = {"epoch": epoch + 1}
        if batch is not None:
            fields["batch"] = batch + 1
        try:
            # Logs are looked up one by one: a name without them does not wait for the device.
            return self.filepath.format_map(ChainMap(fields, logs))  # type: ignore[arg-type]
        except KeyError as e:
            raise KeyError(
                f"ModelCheckpoint(filepath={self.filepath!r}): there is no {e} to fill in; "
                f"there are {[*fields, *logs]}."
            ) from e

    def _is_wanted(self, epoch: int, path: str, logs: Mapping) -> bool:
        if not self.save_best_only:
            if self.verbose:
                console.announce(f"Epoch {epoch + 1}: saving the model to {path}")
            return True
        current = self._monitored(logs, "every model is saved")
        if current is None:
            return True
        if np.ndim(current) > 0:
            warnings.warn(
                f"ModelCheckpoint(monitor={self.monitor!r}): its values have shape "
                f"{np.shape(current)} and cannot be compared, so every model is saved.",
                stacklevel=2,
            )
            return True
        better = self._is_improvement(current, self.best)
        before = "none" if self.best is None else f"{self.best:.5f}"
        if self.verbose and better:
            text = f"{self.monitor} improved from {before} to {current:.5f}, saving to {path}"
            console.announce(f"Epoch {epoch + 1}: {text}")
        elif self.verbose:
            console.announce(f"Epoch {epoch + 1}: {self.monitor} did not improve from {before}")
        if better:
            self.best = current
        return better
