"""Adam (Kingma & Ba, 2014)."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.backend.variable import Variable
from kdist.optimizers.optimizer import Optimizer


class Adam(Optimizer):
    """Adam: steps scaled by running first and second moments of the gradient.

    `m += (1 - beta_1) * (g - m)`, `v += (1 - beta_2) * (g**2 - v)`,
    `w -= learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(v) + epsilon)`
    (https://arxiv.org/abs/1412.6980). With `amsgrad`, the largest `v` so far stands for `v`
    (Reddi et al., https://openreview.net/forum?id=ryQu7f-RZ).

    Arguments:
        learning_rate: float, schedule or callable.
        beta_1: decay rate of the first moment, a float.
        beta_2: decay rate of the second moment, a float.
        epsilon: keeps the division finite. It is the "epsilon hat" before section 2.1 of the paper.
        amsgrad: whether to apply the AMSGrad variant.
        The others are those of `Optimizer`.
    """

    _config_names = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.amsgrad = amsgrad

    def _make_slots(self, variables: list[Variable]) -> None:
        self._momentums, self._velocities = self.add_optimizer_variables(
            variables, ["momentum", "velocity"]
        )
        hats = self.add_optimizer_variables(variables, "velocity_hat") if self.amsgrad else []
        self._velocity_hats = hats

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        dtype = variable.dtype
        gradient = ops.cast(gradient, dtype)
        step = ops.cast(ops.add(self.iterations, 1), dtype)
        first_left = ops.subtract(1, ops.power(ops.cast(self.beta_1, dtype), step))
        second_left = ops.subtract(1, ops.power(ops.cast(self.beta_2, dtype), step))
        rate = ops.cast(learning_rate, dtype) * ops.sqrt(second_left) / first_left
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        self.assign_add(m, (gradient - m.value) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v.value) * (1 - self.beta_2))
        if self.amsgrad:
            largest = self._velocity_hats[index]
            self.assign(largest, ops.maximum(largest.value, v.value))
            v = largest
        self.assign_sub(variable, m.value * rate / (ops.sqrt(v.value) + self.epsilon))
