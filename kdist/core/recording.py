"""Records the calls of layers while a step is traced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any


class Recorder:
    """Notes each layer's call, and which layer is being called at any moment.

    Arguments:
        note: called as `note(layer, arguments, outputs)` for each call, in the order in which calls began.
        scope: a context manager factory that marks what a layer's call traces, given the layer's id().
    """

    def __init__(self, scope: Callable[[int], AbstractContextManager]):
        self._scope = scope
        self._stack: list[int] = []
        self.calls: list[tuple[Any, tuple, Any]] = []  # (layer, (args, kwargs), outputs)

    @property
    def current(self) -> int:
        """The id() of the innermost layer that is being called; 0 outside of all."""
        return self._stack[-1] if self._stack else 0

    def run(self, layer: Any, call: Callable, args: tuple, kwargs: dict) -> Any:
        """Run `call(*args, **kwargs)` as a call of `layer`."""
        place = len(self.calls)
        self.calls.append((layer, (args, kwargs), None))
        self._stack.append(id(layer))
        try:
            with self._scope(id(layer)):
                outputs = call(*args, **kwargs)
        finally:
            self._stack.pop()
        self.calls[place] = (layer, (args, kwargs), outputs)
        return outputs

    def __enter__(self) -> Recorder:
        self._outer = local.recorder
        local.recorder = self
        return self

    def __exit__(self, *_: Any) -> None:
        local.recorder = self._outer


class _Local(threading.local):
    recorder: Recorder | None = None


local = _Local()
