"""Placing a model whose parameters are cut over processes.

FSDP2 is not applied to kdist's layers: it would change their classes and set attributes on them. It is applied to plain
modules beside the model, one for each unit, which hold the unit's parameters. A layer's `call` then runs through its
module, so that FSDP2's hooks surround it, and the layer's variables look up their values where FSDP2 puts them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from kdist.backend.torch import abstract
from kdist.backend.torch.activations import laid_runs
from kdist.backend.torch.gradients import BY_VALUE, ByBackward
from kdist.backend.torch.grid import grid_of
from kdist.backend.torch.parts import Cut, dtensor, is_sum, like
from kdist.backend.torch.sharded_storage import (
    PartStorage,
    PlacedStorage,
    SplitUpdateStorage,
    computing,
)
from kdist.backend.torch.split_rules import SplitMode
from kdist.backend.torch.storage import Storage, running
from kdist.backend.torch.tensors import TORCH
from kdist.core import masks, tree
from kdist.core.lazy import LazyModule
from kdist.distribution.units import Unit, containers, units_of

fsdp = LazyModule("torch.distributed.fsdp")
_HOLDER = "placed_parameters"
# Layers with fewer bytes are gathered with the model, up to so many bytes in all.
SMALL_UNIT_BYTES, SMALL_UNITS_BYTES = 1 << 20, 32 << 20


class Block(nn.Module):
    """Holds a unit's parameters, and runs the unit's layer."""

    def forward(self, run: Callable, *args: Any, **kwargs: Any) -> Any:
        out = run(*args, **kwargs)
        return _own(out) if isinstance(out, Tensor) else tree.map_structure(_own, out)


def _own(x: Any) -> Any:
    """An output with memory of its own: writing into a view would lose the hooks that FSDP2 puts on it."""
    if not isinstance(x, Tensor) or not x._is_view() or not x.requires_grad:
        return x
    out = x * 1 if is_sum(x) else x.clone()  # DTensor adds up what it clones
    mask = masks.get_keras_mask(x)
    if mask is not None:
        masks.set_keras_mask(out, mask)
    return out


class _Through:
    """A layer's `_run`, through its block. Shapes are inferred without it."""

    def __init__(self, block: nn.Module, run: Callable):
        self.block, self.run = block, run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if abstract.is_active():
            return self.run(*args, **kwargs)
        return self.block(self.run, *args, **kwargs)


class _Split:
    """A model's `_run` over a tensor axis: inside, what is cut stays cut; what comes out is plain and whole."""

    def __init__(self, model: Any, run: Callable):
        self.model, self.run = model, run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if abstract.is_active():
            return self.run(*args, **kwargs)
        if computing.depth:
            return self.run(*args, **kwargs)
        with computing, SplitMode():
            out = self.run(*args, **kwargs)
        for layer in self.model._flatten_layers():
            if layer._losses:
                layer._losses[:] = [_settled(x) for x in layer._losses]
        return tree.map_structure(_settled, out)


def _settled(x: Any) -> Any:
    if not isinstance(x, dtensor.DTensor):
        return x
    whole = x.full_tensor()
    mask = masks.get_keras_mask(x)
    if mask is not None:
        masks.set_keras_mask(whole, _settled(mask))
    return whole


