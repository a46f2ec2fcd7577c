"""`Plan`: where everything of a model lies under a strategy, as plain data that can be printed, costed and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kdist.distribution import costs
from kdist.distribution.activation_costs import count_activations
from kdist.distribution.activations import Activations, activations_of
from kdist.distribution.checks import batch_warning, find_warnings
from kdist.distribution.costs import Collective, Tally
from kdist.distribution.layout import TensorLayout, replicated
from kdist.distribution.links import link
from kdist.distribution.memory import activation_bytes
from kdist.distribution.mesh import DeviceMesh
from kdist.distribution.parameter_costs import count_parameters
from kdist.distribution.report import plan_table, plan_text
from kdist.distribution.roles import Roles
from kdist.distribution.runtime import communication, runtime
from kdist.distribution.slots import slot_layouts, slot_variables
from kdist.distribution.statistics_costs import BatchStatistics
from kdist.distribution.trace import LayerCall

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class VariablePlan:
    """One variable: its global shape, and what one device holds of it."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    layout: TensorLayout
    why: str = ""  # what decided the layout

    @property
    def bytes_per_device(self) -> int:
        return costs.layout_bytes(self.layout, self.shape, self.dtype)


@dataclass(frozen=True)
class Plan:
    """The layouts of a model's variables, of its optimizer's, and of a batch; what they take, and what they cost.

    Attributes:
        strategy: None for a model on a single device; everything is then whole.
        mesh: the devices, or None.
        variables: the model's, in the order of `model.variables`.
        optimizer: the optimizer's.
        warnings: what is wrong or wasteful, a sentence each.
        batch_size: rows of the global batch, if it was given.
        collectives: what one device communicates per step, as the selected backend does it. Activations, and what
            rematerialized layers gather again, are counted if the batch size is known. Scalars (the loss, metrics)
            are not.
        activation_bytes: what one device holds beyond parameters, optimizer state and gradients at the fullest moment
            of a step: an estimate; None if the batch size is not known.
        layers: layouts that layers' inputs and outputs are brought to.
    """

    strategy: Any
    mesh: DeviceMesh | None
    variables: tuple[VariablePlan, ...]
    optimizer: tuple[VariablePlan, ...]
    warnings: tuple[str, ...] = ()
    batch_size: int | None = None
    collectives: tuple[Collective, ...] = ()
    activation_bytes: int | None = None
    layers: Activations = field(default_factory=Activations)

    @property
    def data_shards(self) -> int:
        return self.strategy.data_shards if self.strategy is not None else 1

    @property
    def bytes_per_device(self) -> dict[str, int]:
        """Parameters, gradients, optimizer state and, if they are known, activations on one device."""
        slots = self._update_layout
        found = {
            "parameters": sum(v.bytes_per_device for v in self.variables),
            "gradients": sum(
                costs.layout_bytes(slots(v), v.shape, v.dtype)
                for v in self.variables
                if v.trainable
            ),
            "optimizer": sum(v.bytes_per_device for v in self.optimizer),
        }
        if self.activation_bytes is not None:
            found["activations"] = self.activation_bytes
        return found

    def _update_layout(self, variable: VariablePlan) -> TensorLayout:
        """Where a gradient lies when it is used."""
        if self.strategy is None:
            return variable.layout
        return self.strategy.slot_layout(variable.layout, variable.shape)

    @property
    def bytes_communicated_per_step(self) -> int:
        """What one device sends per optimizer update."""
        return int(sum(c.sent for c in self.collectives))

    def bytes_per_link(self, devices_per_host: int) -> dict[str, int]:
        """What one device sends per update, by what it is sent over: "within a host" or "between hosts".

        Arguments:
            devices_per_host: each so many neighbours in the mesh are one host.
        """
        found: dict[str, float] = {}
        for c in self.collectives:
            where = link(self.mesh, c.axes, devices_per_host)  # type: ignore[arg-type]
            found[where] = found.get(where, 0.0) + c.sent
        return {where: int(n) for where, n in found.items()}

    def table(self) -> Table:
        """The variables and the totals, for a rich console."""
        return plan_table(self)

    def text(self, devices_per_host: int | None = None, width: int = 120) -> str:
        """The whole report: layouts, memory, communication and warnings.

        Arguments:
            devices_per_host: adds which link each communication takes; default: links are left out.
            width: of the text, in characters.
        """
        return plan_text(self, devices_per_host, width)

    def __str__(self) -> str:
        return self.text()


