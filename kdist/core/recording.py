"""Records the calls of layers while a step is traced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from kdist.core import tree


class Kept:
    """Tells tensors by their ids, which are their own while these are kept: for tensors without memory.

    Arguments:
        flows: whether a tensor may have a gradient; default: all may.
    """

    def __init__(self, flows: Callable[[Any], bool] = lambda x: True):
        self._flows = flows
        self._kept: dict[int, Any] = {}

    def identify(self, x: Any) -> tuple[int, bool]:
        self._kept[id(x)] = x
        return id(x), self._flows(x)


class Recorder:
    """Notes each layer's call, and which layer is being called at any moment.

    Arguments:
        describe: what is kept of an argument or an output, given `identify`'s answer: no tensor, which would live on
            here. None: nothing.
        scope: a context manager factory that marks what a layer's call traces, given the layer's id().

    Attributes:
        calls: (layer, described arguments, described outputs, region), in the order in which calls began.
        identify: (key, flows) of a tensor: what is the same for the same tensor and for no other one, and whether it
            may have a gradient.
        region: number of the part of the computation that runs again for the gradients, and which is running; 0: none.
        repeated: ids of the variables that are read in what is computed again for the gradients.
    """

    def __init__(
        self,
        describe: Callable[[Any, Hashable, bool], Any],
        scope: Callable[[int], AbstractContextManager] = nullcontext,
    ):
        self._describe, self._scope = describe, scope
        self._stack: list[int] = []
        self._noting = True
        self.calls: list[tuple[Any, tuple, tuple, int]] = []
        self.identify: Callable[[Any], tuple[Hashable, bool]] = Kept().identify
        self.region = self._regions = 0
        self.repeated: set[int] = set()

    @property
    def current(self) -> int:
        """The id() of the innermost layer that is being called; 0 outside of all."""
        return self._stack[-1] if self._stack else 0

    def run(self, layer: Any, call: Callable, args: tuple, kwargs: dict) -> Any:
        """Run `call(*args, **kwargs)` as a call of `layer`."""
        place, given = len(self.calls), self._described((args, kwargs))
        if self._noting:
            self.calls.append((layer, given, (), self.region))
        self._stack.append(id(layer))
        try:
            with self._scope(id(layer)):
                outputs = call(*args, **kwargs)
        finally:
            self._stack.pop()
        if self._noting:
            self.calls[place] = (layer, given, self._described(outputs), self.region)
        return outputs

    def _described(self, values: Any) -> tuple:
        """The tensors among `values`, each once."""
        found = {id(x): x for x in tree.flatten(values)}
        described = (self._describe(x, *self.identify(x)) for x in found.values())
        return tuple(x for x in described if x is not None)

    def place(self) -> tuple[int, ...]:
        """Which layers are being called, to be given to `again`."""
        return tuple(self._stack)

    @contextmanager
    def in_region(self) -> Iterator[None]:
        """What runs within will run again. A part of such a part belongs to the whole."""
        if self.region:
            yield
            return
        self._regions += 1
        self.region = self._regions
        try:
            yield
        finally:
            self.region = 0

    @contextmanager
    def again(self, place: tuple[int, ...]) -> Iterator[None]:
        """What runs within was run before, at `place`: its calls are followed, and not noted a second time."""
        before = self._stack, self._noting
        self._stack, self._noting = list(place), False
        try:
            yield
        finally:
            self._stack, self._noting = before

    def __enter__(self) -> Recorder:
        self._outer = local.recorder
        local.recorder = self
        return self

    def __exit__(self, *_: Any) -> None:
        local.recorder = self._outer


@contextmanager
def paused() -> Iterator[None]:
    """Calls within are not recorded."""
    outer, local.recorder = local.recorder, None
    try:
        yield
    finally:
        local.recorder = outer


class _Local(threading.local):
    recorder: Recorder | None = None


local = _Local()
