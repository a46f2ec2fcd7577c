"""`CallbackList`: the callbacks of one run, called as one."""

from __future__ import annotations

import sys
from typing import Any

from kdist.callbacks import states
from kdist.callbacks.callback import Callback, watches
from kdist.callbacks.history import History
from kdist.callbacks.progbar_logger import ProgbarLogger
from kdist.callbacks.sharded_checkpoint import ShardedCheckpoint
from kdist.core import tree


class CallbackList(Callback):
    """The callbacks of a run in the order in which they are called.

    The order is: the user's, the history, the progress bar, and last the sharded checkpoints, which
    save what the others have become.

    Arguments:
        callbacks: a callback, or a list of them.
        add_history: add a `History` if there is none.
        add_progbar: add a `ProgbarLogger` if there is none.
        model: given to all of them.
        **params: given to all of them.

    Raises:
        TypeError: for something that is no callback.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ):
        super().__init__()
        given = _flat(callbacks)
        saving = [c for c in given if isinstance(c, ShardedCheckpoint)]
        others = [c for c in given if not isinstance(c, ShardedCheckpoint)]
        self._history = next((c for c in others if isinstance(c, History)), None)
        if self._history is None and add_history:
            self._history = History()
            others.append(self._history)
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in others):
            others.append(ProgbarLogger())
        self.callbacks: list[Callback] = [*others, *saving]
        for checkpoint in saving:
            checkpoint.attach(self.get_states)
        self._restored: dict[str, dict] = {}
        self._epoch_logs: Any = None
        self._watching: dict[str, list[Callback]] = {}
        self.set_model(model)
        self.set_params(params)

    def append(self, callback: Callback) -> None:
        """Add `callback` behind all others."""
        self.callbacks.append(callback)
        self._watching.clear()

    @property
    def history(self) -> History | None:
        return self._history

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model: Any) -> None:
        if model is None:
            return
        super().set_model(model)
        if self._history is not None:
            object.__setattr__(model, "history", self._history)
        for callback in self.callbacks:
            callback.set_model(model)

    # ---- who looks at batches --------------------------------------------------------------------
    def _watchers(self, kind: str) -> list[Callback]:
        self._watching[kind] = [c for c in self.callbacks if watches(c, kind)]
        return self._watching[kind]

    def _now(self, kind: str) -> list[Callback]:
        found = self._watching.get(kind)
        return self._watchers(kind) if found is None else found

    @property
    def watches_train_batches(self) -> bool:
        """Whether some callback has batch hooks for training: else a loop need not call them."""
        return bool(self._watchers("train"))

    @property
    def watches_test_batches(self) -> bool:
        """The same for evaluation."""
        return bool(self._watchers("test"))

    @property
    def watches_predict_batches(self) -> bool:
        """The same for prediction."""
        return bool(self._watchers("predict"))

    # ---- checkpoints -----------------------------------------------------------------------------
    @staticmethod
    def checkpoint_of(callbacks: Any) -> ShardedCheckpoint:
        """The first ShardedCheckpoint among `callbacks`, from which a fit resumes.

        Raises:
            ValueError: if there is none.
        """
        for callback in _flat(callbacks):
            if isinstance(callback, ShardedCheckpoint):
                return callback
        raise ValueError(
            "resume= needs a checkpoint to resume from: pass "
            "callbacks=[kdist.callbacks.ShardedCheckpoint(url)] to fit()."
        )

    def get_states(self) -> tuple[dict[str, Any], dict]:
        """(JSON data, leaves) of the callbacks' state, for a checkpoint."""
        return states.collect(self.callbacks)

    def restore(self, saved: dict[str, Any]) -> None:
        """Set the model to the checkpoint that was peeked at; the callbacks once training begins.

        Arguments:
            saved: the checkpoint's meta, from `ShardedCheckpoint.peek`.
        """
        self._restored = self.checkpoint_of(self.callbacks).restore(self.model)

    # ---- hooks -----------------------------------------------------------------------------------
    def on_train_begin(self, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_train_begin(logs)
        restored, self._restored = self._restored, {}
        for key, callback in states.keyed(self.callbacks):
            if key in restored:
                callback.set_state(restored[key])

    def on_train_end(self, logs: Any = None) -> None:
        logs = self._epoch_logs if logs is None else logs
        for callback in self.callbacks:
            callback.on_train_end(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._epoch_logs = logs
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_batch_begin(batch, logs=logs)

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_batch_end(batch, logs=logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        for callback in self._now("train"):
            callback.on_train_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        for callback in self._now("train"):
            callback.on_train_batch_end(batch, logs=logs)

    def on_test_begin(self, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_test_begin(logs)

    def on_test_end(self, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_test_end(logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        for callback in self._now("test"):
            callback.on_test_batch_begin(batch, logs=logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        for callback in self._now("test"):
            callback.on_test_batch_end(batch, logs=logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_predict_begin(logs)

    def on_predict_end(self, logs: Any = None) -> None:
        for callback in self.callbacks:
            callback.on_predict_end(logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        for callback in self._now("predict"):
            callback.on_predict_batch_begin(batch, logs=logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        for callback in self._now("predict"):
            callback.on_predict_batch_end(batch, logs=logs)

    def on_interrupted(self) -> None:
        """Let every callback clean up; an error in it becomes a note of the one being handled."""
        cause = sys.exc_info()[1]
        for callback in self.callbacks:
            try:
                callback.on_interrupted()
            except Exception as e:
                if cause is None:
                    raise
                if e is not cause:
                    cause.add_note(
                        f"{type(callback).__name__}.on_interrupted: {type(e).__name__}: {e}"
                    )


def _flat(callbacks: Any) -> list[Callback]:
    found = tree.flatten(callbacks) if callbacks is not None else []
    for callback in found:
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks: {callback!r} of type {type(callback).__name__} is no callback; pass "
                "objects of subclasses of kdist.callbacks.Callback, not the classes themselves."
            )
    return found
