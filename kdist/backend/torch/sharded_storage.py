"""Storages of values of which each process keeps a part. To read one is to gather it, which all processes do together.

Only the part is ever kept; the whole exists while somebody uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils.weak import WeakIdKeyDictionary

from kdist.backend.torch.abstract import concrete
from kdist.backend.torch.parts import Cut, is_dtensor, joined, local, plain, settled
from kdist.backend.torch.storage import Storage
from kdist.backend.torch.tensors import TORCH, as_tensor
from kdist.distribution.runtime import distribution


class PartStorage(Storage):
    """This process's part, as a plain tensor: slots of optimizers, and parameters until their model is placed."""

    __slots__ = ("cut",)

    def __init__(self, part: Tensor, cut: Cut):
        super().__init__(part)
        self.cut: Cut = cut

    def read(self) -> Tensor:
        """The whole value, differentiable."""
        return joined(self._table[self._key], self.cut)

    def write(self, value: Tensor) -> None:
        """Keep the part of `value`, which is the same on every process."""
        self.held().detach().copy_(self.cut.part_of(plain(value.detach())))

    def add(self, value: Any) -> Tensor:
        if isinstance(value, Tensor) and value.ndim:
            value = self.cut.part_of(plain(value.detach()).expand(self.cut.shape))
        elif not isinstance(value, Tensor | int | float):
            return self.add(as_tensor(value))
        self.held().detach().add_(value)
        return self.read()

    def updated(self) -> Tensor:
        return self.held()

    def gradient(self, gradient: Tensor) -> Tensor:
        part = local(gradient)
        return part if part.shape == self.held().shape else self.cut.part_of(plain(gradient))

    def wrap(self, part: Tensor) -> Tensor:
        return self.cut.wrap(part)

    def whole(self, gradient: Tensor) -> Tensor:
        """Joined by the layout that the storage knows: DTensor's own notion of a dim cut twice is another."""
        part = local(gradient)
        return self.cut.join(part) if tuple(part.shape) == self.cut.part_shape else plain(gradient)


class Computing:
    """Whether the forward pass of a placed model runs: there, what is cut over a tensor axis is computed with as it
    lies.

    Attributes:
        depth: how many such passes run, one inside of the other.
        adds_later: None, or a layer runs whose output is brought to a layout, so that it may end in a sum of parts:
            brings such a sum to that layout.
        again: whether what runs is computed again for the gradients.
        shared: tensor -> layouts -> the tensor as all layers of a pass take it that want it so. What is computed again
            has one of its own: what it makes would live as long as what it is given, which is kept.
    """

    def __init__(self) -> None:
        self.depth = 0
        self.again = False
        self.adds_later: Callable[[Any], Any] | None = None
        self.shared = WeakIdKeyDictionary()

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *error: object) -> None:
        self.depth -= 1
        if not self.depth:
            self.shared = WeakIdKeyDictionary()

    @contextmanager
    def adding_later(self, later: Callable[[Any], Any] | None) -> Iterator[None]:
        outer, self.adds_later = self.adds_later, later
        try:
            yield
        finally:
            self.adds_later = outer


computing = Computing()


class PlacedStorage(PartStorage):
    """A parameter of a placed model: a DTensor, or whatever FSDP2 puts in its place while its block computes."""

    __slots__ = ("_parameter",)

    def __init__(self, module: nn.Module, key: str, parameter: nn.Parameter, cut: Cut):
        super().__init__(parameter, cut)
        self._parameter: Any = parameter
        self._module, self._key, self._table = module, key, module._parameters
        module._parameters[key] = parameter

    def read(self) -> Tensor:
        value = self._table[self._key]
        if not is_dtensor(value):
            return value  # gathered by FSDP2
        if value is not self._parameter:  # gathered by FSDP2, and cut over the tensor axis
            return value if computing.depth else value.full_tensor()
        if computing.depth and not self.cut.gathers:
            return value
        whole = joined(value, self.cut)
        if value.grad is not None:
            # For a train step of the user's own, which asks `variable.value.grad` after loss.backward().
            if whole.requires_grad:
                whole.retain_grad()
            whole.grad = settled(value.grad, value)
        return whole

    def held(self) -> Tensor:
        return self._parameter._local_tensor

    def handle(self) -> Tensor:
        return self._parameter

    def write(self, value: Tensor) -> None:
        super().write(value)
        gathered = self._table[self._key]
        if gathered is not self._parameter:  # within the forward pass of its block
            gathered.detach().copy_(value.detach() if is_dtensor(gathered) else plain(value))

    def set_trainable(self, trainable: bool) -> None:
        self._parameter.requires_grad_(trainable)

    def attach(self, module: nn.Module, key: str) -> None:
        """A layer made after the placing shares the variable: it finds it here."""


