"""A part of a computation that is run again when its gradients are taken: as a pure function, with the same results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from kdist.backend import bound as backend
from kdist.core import masks, recording, replicas, scopes, tree
from kdist.core.graph import any_symbolic
from kdist.layers.calling import context


class _Inside(scopes.StatelessScope):
    """Reads what the scope outside holds, keeps assignments and losses to itself, and notes what it found.

    Attributes:
        entry: id(variable) -> the value that the variable had where the region begins, as far as the scope outside
            was asked for it.
        assigned: id(variable) -> variable.
        found: (layer, token of its outermost call, loss) of what `add_loss` received.
    """

    def __init__(self, outer: Any, entry: dict[int, Any]):
        super().__init__(collect_losses=True)
        self._surrounding = outer
        self.entry = entry
        self.assigned: dict[int, Any] = {}
        self.found: list[tuple[Any, Any, Any]] = []

    def get_current_value(self, variable: Any) -> Any:
        key = id(variable)
        value = self.state_mapping.get(key)
        if value is None:
            value = self.entry.get(key)
        if value is None and self._surrounding is not None:
            value = self._surrounding.brought_again(variable)
            if value is not None:
                self.entry[key] = value
                if recording.local.recorder is not None:
                    recording.local.recorder.repeated.add(key)
        return value

    def brought_again(self, variable: Any) -> Any:
        """A region inside of this one brings it anew, unless it was assigned here."""
        if id(variable) in self.state_mapping or self._surrounding is None:
            return self.get_current_value(variable)
        return self._surrounding.brought_again(variable)

    def add_update(self, update: tuple[Any, Any]) -> None:
        super().add_update(update)
        self.assigned[id(update[0])] = update[0]

    def add_loss(self, loss: Any, layer: Any = None) -> None:
        super().add_loss(loss)
        self.found.append((layer, context.token, loss))


class Region:
    """One call of a function, which a backend may run a second time.

    Every run begins with the same state (seeds, statistics) and in the same surroundings (scopes, step, caller). What
    it assigns, and the losses that it adds, are results; the caller of the first run makes them take effect, once.

    Arguments:
        fn: the function.
        args, kwargs: what it is called with: structures of tensors and anything else.
    """

    def __init__(self, fn: Callable, args: tuple, kwargs: dict):
        self._fn, self._arguments = fn, (args, kwargs)
        self._leaves = tree.flatten(self._arguments)
        self._slots = [i for i, x in enumerate(self._leaves) if backend.is_tensor(x)]
        self._outer = scopes.local.stateless
        self._held: list[int] = []
        self._entry: dict[int, Any] = {}
        self._locals = [(x, dict(vars(x))) for x in _SURROUNDINGS]
        self._recorder = recording.local.recorder
        self._place: tuple[int, ...] = () if self._recorder is None else self._recorder.place()
        self._results: _Results | None = None

    def inputs(self) -> list:
        """The tensors that come from outside: the arguments', then those that a stateless scope holds for variables.

        For a backend that takes gradients of arguments alone. Others run the function as it is.
        """
        held = {} if self._outer is None else self._outer.state_mapping
        self._held = [key for key, value in held.items() if backend.is_tensor(value)]
        return [*(self._leaves[i] for i in self._slots), *(held[key] for key in self._held)]

    def run(self, inputs: list | None = None) -> list:
        """The tensors that result: outputs, their masks, losses, and new values of variables.

        Arguments:
            inputs: tensors in place of `inputs()`; None: those themselves.
        """
        again = self._results is not None
        leaves, entry = list(self._leaves), dict(self._entry)
        if inputs is not None:
            for i, x in zip(self._slots, inputs, strict=False):
                mask = masks.get_keras_mask(leaves[i])
                if mask is not None and x is not leaves[i]:
                    masks.set_keras_mask(x, mask)
                leaves[i] = x
            entry.update(zip(self._held, inputs[len(self._slots) :], strict=True))
        args, kwargs = tree.pack_sequence_as(self._arguments, leaves)
        scope = _Inside(self._outer, entry)
        surroundings = self._as_before() if again else self._noted()
        with surroundings, scope:
            outputs = self._fn(*args, **kwargs)
        results = _Results(outputs, scope)
        if not again:
            self._results = results
            self._entry = {**self._entry, **scope.entry}
        return results.take()

    def finish(self, tensors: list) -> Any:
        """Let the results of the first run, as the backend gave them, take effect. Returns the outputs."""
        results = self._results
        assert results is not None
        for key, variable in results.assigned.items():
            if key not in self._entry:
                # A copy: some storages are written in place.
                self._entry[key] = backend.OPS["copy"](variable._full())
        return results.apply(tensors)

    def _noted(self) -> AbstractContextManager:
        return nullcontext() if self._recorder is None else self._recorder.in_region()

    @contextmanager
    def _as_before(self) -> Iterator[None]:
        """Have this thread's surroundings be those of the first run, which may have been another thread's."""
        present = [(x, dict(vars(x))) for x in _SURROUNDINGS]
        recorder = self._recorder
        try:
            _restore(self._locals)
            with nullcontext() if recorder is None else recorder.again(self._place):
                yield
        finally:
            _restore(present)


_SURROUNDINGS = (scopes.local, replicas.local, context, recording.local)


def _restore(locals_: list[tuple[Any, dict]]) -> None:
    for local, values in locals_:
        held = vars(local)
        held.clear()
        held.update(values)


class _Results:
    """What one run gave, as a list of tensors and a description of it, which holds no tensor once they are taken."""

    def __init__(self, outputs: Any, scope: _Inside):
        leaves = tree.flatten(outputs)
        self._structure = tree.map_structure(lambda _: None, outputs)
        self._slots = [i for i, x in enumerate(leaves) if backend.is_tensor(x)]
        found = [masks.get_keras_mask(leaves[i]) for i in self._slots]
        self._masked = [i for i, m in zip(self._slots, found, strict=True) if m is not None]
        self.assigned = scope.assigned
        self._owners = [(layer, token) for layer, token, _ in scope.found]
        self._tensors: list = [
            *(leaves[i] for i in self._slots),
            *(m for m in found if m is not None),
            *(loss for _, _, loss in scope.found),
            *(scope.state_mapping[key] for key in scope.assigned),
        ]
        self._others = [None if backend.is_tensor(x) else x for x in leaves]

    def take(self) -> list:
        tensors, self._tensors = self._tensors, []
        return tensors

    def apply(self, tensors: list) -> Any:
        given = iter(tensors)
        leaves = list(self._others)
        for i in self._slots:
            leaves[i] = next(given)
        for i in self._masked:
            masks.set_keras_mask(leaves[i], next(given))
        scope = scopes.get_stateless_scope()
        for layer, token in self._owners:
            if scope is not None and scope.collect_losses:
                scope.add_loss(next(given), layer)
            else:
                layer._keep_loss(next(given), token)
        for variable in self.assigned.values():
            variable.assign(next(given))
        return tree.pack_sequence_as(self._structure, leaves)


def run_again(fn: Callable, args: tuple, kwargs: dict) -> Any:
    """`fn(*args, **kwargs)`, of which gradients keep the inputs alone: the rest is computed again."""
    if any_symbolic(args) or any_symbolic(kwargs.values()):
        return fn(*args, **kwargs)
    region = Region(fn, args, kwargs)
    return region.finish(backend.rematerialize(region))
