"""Abstract models: variables with a shape, a dtype and a layout, and no value.

A model that is too large for this machine can be built in an `abstract_scope`, and then planned and costed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


class _Local(threading.local):
    creating = False  # variables that are created get no value
    stand_in: Callable[[tuple[int, ...], str], Any] | None = None  # (shape, dtype) -> tensor


_local = _Local()


@contextmanager
def abstract_scope() -> Iterator[None]:
    """Variables created within have no value: their initializers are not run, and nothing is allocated.

    Layers, models and optimizers built within can be called on symbolic tensors and planned, not trained.

    Example:
        with kdist.distribution.abstract_scope():
            model = make_model()
        print(FSDP(devices=[f"gpu:{i}" for i in range(64)]).plan(model))
    """
    outer, _local.creating = _local.creating, True
    try:
        yield
    finally:
        _local.creating = outer


def is_abstract_scope() -> bool:
    """Whether variables that are created now are abstract."""
    return _local.creating


@contextmanager
def stand_ins(make: Callable[[tuple[int, ...], str], Any]) -> Iterator[None]:
    """Abstract variables are read as `make(shape, dtype)` within.

    For a backend's abstract evaluation, where a tensor costs no memory.
    """
    outer, _local.stand_in = _local.stand_in, make
    try:
        yield
    finally:
        _local.stand_in = outer


class AbstractStorage:
    """The storage of a variable without a value."""

    __slots__ = ("_dtype", "_path", "_shape")

    def __init__(self, path: str, shape: tuple[int, ...], dtype: str):
        self._path, self._shape, self._dtype = path, shape, dtype

    def read(self) -> Any:
        make = _local.stand_in
        return self._refuse() if make is None else make(self._shape, self._dtype)

    def write(self, value: Any) -> None:
        self._refuse()

    def add(self, value: Any) -> Any:
        return self._refuse()

    def handle(self) -> Any:
        return self._refuse()

    def set_trainable(self, trainable: bool) -> None:
        """Nothing to do: there is no value to mark."""

    def _refuse(self) -> NoReturn:
        raise RuntimeError(
            f"The variable {self._path!r}, shape {self._shape}, is abstract: it was created in an "
            "abstract_scope() and has no value. Create the model outside of it to compute with it."
        )
