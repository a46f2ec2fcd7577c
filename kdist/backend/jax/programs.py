"""Compiled steps, and the running state they work on.

A step is one jitted function from a flat list of values to the next one. The values it replaces are
donated: their memory is used again. While a program runs, the variables' storages read through to
its cells, so that nothing is copied per step or epoch, and no Python runs per variable and step.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import accumulate, chain, pairwise, starmap
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from kdist.backend.jax import placement, steps
from kdist.backend.jax.several import looped, runs
from kdist.backend.jax.storage import Cell
from kdist.core import tree
from kdist.core.replicas import SINGLE, step_scope
from kdist.distribution.plan import Plan

# References to an array that nobody else holds, as `_taken` counts them: the cell's, a local
# variable's, and getrefcount's own argument.
_OWN_REFERENCES = 3


class State:
    """The values of variables while a program runs: `replaced` by each step, or `fixed`."""

    __slots__ = ("_fixed_homes", "_homes", "_storages", "fixed", "replaced", "results")

    def __init__(self, fixed: Sequence, replaced: Sequence, mesh: Any):
        for v in (*fixed, *replaced):
            _join_mesh(v._storage, mesh)
        self.fixed = Cell([v._storage.read() for v in fixed])
        self.replaced = Cell(_taken([v._storage for v in replaced]))
        places = [(self.fixed, i, v._storage) for i, v in enumerate(fixed)]
        places += [(self.replaced, i, v._storage) for i, v in enumerate(replaced)]
        self._homes = [(storage, storage.bind(cell, i)) for cell, i, storage in places]
        self.results: list = []

    def settle(self) -> None:
        """Take over the results of a step after which an interrupt came."""
        if self.results:
            self.replaced.values = self.results[-1][0]
            self.results.clear()

    def release(self) -> None:
        """Write all values back to where the storages were."""
        self.settle()
        for storage, (cell, index) in reversed(self._homes):
            value = storage.read()
            storage.bind(cell, index)
            cell.values[index] = value
        self._homes = []


def _join_mesh(storage: Any, mesh: Any) -> None:
    """A variable that no plan knows (a metric's, a seed's) is replicated over the mesh."""
    if mesh is not None and storage.sharding is None:
        storage.move(NamedSharding(placement.mesh_of(mesh), PartitionSpec()))


def _taken(storages: Sequence) -> list:
    """The storages' values, fit to be donated: an array that someone else holds too is copied."""
    taken: list = []
    seen: set[int] = set()
    for storage in storages:
        x = storage.read()
        if id(x) in seen or sys.getrefcount(x) > _OWN_REFERENCES:
            x = jnp.copy(x)
        seen.add(id(x))
        taken.append(x)
    return taken


class Program:
    """The contract's `Program`. `make` gives the traced function; `groups` the variables it takes.

    Arguments:
        model: the model.
        plan: where everything lies.
        groups: gives (variables that stay, variables that each step replaces) as lists of groups.
        traced: the step, a function (fixed, replaced, data, mask, size) of lists of values.
        gathers: whether outputs are to be whole on every process.
    """

    apart = False  # arrays are global

    def __init__(
        self,
        model: Any,
        plan: Plan,
        groups: Callable[[], tuple[list, list]],
        traced: Callable,
        gathers: bool,
    ):
        self._model, self._strategy, self._mesh = model, plan.strategy, plan.mesh
        self._groups, self._traced, self._gathers = groups, traced, gathers
        self._compiled_for: list | None = None  # a model may have no variables
        self._step: Callable = traced
        self._many: Callable | None = None  # where steps are compiled

    def begin(self) -> State:
        fixed, replaced = self._groups()
        state = State([*chain(*fixed)], [*chain(*replaced)], self._mesh)
        variables = [id(v) for v in chain(*fixed, *replaced)]
        if variables != self._compiled_for:
            self._compile(fixed, replaced)
            self._compiled_for = variables
        return state

    def _compile(self, fixed: list, replaced: list) -> None:
        sizes = [len(g) for g in fixed], [len(g) for g in replaced]

        def step(fixed_values: list, values: list, data: Any, mask: Any, size: Any) -> tuple:
            if mask is None:
                size = tree.flatten(data)[0].shape[0]
            with step_scope(SINGLE, mask, size):
                groups = (_cut(v, n) for v, n in zip((fixed_values, values), sizes, strict=True))
                return self._traced(*groups, data)

        if self._model.run_eagerly or self._model.jit_compile is False:
            self._step = step
            return
        options: dict = {}
        if self._mesh is not None:
            options["out_shardings"] = self._out_shardings(replaced)
        self._step = jax.jit(step, donate_argnums=1, **options)
        self._many = jax.jit(looped(step), donate_argnums=1, **options)

    def _out_shardings(self, replaced: list) -> tuple:
        whole = NamedSharding(placement.mesh_of(self._mesh), PartitionSpec())
        own = [v._storage.sharding for v in chain(*replaced)]
        spread = not whole.is_fully_addressable and self._gathers
        # What a step reports is whole on every process; outputs of one process may stay spread.
        report = whole if spread or not self._gathers else None
        return own, None, report

    def __call__(self, state: State, batch: Any) -> tuple[State, Any]:
        return self._run(self._step, state, *self._inputs(batch))

    def steps(self, state: State, batches: list) -> tuple[State, Any]:
        """A step for each batch; in one dispatch where a full group of them is alike. Gives what the last one gave.

        Smaller groups go one by one: a loop of each length would be a program of its own to compile.
        """
        out = None
        for run in runs(batches):
            if self._many is not None and len(run) == self._model.steps_per_execution:
                state, out = self._run(self._many, state, [self._inputs(b)[0] for b in run])
            else:
                for batch in run:
                    state, out = self(state, batch)
        return state, out

    def _run(self, step: Callable, state: State, *inputs: Any) -> tuple[State, Any]:
        arguments = (state.fixed.values, state.replaced.values, *inputs)
        # The call and the keeping of its result are one step of the interpreter: an interrupt in
        # between would leave nothing but the donated values, which are gone.
        state.results.extend(starmap(step, (arguments,)))
        state.replaced.values, changed, out = state.results[-1]
        state.results.clear()
        for index, value in changed.items():
            state.fixed.values[index] = value
        return state, out

    def _inputs(self, batch: Any) -> tuple:
        """(data, mask, size) of a batch as the step takes them."""
        data, mask, size = steps.pack(batch.x, batch.y, batch.sample_weight), batch.mask, None
        if mask is not None:
            size = np.int32(batch.size)
        if self._strategy is not None:
            data, mask = self._placed(data), None if mask is None else self._placed(mask)
        return data, mask, size

    def compiled(self, batch: Any) -> jax.stages.Compiled:
        """The step compiled for batches such as `batch`, to be looked at. Not while the program runs."""
        state = self.begin()
        try:
            values = state.fixed.values, state.replaced.values
            return self._step.lower(*values, *self._inputs(batch)).compile()
        finally:
            self.end(state)

    def _placed(self, data: Any) -> Any:
        place = lambda x: None if x is None else placement.place_batch(self._strategy, x)
        return tree.map_structure(place, data)

    def end(self, state: State) -> None:
        state.release()

    def gather(self, outputs: Any) -> Any:
        """Outputs of predict as NumPy arrays of the global batch."""
        return tree.map_structure(_to_host, outputs)

    def metric_values(self, state: State) -> list[jax.Array] | None:
        """None: the metrics variables hold global sums.

        With several processes, this process's copies of them: one may then look at them alone.
        """
        values = [v._storage.read() for v in self._model.metrics_variables]
        if all(x.is_fully_addressable for x in values):
            return None
        return [x.addressable_data(0) for x in values]

    def local_metric_values(self, state: State) -> list[jax.Array] | None:
        """`metric_values`: this process knows the global sums."""
        return self.metric_values(state)

    def settle(self, state: State) -> None:
        """Nothing to do: nothing is apart."""


