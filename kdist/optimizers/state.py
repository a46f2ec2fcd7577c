"""What an optimizer keeps: its variables, how they are named, tracked and saved."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kdist import initializers
from kdist.backend.variable import Variable
from kdist.core import config, scopes, tree
from kdist.distribution.runtime import distribution
from kdist.optimizers import rows
from kdist.optimizers.schedules.schedule import LearningRateSchedule


class OptimizerState:
    """The variables of an optimizer, in the order in which they are saved.

    Base of `Optimizer` alone.
    """

    name: str
    built: bool
    _variables: list[Variable]
    _iterations: Variable
    _learning_rate: Any  # a Variable, a schedule, or a callable

    def __init__(self) -> None:
        object.__setattr__(self, "_variables", [])

    # ---- variables -------------------------------------------------------------------------------
    def __setattr__(self, name: str, value: Any) -> None:
        tracked = self.__dict__.get("_variables")
        if tracked is None:
            raise RuntimeError(
                f"{type(self).__name__}.__init__ must call super().__init__() before it sets "
                f"{name!r}."
            )
        found = [v for v in tree.flatten(value) if isinstance(v, Variable)]
        if found:
            known = {id(v) for v in tracked}
            tracked.extend(v for v in found if id(v) not in known)
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        # A backend's functions and the ids of variables do not outlive the process.
        return {k: v for k, v in self.__dict__.items() if k not in ("_row", "_index_of")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__dict__["_row"] = rows.of(type(self))
        self.__dict__["_index_of"] = {id(v): i for i, v in enumerate(state["_trainable_variables"])}

    @property
    def variables(self) -> list[Variable]:
        """The optimizer's own variables, in the order in which they are saved.

        That is: iteration, learning rate, then the slots.
        """
        return self._variables[:]

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: str | None = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Add a variable of the optimizer, saved with it.

        Arguments as those of `Variable`; `initializer` may be a name.
        """
        with scopes.name_scope(self.name):
            variable = Variable(
                initializers.get(initializer),
                shape=shape,
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                layout=layout,
                name=name,
            )
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Add a variable of the shape, dtype and layout of `reference_variable`.

        It is called `<its path>_<name>`.
        """
        return self.add_variable(
            reference_variable.shape,
            initializer=initializer,
            dtype=reference_variable.dtype,
            layout=_slot_layout(reference_variable),
            name=f"{reference_variable.path.replace('/', '_')}_{name or 'var'}",
        )

    def add_optimizer_variables(
        self, trainable_variables: Iterable[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Add a variable per trainable variable; for a list of names, one list per name.

        Arguments:
            trainable_variables: the variables that are trained.
            name: the slot's name, or a list of names.
            initializer: an initializer or its name, or a list of them, one for each name.

        Returns: a list aligned with `trainable_variables`, or a tuple of such lists. It holds None
            where a gradient replaces the variable.
        """
        if isinstance(name, str):
            return self.add_optimizer_variables(trainable_variables, [name], [initializer])[0]
        each = (
            list(initializer)
            if isinstance(initializer, list | tuple)
            else [initializer] * len(name)
        )
        if len(each) != len(name):
            raise ValueError(
                f"name={name} has {len(name)} entries and initializer has {len(each)}. Give one "
                "initializer for each name."
            )
        slots: tuple[list, ...] = tuple([] for _ in name)
        for variable in trainable_variables:
            for slot, n, init in zip(slots, name, each, strict=True):
                overwritten = variable.overwrite_with_gradient
                slot.append(
                    None if overwritten else self.add_variable_from_reference(variable, n, init)
                )
        return slots

    # ---- learning rate ---------------------------------------------------------------------------
    def _make_learning_rate(self, learning_rate: Any) -> Any:
        if callable(learning_rate):
            return learning_rate
        if not isinstance(learning_rate, float):
            raise ValueError(
                f"learning_rate={learning_rate!r} of {type(self).__name__} must be a float, a "
                "LearningRateSchedule or a callable without arguments."
            )
        return Variable(
            learning_rate,
            dtype=config.floatx(),
            trainable=False,
            name="learning_rate",
            aggregation="only_first_replica",
        )

    # ------------------------
    def _current_learning_rate(self) -> Any:
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return rate.value
        return rate(self._iterations.value) if isinstance(rate, LearningRateSchedule) else rate()

    @property
    def learning_rate(self) -> Any:
        """The Variable that holds the rate, or the current rate of a schedule or callable.

        Set it to a float, schedule or callable.
        """
        return (
            self._learning_rate
            if isinstance(self._learning_rate, Variable)
            else self._current_learning_rate()
        )

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        old = self._learning_rate
        if callable(learning_rate):
            self._learning_rate = learning_rate
            if isinstance(old, Variable):
                self._variables[:] = [v for v in self._variables if v is not old]
        elif isinstance(old, Variable):
            old.assign(learning_rate)
        else:
            raise TypeError(
                f"learning_rate={learning_rate!r} cannot be set: {self.name} was created with "
                f"{type(old).__name__}, "
                "not with a float. Create the optimizer with a float to set its rate later."
            )

    # ---- saving ----------------------------------------------------------------------------------
    def set_weights(self, weights: Sequence) -> None:
        """Assign arrays to `self.variables`, in order."""
        if not self.built:
            raise ValueError(
                f"{self.name}.set_weights needs a built optimizer. Call build(trainable_variables) "
                "first."
            )
        if len(weights) != len(self.variables):
            raise ValueError(
                f"weights has {len(weights)} arrays, but {self.name} has {len(self.variables)} "
                "variables."
            )
        for variable, weight in zip(self.variables, weights, strict=True):
            variable.assign(weight)

    def save_own_variables(self, store: Any) -> None:
        """Write the variables to `store`, a mapping: "0", "1", ... in the order of `variables`."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Mapping) -> None:
        """Read what `save_own_variables` wrote.

        With another number of variables it warns and reads nothing.
        """
        variables = self.variables
        if len(store.keys()) != len(variables):
            hint = (
                "" if self.built else " It is not built yet: call build(trainable_variables) first."
            )
            warnings.warn(
                f"The saved state of {self.name} is skipped: it has {len(store.keys())} variables "
                f"and the optimizer {len(variables)}.{hint}",
                stacklevel=2,
            )
            return
        for i, variable in enumerate(variables):
            variable.assign(store[str(i)])


def _slot_layout(variable: Variable) -> Any:
    """Where a slot of `variable` lies: with the variable, unless the active strategy says otherwise."""
    strategy, layout = distribution(), variable.layout
    if strategy is None or layout is None:
        return layout
    return strategy.slot_layout(layout, variable.shape)
