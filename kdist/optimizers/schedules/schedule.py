"""`LearningRateSchedule`: a learning rate that depends on the step."""

from __future__ import annotations

from typing import Any


class LearningRateSchedule:
    """Abstract base of schedules. A subclass writes `__call__` and, to be saved, `get_config`.

    Example:

        class Inverse(LearningRateSchedule):
            def __call__(self, step):
                return 0.1 / (ops.cast(step, "float32") + 1.0)
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate (float or scalar tensor) at `step`.

        `step` is an integer scalar tensor that counts the optimizer's steps from 0.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step).")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        raise NotImplementedError(f"{type(self).__name__} must define get_config() to be saved.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        return cls(**config)
