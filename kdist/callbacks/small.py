"""Callbacks of a few lines: functions as hooks, and a guard against a loss that is no number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kdist.callbacks import console
from kdist.callbacks.callback import Callback


class LambdaCallback(Callback):
    """A callback made of functions.

    Arguments:
        on_epoch_begin, on_epoch_end: `(epoch, logs)`.
        on_train_begin, on_train_end: `(logs)`.
        on_train_batch_begin, on_train_batch_end: `(batch, logs)`; `logs` comes by keyword.
        **kwargs: functions for other hooks of `Callback`, by name.

    Raises:
        TypeError: for a name that is no hook.

    Example:
        LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
        **kwargs: Callable,
    ):
        super().__init__()
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, hook in hooks.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                known = [n for n in dir(Callback) if n.startswith("on_")]
                raise TypeError(f"LambdaCallback({name}=...): there is no such hook, only {known}.")
            if hook is not None:
                setattr(self, name, hook)


class TerminateOnNaN(Callback):
    """Ends training at the first batch whose loss is NaN or infinite.

    It reads the loss after each batch, which waits for the device each time.

    Arguments:
        raise_error: True raises, so that nothing that happens at the end of an epoch or of
            training happens (no checkpoint is made of the broken state); False sets
            `model.stop_training`.

    Raises:
        RuntimeError: from fit, with `raise_error`.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = None if logs is None else logs.get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"The loss is {loss} at batch {batch} of the epoch (from 0).")
        console.announce(f"Batch {batch}: the loss is {loss}; training ends.")
        self.model.stop_training = True
