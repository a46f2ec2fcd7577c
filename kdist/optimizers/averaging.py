"""The exponential moving average of the trained variables (`use_ema`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kdist import ops
from kdist.backend.variable import Variable
from kdist.optimizers import rows


def check_arguments(momentum: float, overwrite_frequency: int | None) -> None:
    """Raises: ValueError unless `0 <= momentum <= 1` and the frequency is None or an integer >= 1."""
    if not 0 <= momentum <= 1:
        raise ValueError(f"ema_momentum={momentum} must lie in [0, 1].")
    if overwrite_frequency and (
        not isinstance(overwrite_frequency, int) or overwrite_frequency < 1
    ):
        raise ValueError(
            f"ema_overwrite_frequency={overwrite_frequency!r} must be None or an integer >= 1."
        )


def update(optimizer: Any) -> None:
    """Move the averages towards the variables.

    Then, every `ema_overwrite_frequency` updates, move the variables to the averages.

    The first step copies the variables: an average that started from zeros would be biased.
    """
    iterations = ops.convert_to_tensor(optimizer.iterations)
    started = ops.not_equal(iterations, 0)
    frequency = optimizer.ema_overwrite_frequency
    overwrites = ops.equal(ops.mod(ops.add(iterations, 1), frequency), 0) if frequency else None
    pairs = _pairs(optimizer, optimizer._trainable_variables)
    row = rows.named("average")
    if row is not None:
        momentum = ops.multiply(ops.cast(started, "float32"), optimizer.ema_momentum)
        row([v for v, _ in pairs], [a for _, a in pairs], momentum)
    else:
        for variable, average in pairs:
            _move(variable, average, started, optimizer.ema_momentum)
    if overwrites is not None:
        for variable, average in pairs:
            variable.assign(ops.where(overwrites, average.value, variable.value))


def _move(variable: Variable, average: Variable, started: Any, momentum: float) -> None:
    momentum = ops.multiply(ops.cast(started, average.dtype), momentum)
    average.assign(
        ops.add(
            ops.multiply(momentum, average.value),
            ops.multiply(ops.subtract(1, momentum), variable.value),
        )
    )


def overwrite(optimizer: Any, variables: Sequence[Variable]) -> None:
    """Give the variables their averages' values."""
    for variable, average in _pairs(optimizer, variables):
        variable.assign(average.value)


def _pairs(optimizer: Any, variables: Sequence[Variable]) -> list[tuple[Variable, Variable]]:
    averages = optimizer._model_variables_moving_average
    if len(variables) != len(averages):
        raise ValueError(
            f"{optimizer.name} keeps averages of {len(averages)} variables, and received "
            f"{len(variables)}. Pass those it was built with."
        )
    return [(v, a) for v, a in zip(variables, averages, strict=True) if a is not None]
