"""Which steps to keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RetentionPolicy:
    """Keeps the newest `last` steps, the `best` by a metric, and every `every`-th.

    The others are removed. A step is kept when any of the rules keeps it; the step just saved is
    always kept. With no rule at all everything is kept.

    Arguments:
        last: how many of the newest steps to keep.
        best: how many of the best by `metric` to keep. A step that was saved without the metric,
            or with NaN, is none of the best.
        metric: the metric's name in `save(..., metrics=...)`.
        mode: "min" when smaller is better, "max" when larger is.
        every: keep the steps that this divides.

    Example:
        >>> RetentionPolicy(last=2, every=1000).expired([999, 1000, 1001, 1002], {}, newest=1002)
        [999]
    """

    last: int | None = None
    best: int | None = None
    metric: str = "val_loss"
    mode: str = "min"
    every: int | None = None

    def __post_init__(self) -> None:
        for name in ("last", "best", "every"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(
                    f"{name}: {value!r} must be a positive int, or None for no such rule."
                )
        if self.mode not in ("min", "max"):
            raise ValueError(f"mode: {self.mode!r} must be 'min' or 'max'.")

    def expired(
        self, steps: list[int], metrics: Mapping[int, Mapping[str, float]], newest: int
    ) -> list[int]:
        """Returns the steps to remove, ascending.

        Arguments:
            steps: the published steps.
            metrics: step -> its metrics.
            newest: the step just saved, which is never removed.
        """
        if self.last is None and self.best is None and self.every is None:
            return []
        steps = sorted(steps)
        keep = {newest}
        if self.last is not None:
            keep.update(steps[-self.last :])
        if self.every is not None:
            keep.update(step for step in steps if step % self.every == 0)
        if self.best is not None:
            sign = 1.0 if self.mode == "min" else -1.0
            ranked = []
            for step in steps:
                value = metrics.get(step, {}).get(self.metric)
                if value is not None and not math.isnan(value):
                    # Among equals the newer one is the better one.
                    ranked.append((sign * value, -step))
            keep.update(-negative for _, negative in sorted(ranked)[: self.best])
        return [step for step in steps if step not in keep]
