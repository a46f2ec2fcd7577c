"""Programs: a model's step as TensorFlow graph functions, one for each shape of batch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kdist.backend.tensorflow.collectives import (
    broadcast_from_first,
    comparison,
    gather_rows,
    gather_sums,
)
from kdist.backend.tensorflow.graphs import Graphs, variables_of
from kdist.backend.tensorflow.micro_steps import MicroSteps
from kdist.backend.tensorflow.placement import check_support, devices_of_mesh, shards
from kdist.backend.tensorflow.replicas import DistributedReplica
from kdist.backend.tensorflow.runtime import runtime
from kdist.backend.tensorflow.sharded_program import ShardedProgram
from kdist.backend.tensorflow.storage import lie_whole
from kdist.backend.tensorflow.tensors import as_tensor
from kdist.backend.tensorflow.trainer import pack
from kdist.core import tree
from kdist.core.replicas import SINGLE, step_scope
from kdist.core.results import ResultOf, of_metrics, results_given
from kdist.distribution.plan import Plan


class Program:
    """One kind of step of a model.

    The variables are TensorFlow's own and change in place, so that the state is nothing.

    Arguments:
        model: a built model.
        kind: "train", "test" or "predict".
        plan: its plan; with a strategy, every device computes a slice of the batch.
    """

    apart = False  # replicas average in each step what they assign

    def __init__(self, model: Any, kind: str, plan: Plan):
        check_support(plan.strategy)
        self._model, self._kind = model, kind
        devices = (None,) if plan.mesh is None else devices_of_mesh(plan.mesh)
        self._devices = devices
        self._many_processes = plan.mesh is not None and runtime.process_count() > 1
        self._strategy = (
            runtime.strategy(devices) if self._many_processes or len(devices) > 1 else None
        )
        for variable in variables_of(model):
            lie_whole(variable, devices)
        self._micro_steps = MicroSteps()
        self._compared: list = []  # the storages that `_alike` compares
        self._alike: Callable[[], Any] = lambda: True
        self._step = {
            "train": model.train_step,
            "test": model.test_step,
            "predict": model.predict_step,
        }[kind]
        self._is_silent = _is_silent(model, kind)
        # Of a user's own step over several replicas: name -> where its number is read, None if it is an average.
        self._reports: dict[str, ResultOf | None] | None = None
        self._graphs: Graphs | None = None
        if not model.run_eagerly:
            jit = _wants_jit(model) and self._strategy is None
            self._graphs = Graphs(self._on_all_replicas, jit, phase=self._micro_steps.phase)
            self._loops = Graphs(self._loop, jit, open_first=True)

    # ---- the protocol ----------------------------------------------------------------------------
    def begin(self) -> None:
        """Give all processes one state, unless a fit that runs has done so."""
        if self._many_processes and getattr(self._model, "_live", None) is None:
            storages = [v._storage for v in variables_of(self._model)]
            storages = [s for s in storages if not s.is_sum]
            if self._compared != storages:
                self._compared, self._alike = storages, comparison(storages)
            if not self._alike():
                values = broadcast_from_first([s.read() for s in storages])
                for storage, value in zip(storages, values, strict=True):
                    storage.write(value)

    def __call__(self, state: None, batch: Any) -> tuple[None, Any]:
        return None, self._logs(self._once(*self._arguments(batch)))

    def _logs(self, out: Any) -> Any:
        """What a step gave, with the results that are to be read off the metrics."""
        if self._reports is None or not isinstance(out, dict):
            return out
        return {k: out[k] if result is None else result for k, result in self._reports.items()}

    def _arguments(self, batch: Any) -> tuple:
        y, w = (None, None) if self._kind == "predict" else (batch.y, batch.sample_weight)
        return batch.x, y, w, batch.mask, None if batch.mask is None else np.float32(batch.size)

    def _once(self, *arguments: Any) -> Any:
        if self._graphs is not None:
            return self._graphs(*arguments)
        to_tensor = lambda a: a if a is None else as_tensor(a)
        return self._on_all_replicas(*tree.map_structure(to_tensor, arguments))

    def steps(self, state: None, batches: Sequence) -> tuple[None, Any]:
        """Several steps, those of equal shapes in one call. Gives what the last one gave."""
        out = None
        for alike in _runs([self._arguments(b) for b in batches]):
            if len(alike) > 1 and self._can_loop():
                stack = lambda *arrays: None if arrays[0] is None else np.stack(arrays)
                out = self._loops(*tree.map_structure(stack, *alike))
            else:
                for arguments in alike:
                    out = self._once(*arguments)
        return None, self._logs(out)

    def _can_loop(self) -> bool:
        """Not where a step's place in an update makes its graph, which the first step's trace tells."""
        if self._graphs is None:
            return False
        known = self._strategy is None or bool(self._graphs.traces())
        return known and not self._micro_steps.phase()

    def settle(self, state: None) -> None:
        """Average the sums of gradients that replicas hold apart, in the midst of an update."""
        self._micro_steps.settle()

    def end(self, state: None) -> None:
        """Nothing to do: the variables hold their values."""

    def gather(self, outputs: Any) -> Any:
        """Outputs of predict as NumPy arrays of the global batch.

        With several processes all of them call it.
        """
        return tree.map_structure(self._gather_one, outputs)

    def _gather_one(self, x: Any) -> np.ndarray | None:
        if x is None:
            return None
        x = as_tensor(x)
        return (gather_rows(x) if self._many_processes else x).numpy()

    def metric_values(self, state: None) -> list | None:
        """The metrics' variables over all processes, which call it together.

        None where the variables themselves are global.
        """
        if not self._many_processes:
            return None
        variables = self._model.metrics_variables
        sums = iter(gather_sums([v._storage for v in variables if v._storage.is_sum]))
        return [next(sums) if v._storage.is_sum else v._storage.read() for v in variables]

    def local_metric_values(self, state: None) -> None:
        """This process's own values are those of the variables."""
        return

    def _loop(self, *stacked: Any) -> Any:
        """One step after the other, on batches that are stacked along a first dim."""
        count = tf.shape(next(a for a in tree.flatten(stacked) if a is not None))[0]
        at = lambda i: tree.map_structure(lambda a: None if a is None else a[i], stacked)

        def body(i: Any) -> list:
            self._on_all_replicas(*at(i))
            return [i + 1]

        # What a step gives does not leave the loop: of steps that give logs, the last is outside.
        before = count if self._is_silent else count - 1
        tf.while_loop(lambda i: i < before, body, [tf.constant(0)])
        return None if self._is_silent else self._on_all_replicas(*at(count - 1))

    # ---- one step --------------------------------------------------------------------------------
    def _on_all_replicas(self, x: Any, y: Any, w: Any, mask: Any, size: Any) -> Any:
        """The step on this process's slice of the batch, each local replica taking its rows."""
        if self._strategy is None:
            return self._one_replica(SINGLE, x, y, w, mask, size)
        self._micro_steps.restart()
        devices, n = self._devices, len(self._devices)
        slices = [(x, y, w, mask)] if n == 1 else _cut((x, y, w, mask), n)

        def replica() -> Any:
            number = int(
                tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group)
            )
            me = DistributedReplica(
                self._strategy, runtime.process_index(), number % n, devices, self._micro_steps
            )
            with results_given() as given:
                out = self._one_replica(me, *slices[me.local], size)
            me.settle()
            if self._kind == "predict" or not isinstance(out, dict):
                return out
            self._reports = dict.fromkeys(out) | of_metrics(out, given, self._model.metrics)
            return _means(me, {k: v for k, v in out.items() if self._reports[k] is None})

        out = self._strategy.run(replica)
        if n == 1:
            return out
        local = lambda v: self._strategy.experimental_local_results(v)
        if self._kind == "predict":
            return tree.map_structure(lambda v: v if v is None else tf.concat(local(v), 0), out)
        return tree.map_structure(lambda v: v if v is None else local(v)[0], out)

    def _one_replica(self, replica: Any, x: Any, y: Any, w: Any, mask: Any, size: Any) -> Any:
        if size is None:
            rows = next(a for a in tree.flatten(x) if a is not None)
            rows = (
                rows.shape[0]
                if rows.shape[0] is not None
                else tf.cast(tf.shape(rows)[0], tf.float32)
            )
            size = rows * replica.count
        with step_scope(replica, mask, size):
            return self._step(pack(x, y, w))


