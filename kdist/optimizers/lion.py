"""Lion (Chen et al., 2023)."""

from __future__ import annotations

from typing import Any

from kdist import ops
from kdist.backend.variable import Variable
from kdist.optimizers.optimizer import Optimizer


class Lion(Optimizer):
    """Lion: steps of one size in the direction of an interpolated momentum's sign.

    `w -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g)`, `m = beta_2 * m + (1 - beta_2) * g`
    (https://arxiv.org/abs/2302.06675).

    Arguments:
        learning_rate: float, schedule or callable; 3 to 10 times less than Adam's works well.
        beta_1: weight of the momentum in a step, a float in (0, 1].
        beta_2: decay rate of the momentum, a float.
        The others are those of `Optimizer`.
    """

    _config_names = ("beta_1", "beta_2")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        if not 0 < beta_1 <= 1:
            raise ValueError(
                f"beta_1={beta_1} of Lion must lie in (0, 1]; at 0 it is plain sign descent."
            )
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def _make_slots(self, variables: list[Variable]) -> None:
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        gradient = ops.cast(gradient, variable.dtype)
        m = self._momentums[self._get_variable_index(variable)]
        direction = ops.sign(m.value * self.beta_1 + gradient * (1.0 - self.beta_1))
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * direction)
        self.assign(m, m.value * self.beta_2 + gradient * (1.0 - self.beta_2))
