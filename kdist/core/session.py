"""What a process keeps between models, and how it is forgotten."""

from __future__ import annotations

import gc
from collections.abc import Callable

from kdist.core import names

_forgetters: list[Callable[[], None]] = []


def at_clear(forget: Callable[[], None]) -> Callable[[], None]:
    """Have `clear_session` call `forget` too. A decorator: it returns `forget`."""
    _forgetters.append(forget)
    return forget


def clear_session(free_memory: bool = True) -> None:
    """Forget what kdist keeps between models: automatic names and the shared seed generator.

    Models that are still referred to stay as they are.

    Arguments:
        free_memory: collect what nothing refers to any more, now.

    Example: after it, the first `Dense` is named "dense" again.
    """
    names.reset()
    for forget in _forgetters:
        forget()
    if free_memory:
        gc.collect()
