"""Schedules along a cosine (Loshchilov & Hutter, SGDR, 2016, https://arxiv.org/abs/1608.03983)."""

from __future__ import annotations

import math
from typing import Any

from kdist import ops
from kdist.optimizers.schedules.decay import as_float, check_positive
from kdist.optimizers.schedules.schedule import LearningRateSchedule


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate to `alpha` times it, after an optional linear warm-up.

    `rate * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha)`. With `warmup_target`,
    the rate first rises from `initial_learning_rate` to it in `warmup_steps`, then decays from it.

    Arguments:
        initial_learning_rate: float, the rate at step 0.
        decay_steps: int > 0, the length of the decay in steps, without the warm-up.
        alpha: float, the fraction of the rate that remains at the end.
        name: a name for the schedule.
        warmup_target: None or float.
        warmup_steps: int.

    Example: `Adam(CosineDecay(0.0, 9000, warmup_target=1e-3, warmup_steps=1000))`
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def _decayed(self, step: Any, peak: float) -> Any:
        done = ops.clip(step / self.decay_steps, 0.0, 1.0)
        fraction = 0.5 * (1.0 + ops.cos(math.pi * done))
        return peak * ((1 - self.alpha) * fraction + self.alpha)

    def __call__(self, step: Any) -> Any:
        step = as_float(step)
        if self.warmup_target is None:
            return self._decayed(step, self.initial_learning_rate)
        decayed = self._decayed(step - self.warmup_steps, self.warmup_target)
        if not self.warmup_steps:
            return decayed
        rise = (self.warmup_target - self.initial_learning_rate) / self.warmup_steps
        warming = self.initial_learning_rate + rise * step
        return ops.where(ops.less(step, self.warmup_steps), warming, decayed)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decays, one after the other, each `t_mul` times as long as the one before.

    Arguments:
        initial_learning_rate: float, the rate at step 0.
        first_decay_steps: int > 0, the length of the first decay.
        t_mul: float, how much longer each next decay is.
        m_mul: float, by how much the rate at each restart is multiplied.
        alpha: float, the fraction of the rate that remains at the end of each decay.
        name: a name for the schedule.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        check_positive("first_decay_steps", first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self._t_mul = t_mul
        self._m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def _restarts(self, done: Any) -> tuple[Any, Any]:
        """How many decays are over, and the done fraction of the current one."""
        t = self._t_mul
        if t == 1.0:
            restarts = ops.floor(done)
            return restarts, done - restarts
        # n decays take (t**n - 1) / (t - 1) times the first one's length.
        restarts = ops.floor(ops.log(1.0 - done * (1.0 - t)) / math.log(t))
        length = ops.power(ops.cast(t, ops.dtype(done)), restarts)
        return restarts, (done - (1.0 - length) / (1.0 - t)) / length

    def __call__(self, step: Any) -> Any:
        restarts, done = self._restarts(as_float(step) / self.first_decay_steps)
        peak = ops.power(ops.cast(self._m_mul, ops.dtype(done)), restarts)
        fraction = 0.5 * peak * (1.0 + ops.cos(math.pi * done))
        return self.initial_learning_rate * ((1 - self.alpha) * fraction + self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self._t_mul,
            "m_mul": self._m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }
