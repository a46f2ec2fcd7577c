"""Starting anew within a process."""

from __future__ import annotations

import gc

from kdist.core import names
from kdist.random.seed_generator import reset_global_seed_generator


def clear_session(free_memory: bool = True) -> None:
    """Forget what kdist keeps between models: automatic names and the shared seed generator.

    Models that are still referred to stay as they are.

    Arguments:
        free_memory: collect what nothing refers to any more, now.

    Example: after it, the first `Dense` is named "dense" again.
    """
    names.reset()
    reset_global_seed_generator()
    if free_memory:
        gc.collect()
