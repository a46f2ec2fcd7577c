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
    """The variable's value, or this process's part of it. All processes call it.

    Of those that hold the same part, the first writes it. On the CPU the leaf shares the value's memory.
    """
    storage = variable._storage
    held, cut = storage.held().detach(), storage.cut
    if dist.is_initialized() and variable.aggregation == "mean" and not variable.trainable:
        # What each process kept of its own slices. What is cut over them was averaged when it was cut.
        if cut is None:
            average([held])
        elif not cut.gathers and cut.batch_axes:
            average([held], cut.grid.group(cut.batch_axes))
    if cut is None or not cut.axes:
        return whole_leaf(to_numpy(held), owned=runtime.process_index() == 0)
    part = to_numpy(held)
    boxes: tuple = ()
    if cut.grid.is_first(cut.copies):
        boxes = ((tuple(s.start for s in cut.box()), part),)
    # All parts are of one size, so their borders are the grid of chunks.
    return Leaf(cut.shape, part.dtype, tuple(max(1, n) for n in cut.part_shape), boxes)


def from_reader(variable: Any, read: Callable[[tuple[slice, ...]], np.ndarray]) -> None:
    """Fill the variable from `read(index)`, which gives a region of the global array: this process's part alone."""
    storage = variable._storage
    held, cut = storage.held().detach(), storage.cut
    index = tuple(slice(0, n) for n in variable.shape) if cut is None else cut.box()
    value = as_tensor(np.asarray(read(index)), variable.dtype)
    held.copy_(value.reshape(held.shape))


def local_value(variable: Any) -> np.ndarray:
    """A copy of the value, as this process holds it."""
    return np.array(to_numpy(variable._storage.held()))