def _wants_jit(model: Any) -> bool:
    """XLA where it is asked for.

    "auto" is without: on a CPU the kernels are faster (a convnet by half), and XLA refuses some
    models.
    """
    return model.jit_compile is True


def _is_silent(model: Any, kind: str) -> bool:
    """Whether a step of the model gives no logs, its results being those of the metrics."""
    own = getattr(type(model), f"{kind}_step").__module__ != "kdist.training.trainer"
    return not own and type(model).compute_metrics.__module__ == "kdist.training.objective"


def _runs(batches: Sequence) -> list[list]:
    """The batches, those together that follow each other with the same shapes."""
    kind = lambda batch: (
        [None if a is None else (np.shape(a), a.dtype) for a in tree.flatten(batch)],
        str(tree.map_structure(lambda _: None, batch)),
    )
    return [list(alike) for _, alike in itertools.groupby(batches, kind)]


def _cut(batch: Any, n: int) -> list:
    """The batch in `n` slices of its rows."""
    leaves = tree.flatten(batch)
    parts = [[None] * n if x is None else tf.split(x, n) for x in leaves]
    return [tree.pack_sequence_as(batch, [p[i] for p in parts]) for i in range(n)]


def _means(replica: DistributedReplica, logs: dict) -> dict:
    """Numbers of a user's own step, averaged over the replicas."""
    if not logs:
        return logs
    values = [tf.cast(as_tensor(v), tf.float32) for v in logs.values()]
    return dict(zip(logs, replica.mean_gradients(values), strict=True))


def compile_step(model: Any, kind: str, plan: Plan) -> Program | ShardedProgram:
    """The program that runs `model`'s step of `kind` under `plan`.

    Raises ValueError if TensorFlow cannot run the plan's strategy.
    """
    made = ShardedProgram if shards(plan.strategy) else Program
    return made(model, kind, plan)


def load_metrics(variables: list, values: list[np.ndarray]) -> None:
    """Set metrics' variables to global values.

    Process 0 takes the sums over, the others start from zero.
    """
    for variable, value in zip(variables, values, strict=True):
        mine = (
            np.zeros_like(value)
            if variable._storage.is_sum and runtime.process_index() > 0
            else value
        )
        variable._storage.write(
            tf.reshape(as_tensor(np.asarray(mine), variable.dtype), variable.shape)
        )
