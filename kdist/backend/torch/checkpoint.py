"""Variables as a checkpoint's leaves, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch.distributed as dist

from kdist.backend.torch.replicas import average
from kdist.backend.torch.runtime import runtime
from kdist.backend.torch.tensors import as_tensor, to_numpy
from kdist.core.leaf import Leaf, whole_leaf


def to_leaf(variable: Any) -> Leaf:
    """The variable's value.

    Every process holds it whole and calls this; process 0 writes it. On the CPU the leaf shares the value's memory.
    """
    value = variable._storage.read()
    if dist.is_initialized() and variable.aggregation == "mean" and not variable.trainable:
        average([value])  # statistics that each process kept of its own slices
    return whole_leaf(to_numpy(value), owned=runtime.process_index() == 0)


def from_reader(variable: Any, read: Callable[[tuple[slice, ...]], np.ndarray]) -> None:
    """Fill the variable from `read(index)`, which gives a region of the global array."""
    value = read(tuple(slice(0, n) for n in variable.shape))
    variable._storage.write(as_tensor(np.asarray(value), variable.dtype).reshape(variable.shape))


def local_value(variable: Any) -> np.ndarray:
    """A copy of the value, as this process holds it."""
    return np.array(to_numpy(variable._storage.held()))
