"""The programs of the strategies that shard: a step as one graph function on DTensors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import tensorflow as tf

from kdist.backend.tensorflow.dtensor import GlobalStep, place, whole
from kdist.backend.tensorflow.graphs import Graphs, variables_of
from kdist.backend.tensorflow.micro_steps import MicroSteps
from kdist.backend.tensorflow.placement import check_support
from kdist.backend.tensorflow.sharded_storage import ShardedStorage, lie_in_parts
from kdist.backend.tensorflow.trainer import pack
from kdist.core import tree
from kdist.core.replicas import step_scope
from kdist.distribution.layout import replicated
from kdist.distribution.plan import Plan


class ShardedProgram:
    """One kind of step of a model, computed on the global batch and cut over the mesh by DTensor.

    The variables change in place, so that the state is nothing.

    Arguments: as of `Program`.
    """

    apart = False  # variables are global

    def __init__(self, model: Any, kind: str, plan: Plan):
        check_support(plan.strategy, model.run_eagerly)
        self._model, self._kind, self._strategy = model, kind, plan.strategy
        for variable in variables_of(model):
            if not isinstance(variable._storage, ShardedStorage):
                lie_in_parts(variable, replicated(variable.ndim, plan.mesh))
        self._step = {
            "train": model.train_step,
            "test": model.test_step,
            "predict": model.predict_step,
        }[kind]
        self._micro_steps = MicroSteps()
        self._graphs = Graphs(
            self._compute,
            jit=False,
            put=self._put,
            open_dims=False,
            check=self._check,
            phase=self._micro_steps.phase,
        )

    def begin(self) -> None:
        """Nothing to do: there is one process."""

    def __call__(self, state: None, batch: Any) -> tuple[None, Any]:
        y, w = (None, None) if self._kind == "predict" else (batch.y, batch.sample_weight)
        size = None if batch.mask is None else np.float32(batch.size)
        try:
            out = self._graphs(batch.x, y, w, batch.mask, size)
        except tf.errors.OpError as e:
            self._explain(e)
            raise
        if self._kind == "predict":
            return None, out
        return None, tree.map_structure(lambda v: v if v is None else tf.constant(whole(v)), out)

    def settle(self, state: None) -> None:
        """Nothing to do: nothing is apart."""

    def end(self, state: None) -> None:
        """Nothing to do: the variables hold their values."""

    def gather(self, outputs: Any) -> Any:
        """Outputs of predict as NumPy arrays."""
        return tree.map_structure(lambda v: v if v is None else whole(v), outputs)

    def metric_values(self, state: None) -> None:
        """The metrics' variables are global."""
        return

    def local_metric_values(self, state: None) -> None:
        """The metrics' variables are global."""
        return

    def _put(self, array: Any) -> Any:
        array = np.asarray(array)
        return place(array, self._strategy.data_layout(array.ndim))

    def _compute(self, x: Any, y: Any, w: Any, mask: Any, size: Any) -> Any:
        if size is None:
            size = next(a for a in tree.flatten(x) if a is not None).shape[0]
        self._micro_steps.restart()
        step = GlobalStep(self._strategy, self._micro_steps)
        with step_scope(step, mask, size):
            out = self._step(pack(x, y, w))
        step.settle()
        return out

    def _explain(self, error: tf.errors.OpError) -> None:
        """Raises ValueError in place of DTensor's own words about an op that it cannot cut."""
        found = re.search(r"'?tf\.(\w+)'? op does not implement", str(error))
        if found is not None:
            raise self._refusal(found[1]) from error

    def _check(self, graph: Any) -> None:
        """Raises ValueError for ops on which DTensor would not fail but crash."""
        for op in graph.get_operations():
            if op.type == "SelectV2" and op.inputs[0].shape.rank == 0 != op.outputs[0].shape.rank:
                raise self._refusal("SelectV2 (`tf.where` by a single condition)")

    def _refusal(self, op: str) -> ValueError:
        return ValueError(
            f"{self._strategy!r} on the tensorflow backend cannot run model "
            f"{self._model.name!r}: DTensor has no rule for TensorFlow's op {op}. "
            "Use DataParallel(), or the jax backend."
        )
