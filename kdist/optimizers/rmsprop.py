"""RMSprop (Hinton, 2012)."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.backend.variable import Variable
from kdist.optimizers.optimizer import Optimizer


class RMSprop(Optimizer):
    """RMSprop: the gradient divided by the root of its running mean square.

    `v = rho * v + (1 - rho) * g**2`, `w -= learning_rate * g / sqrt(v + epsilon)` (lecture 6 of
    https://www.cs.toronto.edu/~tijmen/csc321). With `centered` the square of the running mean of
    `g` is taken off `v`; with `momentum`, `b = momentum * b + step` and `w -= b`.

    Arguments:
        learning_rate: float, schedule or callable.
        rho: decay rate of the mean square, a float.
        momentum: float; 0 keeps no momentum.
        epsilon: keeps the division finite.
        centered: divide by an estimate of the variance.
        The others are those of `Optimizer`.
    """

    _config_names = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def _make_slots(self, variables: list[Variable]) -> None:
        add = self.add_optimizer_variables
        self._velocities = add(variables, "velocity")
        self._momentums = add(variables, "momentum") if self.momentum > 0 else []
        self._average_gradients = add(variables, "average_gradient") if self.centered else []

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        gradient = ops.cast(gradient, variable.dtype)
        index = self._get_variable_index(variable)
        velocity = self._velocities[index]
        new = self.rho * velocity.value + (1 - self.rho) * ops.square(gradient)
        self.assign(velocity, new)
        if self.centered:
            mean = self._average_gradients[index]
            self.assign(mean, self.rho * mean.value + (1 - self.rho) * gradient)
            new = new - ops.square(mean.value)
        step = ops.cast(learning_rate, variable.dtype) * gradient / ops.sqrt(new + self.epsilon)
        if self.momentum > 0:
            momentum = self._momentums[index]
            self.assign(momentum, self.momentum * momentum.value + step)
            step = momentum.value
        self.assign_sub(variable, step)