def _cut(values: list, sizes: list[int]) -> tuple[list, ...]:
    """A flat list as groups of the given sizes."""
    return tuple(values[a:b] for a, b in pairwise(accumulate([0, *sizes])))


def _to_host(x: Any) -> Any:
    if not isinstance(x, jax.Array):
        return x
    return np.array(x if x.is_fully_addressable else x.addressable_data(0))


def _changes(before: Sequence, after: Sequence, offset: int) -> dict[int, Any]:
    """Index -> value of what a step assigned: what it left alone does not leave the device."""
    pairs = enumerate(zip(before, after, strict=True), offset)
    return {i: new for i, (old, new) in pairs if new is not old}


def _train(model: Any, plan: Plan) -> Program:
    step = steps.train if steps.is_built_in(model, "train") else type(model).train_step

    def groups() -> tuple[list, list]:
        return [], [
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables if model.optimizer is not None else [],
            model.metrics_variables,
        ]

    def traced(fixed: tuple, replaced: tuple, data: Any) -> tuple:
        out, state = step(model, replaced, data)
        return [x for group in state for x in group], {}, out

    return Program(model, plan, groups, traced, gathers=False)


def _test(model: Any, plan: Plan) -> Program:
    step = steps.test if steps.is_built_in(model, "test") else type(model).test_step

    def groups() -> tuple[list, list]:
        fixed = [model.trainable_variables, model.non_trainable_variables]
        return fixed, [model.metrics_variables]

    def traced(fixed: tuple, replaced: tuple, data: Any) -> tuple:
        out, (trainable, non_trainable, metrics) = step(model, (*fixed, *replaced), data)
        changed = _changes(fixed[0], trainable, 0)
        changed |= _changes(fixed[1], non_trainable, len(fixed[0]))
        return metrics, changed, out

    return Program(model, plan, groups, traced, gathers=False)


def _predict(model: Any, plan: Plan) -> Program:
    step = steps.predict if steps.is_built_in(model, "predict") else type(model).predict_step

    def groups() -> tuple[list, list]:
        return [model.trainable_variables, model.non_trainable_variables], []

    def traced(fixed: tuple, replaced: tuple, data: Any) -> tuple:
        outputs, non_trainable = step(model, fixed, data)
        return [], _changes(fixed[1], non_trainable, len(fixed[0])), outputs

    return Program(model, plan, groups, traced, gathers=True)


_KINDS = {"train": _train, "test": _test, "predict": _predict}


def compile_step(model: Any, kind: str, plan: Plan) -> Program:
    """The program of `kind` ("train", "test" or "predict") for `model`, laid out by `plan`."""
    return _KINDS[kind](model, plan)


def load_metrics(variables: Sequence, values: Sequence[np.ndarray]) -> None:
    """Set metrics variables to global values, as a checkpoint holds them."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
