"""Logs that stay on the device until somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import numpy as np


def to_python(value: Any) -> Any:
    """A Python float for a scalar on the device, a NumPy array for anything larger."""
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else array


class Logs(MutableMapping):
    """`{"loss": 0.1, ...}` whose values are fetched from the device at the first look.

    Valid until the next step begins.

    Arguments:
        local: gives this process's own values.
        read: gives the values. Where metrics are accumulated per process, reading sums over all processes, so every
            process must look at the same steps.
    """

    __slots__ = ("_local", "_read", "_values")

    def __init__(self, read: Callable[[], dict], local: Callable[[], dict] | None = None):
        self._read: Callable[[], dict] | None = read
        self._local = local
        self._values: dict = {}

    def local(self) -> dict:
        """This process's own numbers, without asking the others: for a progress bar that only the chief shows."""
        return self._resolved() if self._read is None or self._local is None else self._local()

    def _resolved(self) -> dict:
        if self._read is not None:
            read, self._read = self._read, None
            self._values = read()
        return self._values

    def __getitem__(self, key: str) -> Any:
        return self._resolved()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._resolved()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._resolved()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._resolved())

    def __len__(self) -> int:
        return len(self._resolved())

    def __repr__(self) -> str:
        return repr(self._resolved())

    def copy(self) -> dict:
        return dict(self._resolved())
