"""Containers that tell their layer what is put into them, and a version of the structure of all layers.

Properties such as `trainable_variables` are computed once per version: reading them in a training loop costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kdist.core import tree


class _Structure:
    losses_in_use = False  # whether any layer of the process ever added a loss
    version = 0  # grows whenever any layer gains or loses a part, or its trainability changes


structure = _Structure()


def changed() -> None:
    structure.version += 1


class TrackedList(list):
    """A list that reports every element it receives to `track`."""

    def __init__(self, values: Iterable, track: Callable[[Any], Any]):
        self._track = track
        super().__init__(track(v) for v in values)

    def append(self, value: Any) -> None:
        super().append(self._track(value))

    def insert(self, index: Any, value: Any) -> None:
        super().insert(index, self._track(value))

    def extend(self, values: Iterable) -> None:
        super().extend(self._track(v) for v in values)

    def __iadd__(self, values: Iterable) -> TrackedList:  # type: ignore[override,misc]
        self.extend(values)
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        super().__setitem__(
            index,
            [self._track(v) for v in value] if isinstance(index, slice) else self._track(value),
        )

    def __reduce__(self) -> tuple:
        return list, (list(self),)


class TrackedDict(dict):
    """A dict that reports every value it receives to `track`."""

    def __init__(self, values: dict, track: Callable[[Any], Any]):
        self._track = track
        super().__init__({k: track(v) for k, v in values.items()})

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, self._track(value))

    def update(self, *args: Any, **kwargs: Any) -> None:
        for k, v in dict(*args, **kwargs).items():
            self[k] = v

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def __reduce__(self) -> tuple:
        return dict, (dict(self),)


tree.register(TrackedList, list)
tree.register(TrackedDict, dict)


def unique(items: Iterable) -> list:
    """The items in order, each object once."""
    return list({id(x): x for x in items}.values())
