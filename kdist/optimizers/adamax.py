"""Adamax (Kingma & Ba, 2014, section 7.1)."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.backend.variable import Variable
from kdist.optimizers.optimizer import Optimizer


class Adamax(Optimizer):
    """Adam with the infinity norm in place of the second moment.

    `m += (1 - beta_1) * (g - m)`, `u = max(beta_2 * u, |g|)`,
    `w -= learning_rate / (1 - beta_1**t) * m / (u + epsilon)` (https://arxiv.org/abs/1412.6980).

    Arguments:
        learning_rate: float, schedule or callable.
        beta_1: decay rate of the first moment, a float.
        beta_2: decay rate of the norm, a float.
        epsilon: keeps the division finite.
        The others are those of `Optimizer`.
    """

    _config_names = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
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
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def _make_slots(self, variables: list[Variable]) -> None:
        self._m, self._u = self.add_optimizer_variables(variables, ["momentum", "norm"])

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        dtype = variable.dtype
        gradient = ops.cast(gradient, dtype)
        step = ops.cast(ops.add(self.iterations, 1), dtype)
        first_left = ops.subtract(1, ops.power(ops.cast(self.beta_1, dtype), step))
        index = self._get_variable_index(variable)
        m, u = self._m[index], self._u[index]
        self.assign_add(m, (gradient - m.value) * (1 - self.beta_1))
        self.assign(u, ops.maximum(self.beta_2 * u.value, ops.abs(gradient)))
        rate = ops.cast(learning_rate, dtype) / first_left
        self.assign_sub(variable, rate * m.value / (u.value + self.epsilon))
