"""Nadam (Dozat, 2015)."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.backend.variable import Variable
from kdist.optimizers.optimizer import Optimizer


class Nadam(Optimizer):
    """Adam with Nesterov momentum (https://cs229.stanford.edu/proj2015/054_report.pdf).

    With `mu_t = beta_1 * (1 - 0.96**t / 2)` and `p_t` the product of `mu_1 ... mu_t`:
    `m_hat = mu_{t+1} * m / (1 - p_{t+1}) + (1 - mu_t) * g / (1 - p_t)`,
    `w -= learning_rate * m_hat / (sqrt(v / (1 - beta_2**t)) + epsilon)`, where m and v are Adam's.

    Arguments:
        learning_rate: float, schedule or callable.
        beta_1: decay rate of the first moment, a float.
        beta_2: decay rate of the second moment, a float.
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
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )
        dtype = variables[0].dtype if variables else None
        self._u_product = Variable(1.0, dtype=dtype, trainable=False, name="u_product")

    def _mu(self, step: Any) -> Any:
        return self.beta_1 * (1.0 - 0.5 * ops.power(ops.cast(0.96, ops.dtype(step)), step))

    def _before_updates(self) -> None:
        step = ops.cast(ops.add(self.iterations, 1), self._u_product.dtype)
        self.assign(self._u_product, self._u_product.value * self._mu(step))

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        dtype = variable.dtype
        gradient = ops.cast(gradient, dtype)
        step = ops.cast(ops.add(self.iterations, 1), dtype)
        mu = self._mu(step)
        mu_next = self._mu(step + 1)
        product = ops.cast(self._u_product.value, dtype)
        second_left = ops.subtract(1, ops.power(ops.cast(self.beta_2, dtype), step))
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        self.assign_add(m, (gradient - m.value) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v.value) * (1 - self.beta_2))
        m_hat = mu_next * m.value / (1 - product * mu_next) + (1 - mu) * gradient / (1 - product)
        v_hat = v.value / second_left
        rate = ops.cast(learning_rate, dtype)
        self.assign_sub(variable, rate * m_hat / (ops.sqrt(v_hat) + self.epsilon))
