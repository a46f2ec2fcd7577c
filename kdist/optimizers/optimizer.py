"""`Optimizer`: the base of every optimizer, with Keras's methods and Keras's saved format."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kdist import ops
from kdist.backend.variable import Variable
from kdist.core import names, scopes, serialization
from kdist.core.replicas import replicas
from kdist.optimizers import accumulation, averaging, clipping, rows
from kdist.optimizers.state import OptimizerState

_BASE_ARGUMENTS = (
    *("weight_decay", "clipnorm", "global_clipnorm", "clipvalue"),
    *("use_ema", "ema_momentum", "ema_overwrite_frequency"),
    *("loss_scale_factor", "gradient_accumulation_steps"),
)


def _as_they_are(grads: list, variables: list[Variable]) -> list:
    """The `average` of gradients that replicas have averaged already."""
    return grads


class Optimizer(OptimizerState):
    """Abstract base of optimizers. A subclass makes its slots in `build` and writes `update_step`.

    Arguments:
        learning_rate: float, a `LearningRateSchedule`, or a callable without arguments.
        weight_decay: None or float; each step first multiplies the variables by
            `1 - weight_decay * learning_rate`.
        clipnorm: None or float; the L2 norm to which each larger gradient is scaled down.
        clipvalue: None or float; gradients are clipped to `[-clipvalue, clipvalue]`.
        global_clipnorm: None or float; as `clipnorm`, for the norm of all gradients together.
        use_ema: keep a moving average of each variable,
            `average = ema_momentum * average + (1 - ema_momentum) * variable`.
        ema_momentum: float in [0, 1].
        ema_overwrite_frequency: None, or int: every so many updates the variables become it.
        loss_scale_factor: None, or float: `scale_loss` multiplies the loss by it, and `apply`
            divides the gradients by it.
        gradient_accumulation_steps: None, or int >= 2: each update takes the mean gradient of
            so many calls of `apply`. On torch and TensorFlow, replicas exchange gradients once for
            each update; on jax devices do so in each call (why is said in `accumulation.py`).
        name: default, the class's name in snake case.

    Raises:
        ValueError: for an unknown argument, or values that exclude each other.

    Example:

        class Descent(Optimizer):
            def update_step(self, gradient, variable, learning_rate):
                self.assign_sub(variable, learning_rate * gradient)

    How a backend makes an update fast is said in `rows.py`.
    """

    # The constructor's arguments beyond the base's, kept under the same attribute names.
    _config_names: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: Any,
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
        super().__init__()
        kind = type(self)
        if kwargs.pop("decay", None) is not None:
            warnings.warn(
                "decay= is not used any more. Pass learning_rate=schedules.InverseTimeDecay(...) "
                "instead.",
                stacklevel=2,
            )
        if kwargs:
            raise ValueError(
                f"{kind.__name__} received unknown arguments: {sorted(kwargs)}. Remove them."
            )
        if sum(a is not None for a in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                f"Pass at most one of clipnorm={clipnorm}, clipvalue={clipvalue}, "
                f"global_clipnorm={global_clipnorm} to {kind.__name__}."
            )
        if (
            gradient_accumulation_steps is not None
            and gradient_accumulation_steps
            and gradient_accumulation_steps < 2
        ):
            raise ValueError(
                f"gradient_accumulation_steps={gradient_accumulation_steps} must be None or an "
                "integer >= 2."
            )
        if use_ema:
            averaging.check_arguments(ema_momentum, ema_overwrite_frequency)
        self.name = name if name is not None else names.auto_name(kind.__name__)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False
        object.__setattr__(self, "_excluded", ())  # variables without weight decay
        self._excluded_pattern: re.Pattern | None = None
        self._index_of: dict[int, int] = {}
        self._overwritten = False
        self._row = rows.of(kind)
        # Not tracked: these are the model's variables.
        object.__setattr__(self, "_trainable_variables", [])
        with scopes.name_scope(self.name):
            self._iterations = Variable(
                0,
                dtype="int32",
                trainable=False,
                name="iteration",
                aggregation="only_first_replica",
            )
            self._learning_rate = self._make_learning_rate(learning_rate)

    # ---- slots ----
    @property
    def iterations(self) -> Any:
        """How many updates were made: a Variable, or a tensor if gradients are accumulated."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    def build(self, variables: Sequence[Variable]) -> None:
        """Create the slots for `variables`, the variables to train.

        A subclass that overrides it calls `super().build(variables)` first.
        """
        if self.built:
            return
        variables = list(variables)
        if self.use_ema:
            object.__setattr__(
                self,
                "_model_variables_moving_average",
                self.add_optimizer_variables(variables, "average"),
            )
        if self.gradient_accumulation_steps:
            accumulators = accumulation.make_accumulators(self, variables)
            object.__setattr__(self, "_accumulated_gradients", accumulators)
        object.__setattr__(self, "_trainable_variables", variables)
        self._index_of = {id(v): i for i, v in enumerate(variables)}
        self._overwritten = any(v.overwrite_with_gradient for v in variables)
        self.built = True
        self._make_slots(variables)

    def _make_slots(self, variables: list[Variable]) -> None:
        """For kdist's own optimizers: create the slots."""

    def aligned(self, slots: list, variables: list) -> list:
        """The entries of `slots` that belong to `variables`, in their order.

        `slots` is a list made by `add_optimizer_variables`.
        """
        if variables is self._trainable_variables or not slots:
            return slots
        return [slots[self._index_of[id(v)]] for v in variables]

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index_of[id(variable)]

    def assign(self, variable: Variable, value: Any) -> None:
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        variable.assign_sub(value)

    # ---- updating --------------------------------------------------------------------------------
    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Update one variable and its slots. To be written by a subclass.

        Arguments:
            gradient: tensor of the variable's shape.
            variable: the variable.
            learning_rate: float or scalar tensor.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define update_step(gradient, variable, learning_rate)."
        )

    def _before_updates(self) -> None:
        """For kdist's own optimizers: what is computed once per update, before the variables' `update_step`s."""

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """`apply` for `grads_and_vars`, (gradient, variable) pairs. Returns the step counter."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def apply(self, grads: Iterable, trainable_variables: Iterable[Variable] | None = None) -> None:
        """Update the variables by their gradients.

        Arguments:
            grads: tensors of the variables' shapes, in their order; None for a variable without
                gradient.
            trainable_variables: the variables; default: those the optimizer was built with. The
                first call builds it.

        Raises: ValueError for variables it was not built with, and if there is no gradient at all.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._known(grads, trainable_variables)
        if any(g is None for g in grads):
            grads, variables = self._without_missing(grads, variables)
        average = replicas().mean_gradients
        if not accumulation.adds_local_gradients(self):
            # Accumulators are whole, and so is what they add up.
            grads = average(grads, () if self.gradient_accumulation_steps else variables)
            average = _as_they_are
        self._apply(grads, variables, average)

    def _apply(self, grads: list, variables: list[Variable], average: Callable) -> None:
        """The rest of `apply`.

        `average` makes of the gradients that an update takes what all replicas have in common.
        """
        if self._overwritten:
            grads, variables = accumulation.overwrite_with_gradients(self, grads, variables)
        if grads:
            if self.loss_scale_factor is not None:
                grads = [ops.divide(g, self.loss_scale_factor) for g in grads]
            if self.gradient_accumulation_steps:
                accumulation.update_or_accumulate(self, grads, variables, average)
            else:
                self._update(average(grads, variables), variables)
            if self.use_ema:
                averaging.update(self)
            for v in variables:
                if v.constraint is not None:
                    v.assign(v.constraint(v.value))
        self._iterations.assign_add(1)

    def _known(self, grads: list, variables: Iterable[Variable] | None) -> list[Variable]:
        if variables is None:
            if not self.built:
                raise ValueError(
                    f"{self.name}.apply(grads) needs the variables. Pass them, or call "
                    "build(variables) first."
                )
            if len(grads) != len(self._trainable_variables):
                raise ValueError(
                    f"{self.name}.apply received {len(grads)} gradients, but was built with "
                    f"{len(self._trainable_variables)} variables."
                )
            return self._trainable_variables
        variables = list(variables)
        if not self.built:
            self.build(variables)
        # Elements are compared by identity first, in C: no Python per variable in the usual case.
        if variables == self._trainable_variables:
            return self._known(grads, None)
        if len(grads) != len(variables):
            raise ValueError(
                f"{self.name}.apply received {len(grads)} gradients for {len(variables)} variables."
            )
        for v in variables:
            if id(v) not in self._index_of:
                raise ValueError(
                    f"{self.name} does not know the variable {v!r}: it updates those it was built "
                    "with. Make a new optimizer for new variables."
                )
        return variables

    def _without_missing(
        self, grads: list, variables: list[Variable]
    ) -> tuple[list, list[Variable]]:
        missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
        if len(missing) == len(grads):
            raise ValueError(
                f"{self.name}.apply received no gradient for any variable. Does the loss depend on "
                "them?"
            )
        warnings.warn(
            f"There are no gradients for the variables {missing}: the loss does not depend on "
            "them.",
            stacklevel=3,
        )
        kept = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
        return [g for g, _ in kept], [v for _, v in kept]

    def _update(self, grads: list, variables: list[Variable]) -> None:
        grads = self._clip_gradients(grads, variables)
        rate = self._current_learning_rate()
        if self.weight_decay is not None:
            self._decay_weights(variables, rate)
        if rows.usable(self._row):
            self._row(self, grads, variables, rate)
            return
        grads = rows.whole(grads, variables)
        self._before_updates()
        for gradient, variable in zip(grads, variables, strict=True):
            self.update_step(gradient, variable, rate)

    def _clip_gradients(self, grads: list, variables: list[Variable]) -> list:
        return clipping.clip(grads, variables, self.clipnorm, self.global_clipnorm, self.clipvalue)

    def stateless_apply(
        self, optimizer_variables: Sequence, grads: Sequence, trainable_variables: Sequence
    ) -> tuple[list, list]:
        """`apply` as a function: values in, values out, and no variable changed.

        Arguments:
            optimizer_variables: values of `self.variables`.
            grads: gradients, in the order of `trainable_variables`.
            trainable_variables: values of the variables the optimizer was built with.

        Returns: the new values `(trainable_variables, optimizer_variables)`.
        """
        if not self.built:
            raise ValueError(
                f"{self.name}.stateless_apply needs a built optimizer. Call "
                "build(trainable_variables) first."
            )
        own_variables = self.variables
        for what, given, own in (
            ("optimizer_variables", optimizer_variables, own_variables),
            ("trainable_variables", trainable_variables, self._trainable_variables),
        ):
            if len(given) != len(own):
                raise ValueError(
                    f"{what} has {len(given)} values, but {self.name} has {len(own)} of them."
                )
        plain = lambda values: [v.value if isinstance(v, Variable) else v for v in values]
        mapping = [
            *zip(self._trainable_variables, plain(trainable_variables), strict=True),
            *zip(own_variables, plain(optimizer_variables), strict=True),
        ]
        with scopes.StatelessScope(mapping) as scope:
            self.apply(grads)
        return (
            [scope.get_current_value(v) for v in self._trainable_variables],
            [scope.get_current_value(v) for v in own_variables],
        )

    def scale_loss(self, loss: Any) -> Any:
        """What to differentiate: `loss`, times `loss_scale_factor` if there is one."""
        return (
            loss if self.loss_scale_factor is None else ops.multiply(loss, self.loss_scale_factor)
        )

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """After training: with `use_ema`, the variables in `var_list` become their averages."""
        if self.use_ema:
            averaging.overwrite(self, var_list)

    # ---- weight decay ----------------------------------------------------------------------------
    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave variables out of weight decay.

        Those in `var_list`, and those whose name contains one of `var_names`.
        """
        if self.built:
            raise ValueError(
                f"exclude_from_weight_decay must be called before {self.name} is built."
            )
        object.__setattr__(self, "_excluded", tuple(var_list or ()))
        self._excluded_pattern = re.compile("|".join(sorted(var_names))) if var_names else None

    def _use_weight_decay(self, variable: Variable) -> bool:
        pattern = self._excluded_pattern
        by_name = pattern is not None and pattern.search(variable.name) is not None
        return not by_name and not any(variable is v for v in self._excluded)

    def _decay_weights(self, variables: list[Variable], learning_rate: Any) -> None:
        everything = not self._excluded and self._excluded_pattern is None
        decayed = variables if everything else [v for v in variables if self._use_weight_decay(v)]
        row = rows.named("weight_decay")
        if row is not None:
            row(self, decayed, learning_rate)
            return
        for v in decayed:
            rate = ops.multiply(ops.cast(learning_rate, v.dtype), self.weight_decay)
            v.assign_sub(ops.multiply(v.value, rate))

    # ---- configuration ----
    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, ready for JSON."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            learning_rate: Any = float(rate.numpy())
        else:
            learning_rate = serialization.serialize_keras_object(rate)
        return {
            "name": self.name,
            "learning_rate": learning_rate,
            **{n: getattr(self, n) for n in (*_BASE_ARGUMENTS, *self._config_names)},
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping | None = None
    ) -> Optimizer:
        """An optimizer from `config`, what `get_config` returned.

        `custom_objects` are names and the classes or functions of the user's own.
        """
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = serialization.deserialize_keras_object(
                config["learning_rate"], custom_objects=custom_objects
            )
        return cls(**config)
