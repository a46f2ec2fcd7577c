"""`LossScaleOptimizer`: float16 training with a loss scale that adapts itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kdist import initializers, ops
from kdist.backend.variable import Variable
from kdist.core import scopes, serialization
from kdist.optimizers import rows
from kdist.optimizers.optimizer import Optimizer

# What Keras wrote into configs of this class though it has no effect: taken if it says nothing.
_IGNORED = {
    "dynamic": True,
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(Optimizer):
    """Wraps an optimizer: the loss is scaled up, so that float16 gradients do not vanish.

    Gradients are divided by the scale before `inner_optimizer` applies them. If one of them is not
    finite, the step is skipped and the scale halved; after `dynamic_growth_steps` finite steps in a
    row it is doubled (Micikevicius et al., 2018, https://arxiv.org/abs/1710.03740, section 3.2).

    Arguments:
        inner_optimizer: the `Optimizer` that updates the variables.
        initial_scale: float, the first scale.
        dynamic_growth_steps: int, finite steps before the scale is doubled.
        name: default, the class's name in snake case.

    Example: `model.compile(optimizer=LossScaleOptimizer(Adam(1e-3)), loss="mse")`
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ):
        for argument, value in kwargs.items():
            if argument not in _IGNORED:
                raise ValueError(f"LossScaleOptimizer received an unknown argument: {argument}.")
            if value != _IGNORED[argument]:
                raise ValueError(
                    f"{argument}={value!r} has no effect on LossScaleOptimizer. "
                    "Set it on the inner_optimizer."
                )
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        # The inner optimizer must not unscale a second time.
        inner_optimizer.loss_scale_factor = None

    def _make_slots(self, variables: list[Variable]) -> None:
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        scale = initializers.Constant(self.initial_scale)
        self.dynamic_scale = self.add_variable((), scale, "float32", name="dynamic_scale")
        self.inner_optimizer.build(variables)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then the inner optimizer's."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def iterations(self) -> Any:
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    def check_finite(self, grads: Sequence) -> Any:
        """Scalar bool tensor: whether every element of `grads` is finite."""
        return ops.all(ops.stack([ops.all(ops.isfinite(g)) for g in grads if g is not None]))

    def _apply(self, grads: list, variables: list[Variable], average: Callable) -> None:
        # The gradients are averaged by now: whether they are finite is to be one answer for all.
        grads = rows.whole(grads, variables)
        state = [*variables, *self.variables]
        before = [v.value for v in state]
        growth = self.dynamic_growth_steps

        def finite() -> list:
            with scopes.StatelessScope(list(zip(state, before, strict=True))) as scope:
                scale = self.dynamic_scale.value
                unscaled = [
                    g if v.overwrite_with_gradient else ops.divide(g, ops.cast(scale, ops.dtype(g)))
                    for g, v in zip(grads, variables, strict=True)
                ]
                self.inner_optimizer._apply(unscaled, variables, average)
                grows = ops.equal(self.step_counter.value, growth - 1)
                counter = self.step_counter.value
                self.step_counter.assign(ops.where(grows, ops.zeros_like(counter), counter + 1))
                self.dynamic_scale.assign(ops.where(grows, scale * 2.0, scale))
            return [scope.get_current_value(v) for v in state]

        def overflow() -> list:
            with scopes.StatelessScope(list(zip(state, before, strict=True))) as scope:
                self.step_counter.assign(ops.zeros_like(self.step_counter.value))
                self.dynamic_scale.assign(self.dynamic_scale.value * 0.5)
            return [scope.get_current_value(v) for v in state]

        after = ops.cond(self.check_finite(grads), finite, overflow)
        for variable, new, old in zip(state, after, before, strict=True):
            if new is not old:
                variable.assign(new)

    def scale_loss(self, loss: Any) -> Any:
        """`loss` times the current scale."""
        scale = self.dynamic_scale.value if self.built else self.initial_scale
        return ops.multiply(loss, scale)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "inner_optimizer": serialization.serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping | None = None
    ) -> LossScaleOptimizer:
        config = dict(config)
        inner = serialization.deserialize_keras_object(
            config.pop("inner_optimizer"), custom_objects=custom_objects
        )
        return cls(inner, **config)
