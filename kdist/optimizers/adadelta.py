"""Adadelta (Zeiler, 2012)."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.backend.variable import Variable
from kdist.optimizers.optimizer import Optimizer


class Adadelta(Optimizer):
    """Adadelta: steps in the units of the variable, from running means of squares.

    `a = rho * a + (1 - rho) * g**2`, `d = -sqrt(u + epsilon) / sqrt(a + epsilon) * g`,
    `u = rho * u + (1 - rho) * d**2`, `w += learning_rate * d` (https://arxiv.org/abs/1212.5701).

    Arguments:
        learning_rate: float, schedule or callable; the paper's is 1.0.
        rho: decay rate of the running means, a float.
        epsilon: keeps the division finite.
        The others are those of `Optimizer`.
    """

    _config_names = ("rho", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
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
        self.rho = rho
        self.epsilon = epsilon

    def _make_slots(self, variables: list[Variable]) -> None:
        self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(
            variables, ["accumulated_grad", "accumulated_delta_var"]
        )

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        gradient = ops.cast(gradient, variable.dtype)
        index = self._get_variable_index(variable)
        squares, deltas = self._accumulated_grads[index], self._accumulated_delta_vars[index]
        rho, epsilon = self.rho, self.epsilon
        self.assign(squares, rho * squares.value + (1 - rho) * ops.square(gradient))
        ratio = ops.sqrt(deltas.value + epsilon) / ops.sqrt(squares.value + epsilon)
        delta = ops.negative(ratio * gradient)
        self.assign(deltas, rho * deltas.value + (1 - rho) * ops.square(delta))
        self.assign_add(variable, ops.cast(learning_rate, variable.dtype) * delta)