class Placement:
    """What was done to a model to place it, so that it can be undone."""

    def __init__(self, model: Any, plan: Any):
        self.model, self.strategy, self.activations = model, plan.strategy, plan.layers
        self.layers: list[Any] = []  # those whose `_run` was replaced
        self.holder = nn.Module()
        self.cuts = {
            id(v): Cut(p.layout, v.shape, plan.strategy.batch_axes)
            for v, p in zip(model.variables, plan.variables, strict=True)
        }
        self.grid = grid_of(plan.strategy.device_mesh)
        self.tensor_axes = self.grid.ordered(self.strategy.tensor_axes)

    def make(self) -> None:
        # Layers may belong to a second model, placed before: there they stay.
        self.variables = [v for v in self.model.variables if not self._is_placed(v)]
        gathered = {id(v) for v in self.variables if self.cuts[id(v)].gathers and _is_parameter(v)}
        units, rest = units_of(
            self.model, lambda v: id(v) in gathered, SMALL_UNIT_BYTES, SMALL_UNITS_BYTES
        )
        root = self._blocks(units, rest) if gathered else None
        for v in self.variables:
            if id(v) not in gathered:
                self._store(v)
        if self.tensor_axes:
            # From here on plain tensors beside DTensors mean: whole on every process. Also in backward passes,
            # whoever runs them.
            dtensor.DTensor._op_dispatcher._allow_implicit_replication = True
            for model in containers(self.model):
                if "_computes_on_parts" not in model.__dict__:
                    object.__setattr__(model, "_computes_on_parts", True)
                    self._replace(model, _Split(model, model._run))
            for layer, run in laid_runs(self.model, self.activations, self.tensor_axes[0]):
                self._replace(layer, run)
        if root is not None:
            self._replace(self.model, _Through(root, self.model._run))
        self.model._modules[_HOLDER] = self.holder
        running.renew()

    def _is_placed(self, v: Any) -> bool:
        storage = v._storage
        return (
            isinstance(storage, PlacedStorage)
            and storage.cut.layout == self.cuts[id(v)].layout
            and storage.handle().requires_grad == v.trainable
        )

    def holds(self, plan: Any) -> bool:
        """Whether everything lies as `plan` says, by this placing."""
        same = (self.strategy, self.activations) == (plan.strategy, plan.layers)
        return same and all(
            id(v) in self.cuts and self.cuts[id(v)].layout == p.layout and self._trains(v)
            for v, p in zip(self.model.variables, plan.variables, strict=True)
        )

    def _trains(self, v: Any) -> bool:
        """FSDP2 notes once which parameters are trained."""
        return not isinstance(v._storage, PlacedStorage) or self._is_placed(v)

    # ---- variables that are gathered, by FSDP2
    def _blocks(self, units: list[Unit], rest: Unit) -> nn.Module:
        axes = self._batch_axes()
        mesh = self.grid.torch_mesh(axes)
        root = Block()
        for i, unit in enumerate(units):
            outer = root
            # FSDP2 wants one dtype in a block.
            for dtype in {v.dtype: None for v in unit.variables}:
                block = Block()
                outer._modules[f"unit_{i}_{dtype}"] = block
                self._fill(block, [v for v in unit.variables if v.dtype == dtype], mesh)
                self._replace(unit.layer, _Through(block, unit.layer._run))
        for dtype in {v.dtype: None for v in rest.variables}:
            block = Block()
            root._modules[f"rest_{dtype}"] = block
            self._fill(block, [v for v in rest.variables if v.dtype == dtype], mesh)
            self._replace(self.model, _Through(block, self.model._run))
        fsdp.fully_shard(root, mesh=mesh, reshard_after_forward=True)
        # Now, since else the first block that runs would take itself for the root.
        root._get_fsdp_state()._lazy_init()  # type: ignore[operator]
        self.holder._modules["root"] = root
        return root

    def _batch_axes(self) -> tuple[str, ...]:
        """The axes of FSDP2's mesh: a replicated one if there is one, and the one that is gathered."""
        axes = {c.gathers for c in self.cuts.values() if c.gathers}
        batch = self.grid.ordered(self.strategy.batch_axes)
        if len(axes) > 1 or len(batch) > 2 or next(iter(axes)) != batch[-1:]:
            raise ValueError(
                f"{self.strategy!r} shards variables along the batch axes {sorted(axes)} of {batch}. On torch all of "
                f"them are sharded along the last one, {batch[-1]!r}. Change the rules, or use the jax backend."
            )
        return batch

    def _fill(self, block: nn.Module, variables: list, mesh: Any) -> None:
        """Make the parameters of a block, each from this process's part alone."""
        dims = {}
        names = {f"p{i}": v for i, v in enumerate(variables)}
        for name, v in names.items():
            cut = self.cuts[id(v)]
            parameter = nn.Parameter(self._shape_only(v, cut), requires_grad=v.trainable)
            block._parameters[name] = parameter
            [dims[parameter]] = [dim for dim, entry in cut.dims if cut.gathers[0] in entry]
        fsdp.fully_shard(
            block,
            mesh=mesh,
            reshard_after_forward=True,
            shard_placement_fn=lambda p: dtensor.Shard(dims[p]),
        )
        for name, v in names.items():
            shape = block._parameters[name]
            part = self._part(v)
            v._storage = PlacedStorage(
                block, name, nn.Parameter(like(part, shape), requires_grad=v.trainable),
                self.cuts[id(v)],
            )  # fmt: skip

    def _shape_only(self, v: Any, cut: Cut) -> Tensor:
        """What the block computes with, without values: whole, or cut over the tensor axis."""
        if not self.tensor_axes:
            return torch.empty(v.shape, dtype=TORCH[v.dtype], device="meta")
        mesh, placements = self._tensor_placements(cut)
        inner = Cut(cut.layout.without(cut.batch_axes), cut.shape, ())
        part = torch.empty(inner.part_shape, dtype=TORCH[v.dtype], device="meta")
        return dtensor.DTensor.from_local(part, mesh, placements, run_check=False)

    def _tensor_placements(self, cut: Cut) -> tuple[Any, list]:
        mesh = self.grid.torch_mesh(self.tensor_axes)
        dim_of = {a: dim for dim, entry in cut.dims for a in entry}
        return mesh, [
            dtensor.Shard(dim_of[a]) if a in dim_of else dtensor.Replicate()
            for a in self.tensor_axes
        ]

    # ---- the others
    def _store(self, v: Any) -> None:
        cut = self.cuts[id(v)]
        if not _is_parameter(v):
            if cut.axes:
                v._storage = PartStorage(self._part(v), cut)
            return
        if self.tensor_axes:
            mesh, placements = self._tensor_placements(cut)
            value = dtensor.DTensor.from_local(self._part(v), mesh, placements, run_check=False)
            key = f"p{len(self.holder._parameters)}"
            v._storage = PlacedStorage(
                self.holder, key, nn.Parameter(value, requires_grad=v.trainable), cut
            )
            return
        updates = self.strategy.slot_layout(v.layout, v.shape)
        if updates != v.layout and v.trainable:
            self._move(
                v, SplitUpdateStorage(nn.Parameter(self._part(v)), Cut(updates, v.shape, ()))
            )
        elif v._storage.cut is not None:
            self._move(v, Storage(nn.Parameter(self._part(v), requires_grad=v.trainable)))

    def _move(self, v: Any, storage: Storage) -> None:
        """Put `storage` where the variable's old one is registered."""
        old = v._storage
        v._storage = storage
        if old._module is not None:
            storage.attach(old._module, old._key)

    def _part(self, v: Any) -> Tensor:
        """This process's part in the new layout. At most one whole value exists at a time."""
        old, cut = v._storage, self.cuts[id(v)]
        if old.cut is not None and old.cut.layout == cut.layout:
            part = old.held()
        else:
            whole = old.held() if old.cut is None else old.cut.join(old.held())
            part = cut.part_of(whole.detach()).clone(memory_format=torch.contiguous_format)
        if old._module is not None and (cut.gathers or self.tensor_axes):
            _forget(self.model, old.handle())
        return part.detach().contiguous()

    # ---- layers
    def _replace(self, layer: Any, run: Callable) -> None:
        self.layers.append(layer)
        object.__setattr__(layer, "_run", run)

    def undo(self) -> None:
        """Make every variable whole again, and the layers as they were."""
        for v in self.variables:
            old = v._storage
            if old.cut is not None or isinstance(old, SplitUpdateStorage):
                whole = old.held() if old.cut is None else old.cut.join(old.held())
                is_parameter = _is_parameter(v)
                value = nn.Parameter(whole.detach()) if is_parameter else whole
                if is_parameter:
                    value.requires_grad_(v.trainable)
                v._storage = Storage(value)
        for layer in self.layers:
            layer.__dict__.pop("_run", None)
            layer.__dict__.pop("_computes_on_parts", None)
        self.model._modules.pop(_HOLDER, None)
        for layer in self.model._flatten_layers():
            for v in (*layer._own_trainable, *layer._own_non_trainable):
                layer._attach_variable(v.name, v)
        running.renew()