def _decisions(strategy: Any, model: Any) -> dict[int, Any]:
    """Where the strategy wants each variable to lie, as far as the backend can have it so."""
    decided = strategy.decide(model) if strategy is not None else {}
    possible = getattr(runtime(), "possible_layout", None)
    if possible is None:
        return decided
    shapes = {id(v): tuple(v.shape) for v in model.variables}

    def fitted(i: int, decision: Any) -> Any:
        layout, why = possible(decision.layout, shapes[i])
        if not why:
            return decision
        return replace(decision, layout=layout, why=f"{decision.why}; {why}".lstrip("; "))

    return {i: fitted(i, d) if i in shapes else d for i, d in decided.items()}


def make_plan(
    strategy: Any,
    model: Any,
    batch_size: int | None = None,
    *,
    complete: bool = False,
    **details: Any,
) -> Plan:
    """The plan of a built model (and of its optimizer, if it is compiled) under `strategy`, or on one device if that
    is None.

    Arguments:
        batch_size: rows of the global batch, to estimate activations and what they communicate.
        complete: also plan the variables that an optimizer will have that is not built yet.
        details: what the model's `trace_step` takes beside the rows: `input_shape=`, without the batch dim, where
            the model does not say it.

    Raises: ValueError for a batch_size that is not positive.
    """
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size={batch_size} must be at least 1.")
    decisions = _decisions(strategy, model)
    layouts = {i: d.layout for i, d in decisions.items()}

    def of_weight(v: Any) -> VariablePlan:
        decision = decisions.get(id(v))
        layout = decision.layout if decision is not None else replicated(len(v.shape))
        why = decision.why if decision is not None else ""
        return VariablePlan(v.path, tuple(v.shape), v.dtype, v.trainable, layout, why)

    variables = tuple(map(of_weight, model.variables))
    slots = _slots(model, complete)
    optimizer = tuple(
        VariablePlan(v.path, tuple(v.shape), v.dtype, v.trainable, layout)
        for v, layout in zip(
            slots, slot_layouts(strategy, slots, model.variables, layouts), strict=True
        )
    )
    warnings = find_warnings(strategy, model, variables, runtime().statistics_per_replica)
    plan = Plan(
        strategy=strategy,
        mesh=strategy.device_mesh if strategy is not None else None,
        variables=variables,
        optimizer=optimizer,
        warnings=warnings,
        batch_size=batch_size,
        layers=activations_of(strategy, model, layouts) if strategy is not None else Activations(),
    )
    trace = None
    if batch_size is not None:
        shards = plan.data_shards
        placed = plan if strategy is not None else None
        replicas = shards if runtime().statistics_per_replica else 1
        rows = -(-batch_size // shards)
        trace = model.trace_step(rows, plan=placed, replicas=replicas, **details)
        warning = batch_warning(batch_size, shards)
        plan = replace(plan, warnings=warnings + (() if warning is None else (warning,)))
    if strategy is None:
        if trace is None:
            return plan
        return replace(plan, activation_bytes=activation_bytes(plan, trace))
    how = communication(strategy.device_mesh)
    tally = Tally(strategy.device_mesh)
    uses = _uses(model, trace.calls) if trace else {}
    has_slots = any(v.layout.mesh_axes for v in optimizer)
    count_parameters(tally, strategy, model, variables, how, trace, uses, has_slots)
    activations = None
    if trace is not None:
        roles = Roles(model, strategy, layouts, trace.calls)
        found = count_activations(tally, strategy, roles, trace.calls, how, trace.repeated)
        statistics = BatchStatistics(tally, strategy, model, how, trace.repeated)
        for call in trace.calls:
            statistics.count(call)
        roles.compute(*found)
        activations = activation_bytes(plan, trace, model, how, roles.shares, roles.copies)
    return replace(plan, collectives=tally.collectives(), activation_bytes=activations)


def _uses(model: Any, calls: Iterable[LayerCall]) -> Counter[int]:
    """id of a variable -> how many calls of the layers that hold it."""
    called = Counter(call.layer for call in calls)
    found: Counter[int] = Counter()
    for layer in model._flatten_layers():
        for v in layer._own_trainable:
            found[id(v)] += called[id(layer)]
    return +found


def _slots(model: Any, complete: bool) -> list[Any]:
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None or not (complete or optimizer.built):
        return []
    return slot_variables(optimizer, model.trainable_variables)
