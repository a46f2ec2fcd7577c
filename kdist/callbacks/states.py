"""The state of callbacks, as part of a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from kdist.callbacks.callback import Callback
from kdist.core.leaf import Leaf, whole_leaf
from kdist.distribution import process_index


def keyed(callbacks: Iterable[Callback]) -> Iterator[tuple[str, Callback]]:
    """Each callback with a name: its class, and a number from the second of a class on.

    So a resumed fit may have more or fewer callbacks, of other classes, than the one before.
    """
    met: dict[str, int] = {}
    for callback in callbacks:
        name = type(callback).__name__
        met[name] = met.get(name, 0) + 1
        yield (name if met[name] == 1 else f"{name}_{met[name] - 1}"), callback


def collect(callbacks: Iterable[Callback]) -> tuple[dict[str, Any], dict[tuple[str, ...], Leaf]]:
    """(JSON data, leaves): all callbacks' state; arrays are leaves ("callbacks", key, name)."""
    data: dict[str, Any] = {}
    leaves: dict[tuple[str, ...], Leaf] = {}
    chief = process_index() == 0
    for key, callback in keyed(callbacks):
        state = callback.get_state()
        if not state:
            continue
        arrays = [name for name, value in state.items() if isinstance(value, np.ndarray)]
        for name in arrays:
            leaves["callbacks", key, name] = whole_leaf(state[name], owned=chief)
        rest = {name: plain(value) for name, value in state.items() if name not in arrays}
        data[key] = {"state": rest, "arrays": arrays}
    return data, leaves


def load(data: dict[str, Any], reader: Any) -> dict[str, dict[str, Any]]:
    """Key -> state, from what `collect` gave and a checkpoint that is open for reading."""
    return {
        key: {
            **saved["state"],
            **{name: reader.read(("callbacks", key, name)) for name in saved["arrays"]},
        }
        for key, saved in data.items()
    }


def plain(value: Any) -> Any:
    """Numbers, lists and dicts for what may hold NumPy values."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value