def _is_parameter(v: Any) -> bool:
    return isinstance(v._storage.handle(), nn.Parameter)


def _forget(model: Any, value: Tensor) -> None:
    """Take a parameter out of the layers' tables: its block holds it now."""
    for layer in model._flatten_layers():
        for key in [k for k, p in layer._parameters.items() if p is value]:
            del layer._parameters[key]


def place_model(model: Any, plan: Any) -> None:
    """Bring a built model's variables to where `plan` wants them.

    Raises: ValueError where torch cannot, naming what to use instead.
    """
    old = model.__dict__.get("_placement")
    if old is not None and old.holds(plan):
        return
    if old is not None:
        old.undo()
        object.__setattr__(model, "_placement", None)
        object.__setattr__(model, "_torch_gradients", BY_VALUE)
    for v, planned in zip(model.variables, plan.variables, strict=True):
        v.layout = planned.layout
    strategy = plan.strategy
    laid = bool(plan.layers.inputs or plan.layers.outputs)
    whole = not laid and all(
        p.layout.is_replicated and strategy.slot_layout(p.layout, p.shape).is_replicated
        for p in plan.variables
    )
    if not whole or any(v._storage.cut is not None for v in model.variables):
        placement = Placement(model, plan)
        placement.make()
        object.__setattr__(model, "_placement", placement)
        backward = any(isinstance(v._storage, PlacedStorage) for v in model.variables)
        gradients = ByBackward(bool(placement.tensor_axes)) if backward else BY_VALUE
        object.__setattr__(model, "_torch_gradients", gradients)
    if model.optimizer is not None and model.optimizer.built:
        _place_slots(model.optimizer, strategy)


def _place_slots(optimizer: Any, strategy: Any) -> None:
    """Bring slots that were made before their variables were placed, as a file's are, to where they belong now."""
    variables = optimizer._trainable_variables
    for name, slots in vars(optimizer).items():
        if not isinstance(slots, list) or slots is variables or len(slots) != len(variables):
            continue
        for v, slot in zip(variables, slots, strict=True):
            if not hasattr(slot, "_storage") or slot.shape != v.shape or v.layout is None:
                continue
            layout = v.layout
            if name != "_accumulated_gradients":  # those lie with the gradients
                layout = strategy.slot_layout(layout, v.shape)
            if slot.layout != layout:
                whole, slot.layout = slot._storage.read(), layout
                cut = Cut(layout, slot.shape, strategy.batch_axes)
                part = cut.part_of(whole).clone(memory_format=torch.contiguous_format)
                slot._storage = PartStorage(part, cut) if cut.axes else Storage(part)
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:
        _place_slots(inner, strategy)
