"""Programs: what runs a step on a batch.

torch is eager, so there is nothing to compile, only work to keep out of the step.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from kdist.backend.torch import overlap
from kdist.backend.torch.agreement import agree
from kdist.backend.torch.grid import grid_of
from kdist.backend.torch.placement import check_support, to_device
from kdist.backend.torch.replicas import (
    OneReplica,
    ProcessReplicas,
    average,
    combined,
    gather_rows,
)
from kdist.backend.torch.storage import running
from kdist.backend.torch.tensors import as_tensor, to_numpy
from kdist.backend.torch.trainer import pack
from kdist.core import tree
from kdist.core.replicas import SINGLE, step_scope
from kdist.core.results import of_metrics, results_given
from kdist.distribution.plan import Plan
from kdist.distribution.runtime import distribution


class State:
    """What a running program must put back at its end. The variables' values stay in their modules."""

    __slots__ = ("was_training",)

    def __init__(self, was_training: bool):
        self.was_training = was_training


class Program:
    """One kind of step of a model.

    Arguments:
        model: a built model.
        kind: "train", "test" or "predict".
        plan: its plan; with a strategy, each process computes a slice of the batch.
    """

    def __init__(self, model: Any, kind: str, plan: Plan):
        check_support(plan.strategy)
        self._model, self._kind = model, kind
        strategy = plan.strategy
        self._grouped = strategy is not None and dist.is_initialized() and dist.get_world_size() > 1
        # Processes with the same rows are one replica; of each other replica, one of them is in the group.
        self._group = _batch_group(strategy) if self._grouped else None
        self._shares = self._grouped and dist.get_world_size(self._group) > 1
        self._replicas = (
            ProcessReplicas(self._group, strategy.batch_axes, grid_of(strategy.device_mesh))
            if self._shares
            else OneReplica()
            if self._grouped
            else SINGLE
        )
        self._step = {
            "train": model.train_step,
            "test": model.test_step,
            "predict": model.predict_step,
        }[kind]
        self.apart = self._may_part = False

    def begin(self) -> State:
        """Set the mode of plain torch modules, and give all processes one state."""
        model = self._model
        was_training = model.training
        nn.Module.train(model, self._kind == "train")
        running.enter()
        if self._grouped:
            live = getattr(model, "_live", None)
            if live is None:
                variables = [
                    *model.variables,
                    *(model.optimizer.variables if model.optimizer is not None else ()),
                ]
                agree([v._storage for v in variables])
            else:
                # Within a fit the weights agree, and statistics of batches do not.
                live.program.settle(live.state)
            if self._kind == "train" and self._shares:
                overlap.begin(model, self._replicas)
        self._may_part = self._shares and self._kind == "train" and bool(self._own_sums())
        return State(was_training)

    def __call__(self, state: State, batch: Any) -> tuple[State, Any]:
        x = to_device(batch.x)
        predicts = self._kind == "predict"
        self.apart = self._may_part
        data = (
            pack(x, None, None)
            if predicts
            else pack(x, to_device(batch.y), to_device(batch.sample_weight))
        )
        mask = None if batch.mask is None else as_tensor(batch.mask)
        # Set directly: torch's context managers for it cost more than a small layer.
        outer = torch.is_grad_enabled()
        torch._C._set_grad_enabled(self._kind == "train")
        try:
            with step_scope(self._replicas, mask, batch.size):
                if predicts or not self._shares:
                    return state, self._step(data)
                with results_given() as given:
                    out = self._step(data)
                return state, None if out is None else self._shared(out, given)
        finally:
            torch._C._set_grad_enabled(outer)

    def _shared(self, logs: dict, given: list) -> dict:
        """Logs that a user's own step returned, for all processes alike.

        Results of the model's metrics are left to be read from the metrics, which add up exactly; other numbers are
        averaged.

        Arguments:
            given: what metrics gave in the step.
        """
        logs = _flat(logs)
        results = of_metrics(logs, given, self._model.metrics)
        others = {k: v for k, v in logs.items() if k not in results}
        values = [as_tensor(v).detach().to(torch.float64).clone() for v in others.values()]
        average(values, self._group)
        means = dict(zip(others, values, strict=True))
        return {k: results.get(k) or means[k] for k in logs}

    def end(self, state: State) -> None:
        self.settle(state)
        if self._kind == "train":
            overlap.end(self._model)
        running.leave()
        nn.Module.train(self._model, state.was_training)

    def settle(self, state: State) -> None:
        """Average what each process kept of its own slices: statistics, and sums of gradients.

        They move linearly, so averaging now is averaging at each step.
        """
        if self.apart:
            average([s.held() for s in self._own_sums()], self._group)
            self.apart = False

    def _own_sums(self) -> list:
        """The storages of what a process changes by its own rows alone."""
        model = self._model
        own = [*model.non_trainable_variables]
        if model.optimizer is not None:
            own += model.optimizer.variables
        storages = (v._storage for v in own if v.aggregation == "mean")
        # What is cut over the replicas was averaged when it was cut.
        return [s for s in storages if s.cut is None or not s.cut.gathers]

    def gather(self, outputs: Any) -> Any:
        """Outputs of predict as NumPy arrays of the global batch. With several processes all of them call it."""
        return (
            self._gather_one(outputs)
            if isinstance(outputs, Tensor)
            else tree.map_structure(self._gather_one, outputs)
        )

    def _gather_one(self, x: Any) -> np.ndarray | None:
        if x is None:
            return None
        x = as_tensor(x)
        return to_numpy(gather_rows(x, self._group) if self._shares else x)

    def metric_values(self, state: State) -> list[Tensor] | None:
        """The metrics' variables over all processes, which call it together.

        None where the variables themselves are global.
        """
        if not self._shares:
            return None
        variables = self._model.metrics_variables
        return combined(
            [v._storage.read() for v in variables], [v.aggregation for v in variables], self._group
        )

    def local_metric_values(self, state: State) -> None:
        """This process's own values are those of the variables."""
        return


def _batch_group(strategy: Any) -> Any:
    """The processes that have each a slice of the batch, this one among them."""
    return grid_of(strategy.device_mesh).group(strategy.batch_axes)


def _flat(logs: dict) -> dict:
    """Without nesting: the results of compiled metrics are a dict among the logs."""
    out: dict = {}
    for k, v in logs.items():
        out.update(_flat(v) if isinstance(v, dict) else {k: v})
    return out


def compile_step(model: Any, kind: str, plan: Plan) -> Program:
    """The program that runs `model`'s step of `kind` under `plan`.

    Raises:
        ValueError: if torch cannot run the plan's strategy.
    """
    if model.jit_compile is True:
        warnings.warn(
            "compile(jit_compile=True) has no effect on the torch backend, which runs eagerly. Leave it at "
            "'auto', or choose the jax backend.",
            stacklevel=2,
        )
    return Program(model, kind, plan)


def load_metrics(variables: list, values: list[np.ndarray]) -> None:
    """Set metrics' variables to global values: the first replica takes the sums over, the others start from zero."""
    strategy = distribution()
    if not dist.is_initialized():
        first = True
    elif strategy is None:
        first = dist.get_rank() == 0
    else:
        first = grid_of(strategy.device_mesh).is_first(strategy.batch_axes)
    for v, value in zip(variables, values, strict=True):
        mine = value if first or v.aggregation != "sum" else np.zeros_like(value)
        v._storage.write(as_tensor(mine, v.dtype).reshape(v.shape))
