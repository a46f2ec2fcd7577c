"""Where a variable's value lives: in the dict of the module that owns it, looked up at each read.

A module's parameters are replaced behind its back: FSDP2 swaps them for sharded ones, `module.to` for ones on another
device. A variable that held the tensor itself would go on computing with the old one, and would silently never train.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from kdist.backend.torch.parts import Cut, plain
from kdist.backend.torch.tensors import as_tensor


class _Running:
    """Which run of a program is under way: tensors may be remembered within one run. 0 outside of programs."""

    number = 0
    latest = 0
    depth = 0

    def enter(self) -> None:
        if self.depth == 0:
            self.latest += 1
            self.number = self.latest
        self.depth += 1

    def leave(self) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.number = 0

    def renew(self) -> None:
        """A variable's tensor was replaced: forget what is remembered."""
        if self.number:
            self.latest += 1
            self.number = self.latest


running = _Running()


class Storage:
    """One variable's value.

    A trainable float is an `nn.Parameter` in its module's `_parameters`, everything else a plain tensor in
    `_buffers`; until a module takes the variable, the value lies in a dict of its own.
    """

    __slots__ = ("_key", "_module", "_table")
    cut: Cut | None = None  # how the value is cut over processes; None: each of them holds it whole
    updates: Cut | None = None  # how a whole value is cut for its update; None: it is not

    def __init__(self, value: Tensor):
        self._table: dict[str, Any] = {"value": value}
        self._key = "value"
        self._module: nn.Module | None = None

    def read(self) -> Tensor:
        return self._table[self._key]

    def handle(self) -> Tensor:
        return self._table[self._key]

    def held(self) -> Tensor:
        """What this process keeps of the value, to be changed in place: all of it, or its part."""
        return self._table[self._key]

    def updated(self) -> Tensor:
        """What this process updates, as a tensor to be changed in place."""
        return self._table[self._key]

    def gradient(self, gradient: Tensor) -> Tensor:
        """The part of a gradient of the value, in whatever form it comes, that goes with `updated()`."""
        return plain(gradient)

    def wrap(self, part: Tensor) -> Tensor:
        """A sum of such parts, as a gradient that says for itself how it is cut."""
        return part

    def whole(self, gradient: Tensor) -> Tensor:
        """A gradient of the value, in whatever form it comes, whole."""
        return plain(gradient)

    def write(self, value: Tensor) -> None:
        # detach() shares memory and is outside of autograd, at half the cost of entering no_grad().
        value = value.detach() if value.requires_grad else value
        self._table[self._key].detach().copy_(value if type(value) is Tensor else plain(value))

    def add(self, value: Any) -> Tensor:
        held = self._table[self._key]
        if not isinstance(value, Tensor | int | float):
            value = as_tensor(value)
        held.detach().add_(value)
        return held

    def set_trainable(self, trainable: bool) -> None:
        value = self._table[self._key]
        if isinstance(value, nn.Parameter):
            value.requires_grad_(trainable)
        elif trainable and value.is_floating_point():
            self._store(nn.Parameter(value))

    def attach(self, module: nn.Module, key: str) -> None:
        """Move the value into `module` under `key`.

        A second module that shares the variable registers the same parameter.
        """
        value = self._table[self._key]
        if self._module is not None:
            if isinstance(value, nn.Parameter):
                module._parameters[key] = value
            return
        self._module, self._key = module, key
        self._store(value)

    def detach(self) -> None:
        """Take the value back from the module that owns it."""
        self._module, self._table = None, {self._key: self._table.pop(self._key)}
        running.renew()

    def _store(self, value: Tensor) -> None:
        """Put the value where its type belongs."""
        running.renew()
        module = self._module
        if module is None:
            self._table[self._key] = value
            return
        parameter = isinstance(value, nn.Parameter)
        (module._buffers if parameter else module._parameters).pop(self._key, None)
        self._table = module._parameters if parameter else module._buffers
        self._table[self._key] = value
