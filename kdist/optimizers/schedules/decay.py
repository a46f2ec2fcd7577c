"""Schedules that decay by a formula of the step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kdist import ops
from kdist.core import config
from kdist.optimizers.schedules.schedule import LearningRateSchedule


def check_positive(name: str, value: Any) -> None:
    if value <= 0:
        raise ValueError(f"{name}={value} must be a positive number of steps.")


def as_float(step: Any) -> Any:
    """`step` as a scalar tensor of the default float type: the type of every schedule's result."""
    return ops.cast(step, config.floatx())


class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Arguments:
        initial_learning_rate: float, the rate at step 0.
        decay_steps: int > 0, the steps in which the rate falls by the factor `decay_rate`.
        decay_rate: float.
        staircase: let the exponent be a whole number, so that the rate falls in steps.
        name: a name for the schedule.

    Example: `SGD(ExponentialDecay(0.1, decay_steps=1000, decay_rate=0.9))`
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        exponent = as_float(step) / self.decay_steps
        if self.staircase:
            exponent = ops.floor(exponent)
        rate = ops.cast(self.decay_rate, config.floatx())
        return self.initial_learning_rate * ops.power(rate, exponent)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Arguments:
        initial_learning_rate: float, the rate at step 0.
        decay_steps: int > 0.
        decay_rate: float.
        staircase: round `step / decay_steps` down.
        name: a name for the schedule.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ):
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        times = as_float(step) / self.decay_steps
        if self.staircase:
            times = ops.floor(times)
        return self.initial_learning_rate / (1.0 + self.decay_rate * times)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class PolynomialDecay(LearningRateSchedule):
    """From `initial_learning_rate` to `end_learning_rate` along a polynomial.

    `(initial - end) * (1 - step / decay_steps) ** power + end`, and `end` from `decay_steps` on.

    Arguments:
        initial_learning_rate: float, the rate at step 0.
        decay_steps: int > 0.
        end_learning_rate: float, the rate at the end.
        power: float; 1 is a straight line.
        cycle: past the end, stretch the decay to the next multiple of `decay_steps`.
        name: a name for the schedule.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        done = as_float(step) / self.decay_steps
        if self.cycle:
            # At step 0 there is one cycle, not none.
            done = done / ops.maximum(ops.ceil(done), 1.0)
        else:
            done = ops.minimum(done, 1.0)
        left = ops.power(1.0 - done, ops.cast(self.power, config.floatx()))
        span = self.initial_learning_rate - self.end_learning_rate
        return span * left + self.end_learning_rate

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


class PiecewiseConstantDecay(LearningRateSchedule):
    """A constant rate between boundaries.

    Arguments:
        boundaries: increasing step numbers. `values[i]` holds up to and including `boundaries[i]`.
        values: floats, one more than there are boundaries.
        name: a name for the schedule.

    Raises: ValueError unless there is one more value than boundaries.

    Example: `PiecewiseConstantDecay([1000, 2000], [1e-2, 1e-3, 1e-4])`
    """

    def __init__(self, boundaries: Sequence, values: Sequence, name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            given = f"boundaries={list(boundaries)}"
            raise ValueError(f"values={list(values)} must have one entry more than {given}.")
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Any) -> Any:
        step = ops.convert_to_tensor(step)
        rate = ops.cast(self.values[0], config.floatx())
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            passed = ops.greater(step, ops.cast(boundary, ops.dtype(step)))
            rate = ops.where(passed, ops.cast(value, config.floatx()), rate)
        return rate

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}
