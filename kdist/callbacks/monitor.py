"""What it means that a monitored number is better, shared by the callbacks that watch one."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from kdist.callbacks.callback import Callback


def direction(monitor: str, mode: str, model: Any, who: str) -> str:
    """ "min" or "max": which is better.

    Arguments:
        monitor: name of a log, with "val_" or without.
        mode: "min", "max", or "auto" to infer it from the metric of that name.
        model: the model whose metrics are asked.
        who: the callback, for the error.

    Raises:
        ValueError: if mode="auto" cannot tell.
    """
    if mode in ("min", "max"):
        return mode
    name = monitor.removeprefix("val_")
    if name == "loss" or name.endswith("_loss"):
        return "min"
    for metric in _metrics(model):
        # A log of a model with several outputs has the output's name in front.
        if name == metric.name or name.endswith(f"_{metric.name}"):
            said = getattr(metric, "_direction", None)
            if said is not None:
                return "max" if said == "up" else "min"
    raise ValueError(
        f"{who}(monitor={monitor!r}, mode='auto') cannot tell whether larger or smaller is better. "
        "Pass mode='min' or mode='max'."
    )


def _metrics(model: Any) -> list:
    found = []
    for metric in getattr(model, "metrics", None) or ():
        found += getattr(metric, "metrics", None) or [metric]
    return found


def check_mode(mode: str, who: str) -> str:
    """`mode` if it is one of those there are, else "auto" with a warning."""
    if mode in ("auto", "min", "max"):
        return mode
    warnings.warn(
        f"{who}(mode={mode!r}): it must be 'auto', 'min' or 'max'; using 'auto'.", stacklevel=4
    )
    return "auto"


class MonitorCallback(Callback):
    """Abstract base of callbacks that compare a log with the best so far.

    Arguments:
        monitor: name of the log.
        mode: "min", "max" or "auto".
        baseline: what the first value must be better than; None for nothing.
        min_delta: by how much a value must be better to count.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ):
        super().__init__()
        self.monitor = monitor
        self.mode = check_mode(mode, type(self).__name__)
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._resolved: str | None = None

    def _is_improvement(self, value: float, reference: float | None) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`."""
        if reference is None:
            return True
        if self._resolved is None:
            self._resolved = direction(self.monitor, self.mode, self.model, type(self).__name__)
        if self._resolved == "min":
            return value + self.min_delta < reference
        return value - self.min_delta > reference

    def _monitored(self, logs: Mapping | None, consequence: str) -> Any:
        """The monitored log, or None with a warning that tells the consequence."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__}(monitor={self.monitor!r}): there is no such log, so "
                f"{consequence}. The logs are: {', '.join(logs or ())}.",
                stacklevel=3,
            )
        return value
