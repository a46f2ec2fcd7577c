"""Callbacks that set the learning rate between epochs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from kdist.backend import bound as backend
from kdist.callbacks import console
from kdist.callbacks.callback import Callback
from kdist.callbacks.monitor import MonitorCallback


def learning_rate_of(model: Any) -> float:
    """The learning rate of the model's optimizer, now."""
    return float(backend.convert_to_numpy(model.optimizer.learning_rate))


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of each epoch, and adds it to the logs.

    Arguments:
        schedule: function `(epoch, learning_rate) -> float` or `(epoch) -> float`; epochs count
            from 0.
        verbose: 1 says what it sets.

    Raises:
        ValueError: from fit, if the schedule gives no float.

    Example:
        LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else rate * 0.9)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if _takes_two(self.schedule):
            rate = self.schedule(epoch, learning_rate_of(self.model))
        else:
            rate = self.schedule(epoch)
        if not isinstance(rate, float | np.floating):
            raise ValueError(
                f"LearningRateScheduler: schedule({epoch}, ...) gave {rate!r} of type "
                f"{type(rate).__name__}; it must give a float."
            )
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            console.announce(f"Epoch {epoch + 1}: the learning rate is {rate:g}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = learning_rate_of(self.model)


def _takes_two(schedule: Callable) -> bool:
    try:
        parameters = inspect.signature(schedule).parameters.values()
    except (TypeError, ValueError):  # a built-in without a signature
        return True
    positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    several = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
    return several or sum(p.kind in positional for p in parameters) >= 2


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` after `patience` epochs without improvement.

    It adds the learning rate to the logs.

    Arguments:
        monitor: name of the log to watch.
        factor: what the learning rate is multiplied by, less than 1.
        patience: number of epochs without improvement to wait for.
        verbose: 1 says when it acts.
        mode: "min" or "max": which is better; "auto" asks the metric of that name.
        min_delta: by how much the log must be better to count.
        cooldown: number of epochs after a reduction that do not count.
        min_lr: the learning rate does not get smaller than this.

    Raises:
        ValueError: for a `factor` of 1 or more.

    Example:
        ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=5, min_lr=1e-5)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau does not know the argument(s) {sorted(kwargs)}.")
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau(factor={factor}): it must be less than 1.")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self.best, self.wait, self.cooldown_counter = None, 0, 0

    def in_cooldown(self) -> bool:
        """Whether epochs after a reduction are being let pass."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs["learning_rate"] = learning_rate_of(self.model)
        current = self._monitored(logs, "the learning rate is not reduced")
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _reduce(self, epoch: int) -> bool:
        old = learning_rate_of(self.model)
        # The variable holds a float32: compared with the same rounding, the bound is met exactly.
        if old <= np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = new
        if self.verbose:
            console.announce(f"Epoch {epoch + 1}: reducing the learning rate to {new:g}.")
        return True

    def get_state(self) -> dict[str, Any]:
        return {"best": self.best, "wait": self.wait, "cooldown_counter": self.cooldown_counter}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best, self.wait = state["best"], state["wait"]
        self.cooldown_counter = state["cooldown_counter"]
