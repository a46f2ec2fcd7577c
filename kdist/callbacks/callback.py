"""`Callback`: what a program can do at the events of fit, evaluate and predict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BATCH_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


class Callback:
    """Base of callbacks. Every hook does nothing; override those you need.

    Attributes:
        model: the model that is trained, evaluated or predicts; None before `set_model`.
        params: dict of "verbose", "epochs" and "steps" (batches per epoch, None if unknown).
        quiet: which of "train", "test", "predict" this object needs no batch hooks for, though its
            class defines them. A fit whose callbacks look at no batch pays nothing per batch.

    `epoch` and `batch` count from 0, `batch` anew in each epoch.

    `logs` are a mapping from names to numbers. Those of a batch are fetched from the device when
    they are first read, which waits for it; where several processes train, all of them must read at
    the same batches. Those of an epoch are plain numbers, the same on every process, and what a
    callback adds to them reaches the callbacks after it and the history.

    Example:
        class Stop(Callback):
            def on_epoch_end(self, epoch, logs=None):
                if logs["loss"] < 0.1:
                    self.model.stop_training = True
    """

    quiet: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.params: dict[str, Any] | None = None
        self._model: Any = None

    @property
    def model(self) -> Any:
        return self.__dict__.get("_model")

    def set_params(self, params: dict[str, Any]) -> None:
        """Receives `params` before the first hook."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Receives `model` before the first hook."""
        self._model = model

    # ---- hooks -----------------------------------------------------------------------------------
    def on_train_begin(self, logs: Mapping | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Mapping | None = None) -> None:
        """After the last epoch; `logs` are that epoch's."""

    def on_epoch_begin(self, epoch: int, logs: Mapping | None = None) -> None:
        """Before the first batch of `epoch`, which counts from 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After the last batch of `epoch` and its validation, whose logs begin with "val_"."""

    def on_batch_begin(self, batch: int, logs: Mapping | None = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Mapping | None = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Mapping | None = None) -> None:
        """Before training batch `batch` of the epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Mapping | None = None) -> None:
        """After training batch `batch`; `logs` hold the means since the epoch began."""
        self.on_batch_end(batch, logs=logs)

    def on_test_begin(self, logs: Mapping | None = None) -> None:
        """Before evaluation, and before the validation of an epoch."""

    def on_test_end(self, logs: Mapping | None = None) -> None:
        """After it; `logs` hold its results."""

    def on_test_batch_begin(self, batch: int, logs: Mapping | None = None) -> None:
        """Before batch `batch` of evaluation or validation."""

    def on_test_batch_end(self, batch: int, logs: Mapping | None = None) -> None:
        """After batch `batch` of evaluation or validation."""

    def on_predict_begin(self, logs: Mapping | None = None) -> None:
        """Before prediction."""

    def on_predict_end(self, logs: Mapping | None = None) -> None:
        """After prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Mapping | None = None) -> None:
        """Before batch `batch` of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Mapping | None = None) -> None:
        """After batch `batch` of prediction; `logs["outputs"]` are its outputs."""

    def on_interrupted(self) -> None:
        """Instead of the `..._end` hook, when an exception ends the run: let go of files."""

    # ---- state -----------------------------------------------------------------------------------
    def get_state(self) -> dict[str, Any]:
        """What a checkpoint must hold so that a resumed fit finds this callback as it was.

        Returns: JSON data by name, and NumPy arrays as direct values; empty for no state.
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up `state`, which `get_state` gave.

        Called after `on_train_begin` of the resumed fit.
        """


def watches(callback: Callback, kind: str) -> bool:
    """Whether the batch hooks of `kind` ("train", "test" or "predict") do anything in `callback`.

    Overriding any of them, in the class or on the object, means that they do, save for what it
    declares `quiet`.
    """
    if kind in getattr(callback, "quiet", ()):
        return False
    own = getattr(callback, "__dict__", {})
    return any(
        hook in own or getattr(type(callback), hook, None) is not getattr(Callback, hook)
        for hook in _BATCH_HOOKS[kind]
    )