class SplitUpdateStorage(Storage):
    """A parameter that each process holds whole and updates a part of: the optimizer's state alone is cut."""

    __slots__ = ("updates",)

    def __init__(self, value: nn.Parameter, updates: Cut):
        super().__init__(value)
        self.updates: Cut = updates

    def updated(self) -> Tensor:
        """A copy, since the fused updates want dense memory: `publish` carries it back."""
        return self.current_part().clone(memory_format=torch.contiguous_format)

    def current_part(self) -> Tensor:
        return self.updates.part_of(self.held().detach())

    def gradient(self, gradient: Tensor) -> Tensor:
        part = local(gradient)
        if part.shape == self.updates.part_shape:
            return part
        return self.updates.part_of(plain(gradient)).contiguous()

    def whole(self, gradient: Tensor) -> Tensor:
        part = local(gradient)
        return self.updates.join(part) if part.shape == self.updates.part_shape else plain(gradient)


def publish(storages: list[SplitUpdateStorage], parts: list[Tensor]) -> None:
    """Give every process the parts that each has updated, by one gather of all of them together."""
    kinds: dict[Any, list[int]] = {}
    for i, (storage, part) in enumerate(zip(storages, parts, strict=True)):
        kinds.setdefault((storage.updates.axes, storage.updates.grid, part.dtype), []).append(i)
    for (axes, grid, _), members in kinds.items():
        flat = torch.cat([parts[i].reshape(-1) for i in members])
        out = flat.new_empty((grid.count(axes), flat.numel()))
        dist.all_gather_single(
            out.view(-1).view(torch.uint8), flat.view(torch.uint8), group=grid.group(axes)
        )
        start = 0
        for i in members:
            cut = storages[i].updates
            pieces = out[:, start : start + parts[i].numel()]
            start += parts[i].numel()
            [(dim, _)] = cut.dims
            pieces = pieces.reshape(len(out), *cut.part_shape)
            whole = storages[i].held().detach().unflatten(dim, (len(out), -1))
            whole.movedim(dim, 0).copy_(pieces)


def make_storage(variable: Any, make_value: Callable[[], Tensor], layout: Any) -> Storage:
    """A storage born with `make_value()`, of which this process keeps what `layout` gives it."""
    with concrete():
        value = make_value()
        cut = cut_of(layout, variable.shape)
        if cut is not None:
            value = cut.part_of(value)
        # A copy: the value may be the caller's own tensor, or share a NumPy array's memory, and updates are in place.
        memory = torch.preserve_format if cut is None else torch.contiguous_format
        value = value.detach().to(TORCH[variable.dtype], copy=True, memory_format=memory)
        if variable.trainable and value.is_floating_point():
            value = nn.Parameter(value)
    return Storage(value) if cut is None else PartStorage(value, cut)


def cut_of(layout: Any, shape: tuple[int, ...]) -> Cut | None:
    """How `layout` cuts a tensor of `shape` over this job's processes; None where it leaves it whole."""
    if layout is None or layout.device_mesh is None or layout.is_replicated:
        return None
    count = dist.get_world_size() if dist.is_initialized() else 1
    if count == 1 or layout.device_mesh.size != count:
        return None  # compile() will say that the strategy does not fit the job
    strategy = distribution()
    same = strategy is not None and strategy.device_mesh == layout.device_mesh
    cut = Cut(layout, shape, strategy.batch_axes if same else ())
    return cut if cut.axes else None


__all__ = [
    "PartStorage",
    "PlacedStorage",
    "SplitUpdateStorage",
    "computing",
    "cut_of",
    "make_storage",
    "publish",
]
