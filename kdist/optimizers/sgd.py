"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.backend.variable import Variable
from kdist.optimizers.optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    `v = momentum * v - learning_rate * g`, then `w = w + v`; with `nesterov`,
    `w = w + momentum * v - learning_rate * g` (Sutskever et al., 2013,
    https://proceedings.mlr.press/v28/sutskever13.html).

    Arguments:
        learning_rate: float, schedule or callable.
        momentum: float in [0, 1]; 0 keeps no velocity.
        nesterov: look ahead along the velocity.
        The others are those of `Optimizer`.
    """

    _config_names = ("momentum", "nesterov")

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
            **kwargs,
        )
        if not isinstance(momentum, float) or not 0 <= momentum <= 1:
            raise ValueError(f"momentum={momentum!r} of SGD must be a float in [0, 1].")
        self.momentum = momentum
        self.nesterov = nesterov

    def _make_slots(self, variables: list[Variable]) -> None:
        slots = self.add_optimizer_variables(variables, "momentum") if self.momentum else []
        self.momentums = slots

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        step = ops.multiply(
            ops.cast(gradient, variable.dtype), ops.cast(learning_rate, variable.dtype)
        )
        if not self.momentum:
            self.assign_sub(variable, step)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        self.assign(velocity, ops.subtract(ops.multiply(velocity.value, self.momentum), step))
        if self.nesterov:
            ahead = ops.subtract(ops.multiply(velocity.value, self.momentum), step)
            self.assign_add(variable, ahead)
        else:
            self.assign_add(variable, velocity.value)
