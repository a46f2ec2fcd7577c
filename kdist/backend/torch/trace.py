"""The memory a training step takes, found by running it on tensors without values."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from kdist.backend.torch import device
from kdist.backend.torch.abstract import empty, inferring
from kdist.backend.torch.device import device_scope
from kdist.core import recording, tree
from kdist.core.recording import Recorder
from kdist.core.spec import Spec
from kdist.distribution.allocations import GRADIENT, Allocation, Read
from kdist.distribution.trace import Traced


def recorder(describe: Callable) -> Recorder:
    """A recorder; what a layer's call allocates is attributed by what is being called."""
    recorder = Recorder(describe)
    numbers, count = WeakIdKeyDictionary(), itertools.count()

    def identify(x: Any) -> tuple[Hashable, bool]:
        if not isinstance(x, Tensor):
            return None, False
        if x.grad_fn is not None:  # of several objects that are one tensor to autograd
            return (x.grad_fn._sequence_nr(), x.output_nr), True
        if x not in numbers:
            numbers[x] = next(count)
        return numbers[x], x.requires_grad

    recorder.identify = identify
    return recorder


class Tracker(TorchDispatchMode):
    """Follows the memory that operations allocate, and its end.

    Storages that exist when it begins are left out. An operation is one event.
    """

    def __init__(self) -> None:
        super().__init__()
        self._event = 0
        self._open: dict[int, tuple[int, int, int, bool]] = {}
        self._reads: dict[int, dict[int, Read]] = {}  # storage -> layer -> its first read
        self._own_reads: dict[int, int] = {}
        self._other_reads: dict[int, int] = {}
        self._watching: dict[int, weakref.ref] = {}
        self._outside: set[int] = set()
        self._closed: list[Allocation] = []
        self._layers: dict[int, int] = {}  # number of a node of autograd -> the layer that made it

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {
            x.untyped_storage()._cdata
            for x in tree.flatten((args, kwargs or {}))
            if isinstance(x, Tensor)
        }
        self._outside |= {key for key in given if key not in self._open}
        given -= self._outside
        own: set[int] = set()
        if torch.is_grad_enabled():
            self._read(given, _called())
        elif torch._C._current_autograd_node() is not None:
            layer = self._layer()[0]
            own = {key for key in given if self._open[key][2:] == (layer, False)}
            self._read({key for key in given if self._open[key][3]}, layer)
        self._own_reads.update(dict.fromkeys(own, self._event + 1))
        self._other_reads.update(dict.fromkeys(given - own, self._event + 1))
        out = func(*args, **(kwargs or {}))
        self._event += 1
        for x in tree.flatten(out):
            if isinstance(x, Tensor):
                self._watch(x.untyped_storage())
        return out

    def _watch(self, storage: Any) -> None:
        key = storage._cdata
        if key in self._open or key in self._outside:
            return
        self._open[key] = (self._event, storage.nbytes(), *self._layer())
        self._watching[key] = weakref.ref(storage, lambda _: self._close(key))

    def _read(self, keys: set[int], layer: int) -> None:
        """The layer that computes reads storages."""
        for key in keys:
            self._reads.setdefault(key, {}).setdefault(layer, Read(layer, self._event + 1))

    def _layer(self) -> tuple[int, bool]:
        """The layer that computes, and whether in its backward pass. Within that, forward passes may run again."""
        node = torch._C._current_autograd_node()
        if node is not None and not torch.is_grad_enabled():
            return self._layers.get(node._sequence_nr(), 0), True
        layer = _called()
        # The operation that the node is of comes first; what follows may make none of its own.
        self._layers.setdefault(torch.autograd._get_sequence_nr() - 1, layer)
        return layer, False

    def _close(self, key: int) -> None:
        begin, nbytes, layer, backward = self._open.pop(key)
        del self._watching[key]
        reads = tuple(self._reads.pop(key, {}).values())
        own, other = self._own_reads.pop(key, None), self._other_reads.pop(key, None)
        self._closed.append(
            Allocation(begin, self._event, nbytes, layer, backward, reads, own, other)
        )

    def allocations(self, gradients: Sequence[Tensor]) -> tuple[Allocation, ...]:
        """All of them; what still lives ends with the last event."""
        keys = {g.untyped_storage()._cdata for g in gradients}
        alive = [
            Allocation(
                begin,
                self._event,
                nbytes,
                *((GRADIENT, False) if key in keys else part),
                tuple(self._reads.get(key, {}).values()),
                self._own_reads.get(key),
                self._other_reads.get(key),
            )
            for key, (begin, nbytes, *part) in self._open.items()
        ]
        return (*self._closed, *alive)


def _called() -> int:
    """id() of the layer that is being called, 0 for none."""
    recorder = recording.local.recorder
    return recorder.current if recorder is not None else 0


def trace_gradients(
    loss_of: Callable, variables: Sequence, others: Sequence, args: tuple, placing: Any = None
) -> Traced:
    """What the gradient of `loss_of(*args)` with respect to `variables` holds in memory, and when.

    Arguments:
        others: further variables that `loss_of` reads.
        args: structures with a `Spec` for each tensor.
        placing: not looked at: no compiler is asked.
    """
    fill = lambda x: empty(x.shape, x.dtype) if isinstance(x, Spec) else x
    # Fake tensors know which kernels the device takes; the meta device would take others.
    with (
        FakeTensorMode(allow_non_fake_inputs=True),
        device_scope(device.DEFAULT),
        torch.enable_grad(),
    ):
        filled = tree.map_structure(fill, args)
        parameters = [empty(v.shape, v.dtype).requires_grad_() for v in variables]
        held = [empty(v.shape, v.dtype) for v in others]
        values = [*zip(variables, parameters, strict=True), *zip(others, held, strict=True)]
        tracker = Tracker()
        with inferring(values) as scope, tracker:
            loss = loss_of(*filled)
            found = torch.autograd.grad(loss, parameters, allow_unused=True)
    gradients = [g for g in found if g is not None]
    sizes = sum(g.untyped_storage().nbytes() for g in gradients)
    reached = frozenset(id(v) for v, g in zip(variables, found, strict=True) if g is not None)
    return Traced(
        tracker.allocations(gradients), sizes, read=frozenset(scope.read), reached=reached
    )
