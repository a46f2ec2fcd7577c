"""The base of every layer: a `torch.nn.Module`, so that torch's own tools work on kdist's models."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.modules import module as _torch_module

from kdist.core import recording


class LayerBase(nn.Module):
    """A module whose parameters are the layer's variables.

    `kdist.layers.Layer` defines `__call__` and tracks attributes; this class runs `call` with the module's hooks and
    keeps torch's registries.
    """

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        """`self.call`, directly where no hook wants to know."""
        recorder = recording.local.recorder
        if recorder is not None:
            return recorder.run(self, self.call, args, kwargs)
        if (
            self._forward_hooks
            or self._forward_pre_hooks
            or self._backward_hooks
            or self._backward_pre_hooks
            or _torch_module._global_forward_hooks
            or _torch_module._global_forward_pre_hooks
            or _torch_module._global_backward_hooks
            or _torch_module._global_backward_pre_hooks
        ):
            return nn.Module._call_impl(self, *args, **kwargs)
        return self.call(*args, **kwargs)

    def _attach_variable(self, name: str, variable: Any) -> None:
        storage = variable._storage
        if variable.is_abstract or storage._module is self:
            return
        storage.attach(self, _free_name(name, (self._parameters, self._buffers)))

    def _attach_layer(self, name: str, layer: Any) -> None:
        if not isinstance(layer, nn.Module) or any(
            child is layer for child in self._modules.values()
        ):
            return
        self._modules[_free_name(name, (self._modules,))] = layer

    def _attach_foreign(self, name: str, value: Any) -> None:
        """Register a plain torch module or parameter that was assigned as an attribute."""
        if isinstance(value, nn.Module):
            self._attach_layer(name, value)
        elif isinstance(value, nn.Parameter):
            self._parameters[name] = value

    def _detach(self, value: Any) -> None:
        """Forget a variable, layer, torch module or parameter that is no attribute any more."""
        storage = getattr(value, "_storage", None)
        if storage is not None and storage._module is self:
            storage.detach()
        for table in (self._parameters, self._buffers, self._modules):
            for name in [name for name, held in table.items() if held is value]:
                del table[name]


def _free_name(name: str, tables: tuple[dict, ...]) -> str:
    """`name`, or `name_1`, ... if it is taken; without dots, which torch keeps for paths."""
    name = name.replace(".", "_") or "value"
    candidate, n = name, 0
    while any(candidate in table for table in tables):
        n += 1
        candidate = f"{name}_{n}"
    return candidate
