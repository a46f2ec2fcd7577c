"""What `compile` holds: the optimizer, the losses and metrics, and how the steps run."""

from __future__ import annotations

import warnings
from typing import Any

from kdist import optimizers
from kdist.backend import bound as backend
from kdist.core import serialization
from kdist.distribution.runtime import distribution
from kdist.metrics import Mean
from kdist.training.compile_loss import CompileLoss
from kdist.training.compile_metrics import CompileMetrics


class Compiled:
    """The arguments of `compile`, resolved. A part of `Trainer`.

    All of it is stored past the layer's tracking: it is no state of the layer, and files of weights do not hold it.
    """

    name: str
    built: bool
    trainable_variables: list

    def __init__(self) -> None:
        self.compiled = False
        self.optimizer: Any = None
        self.loss: Any = None
        self.steps_per_execution = 1
        self.jit_compile: Any = "auto"
        self.run_eagerly = False
        self._put(
            _loss_tracker=None,
            _compile_metrics=None,
            _compile_loss=None,
            _programs={},
            _compile_config=None,
            _distribute_strategy=None,
            _placed=None,  # the strategy by which the variables lie
        )

    def _put(self, **attributes: Any) -> None:
        """Set attributes without tracking them."""
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Set what training optimizes and what it reports.

        Arguments:
            optimizer: a name or an Optimizer.
            loss: a name, a Loss, a function (y_true, y_pred) -> values; or a list or dict of them by output.
            loss_weights: number(s) by output.
            metrics, weighted_metrics: lists of names or Metrics, or lists or dicts of lists by output; the latter
                count sample weights.
            run_eagerly: run the step without compiling it, to debug.
            steps_per_execution: batches per dispatch, where the backend compiles several. Callbacks are called once
                for so many: at the beginning with the number of the first, at the end with that of the last.
            jit_compile: True, False or "auto": XLA where it pays.
            auto_scale_loss: scale losses automatically under mixed_float16.

        Raises: ValueError for names that are not known and strategies that the backend cannot run.

        Example:
            model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        """
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ValueError(
                f"steps_per_execution={steps_per_execution!r} must be an int of at least 1."
            )
        strategy = distribution()
        if strategy is not None:
            backend.check_support(strategy, run_eagerly)
        optimizer = optimizers.get(optimizer)
        names = getattr(self, "output_names", None)
        compile_loss = compile_metrics = None
        if loss is not None:
            compile_loss = CompileLoss(loss, loss_weights, output_names=names)
        if metrics or weighted_metrics:
            compile_metrics = CompileMetrics(metrics, weighted_metrics, output_names=names)
        given = {
            "optimizer": optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics,
            "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution, "jit_compile": jit_compile,
        }  # fmt: skip
        self._put(
            optimizer=optimizer,
            loss=loss,
            _compile_loss=compile_loss,
            _compile_metrics=compile_metrics,
            _loss_tracker=Mean(name="loss"),
            _distribute_strategy=strategy,
            _programs={},
            _compile_config=given,
        )
        self.run_eagerly = run_eagerly
        self.jit_compile = jit_compile
        self.steps_per_execution = steps_per_execution
        self.stop_training = False
        self.compiled = True

    def get_compile_config(self) -> dict | None:
        """The arguments of `compile` as plain data; None before it, or where they cannot be saved."""
        if not self.compiled or self._compile_config is None:
            return None
        try:
            return serialization.serialize_keras_object(self._compile_config)
        except TypeError as e:
            warnings.warn(
                f"The arguments of compile() are not saved with the model: {e}", stacklevel=2
            )
            return None

    def compile_from_config(self, config: dict) -> None:
        """`compile` anew from what `get_compile_config` gave, with the optimizer's variables created."""
        arguments = serialization.deserialize_keras_object(dict(config))
        arguments.pop("auto_scale_loss", None)
        self.compile(**arguments)
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def _require_compiled(self, what: str) -> None:
        if not self.compiled:
            raise ValueError(f"Call model.compile(optimizer=..., loss=...) before model.{what}().")
