"""AdamW (Loshchilov & Hutter, 2019)."""

from __future__ import annotations

from typing import Any

from kdist.optimizers.adam import Adam


class AdamW(Adam):
    """Adam with weight decay apart from the gradient's moments (https://arxiv.org/abs/1711.05101).

    Each step first multiplies the variables by `1 - weight_decay * learning_rate`, then is Adam's.

    Arguments:
        learning_rate: float, schedule or callable.
        weight_decay: float.
        The others are those of `Adam`.

    Raises:
        ValueError: if weight_decay is None.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        if weight_decay is None:
            raise ValueError("weight_decay=None of AdamW must be a float. Use Adam for no decay.")
        super().__init__(
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            amsgrad=amsgrad,
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
