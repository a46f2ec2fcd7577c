"""Variables as a checkpoint's leaves, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kdist.backend.tensorflow.collectives import average_over_replicas, gather_sums
from kdist.backend.tensorflow.runtime import runtime
from kdist.backend.tensorflow.sharded_storage import ShardedStorage
from kdist.core.leaf import Leaf, chunk_shape_for, whole_leaf


def to_leaf(variable: Any) -> Leaf:
    """The variable's value; process 0 writes it, in the parts in which it lies.

    A metric's variable holds what each process has added, so that its value is a sum; and sums of
    gradients are averaged. So all processes call this, in the same order.
    """
    storage = variable._storage
    if isinstance(storage, ShardedStorage):
        parts = tuple(storage.parts())
        shape = tuple(variable.shape)
        chunk = chunk_shape_for(shape, [(offset, part.shape) for offset, part in parts])
        return Leaf(shape, parts[0][1].dtype, chunk, parts)
    if storage.is_apart:
        average_over_replicas([storage])
    value = gather_sums([storage])[0] if storage.is_sum else storage.read()
    return whole_leaf(np.array(value), owned=runtime.process_index() == 0)


def from_reader(variable: Any, read: Callable[[tuple[slice, ...]], np.ndarray]) -> None:
    """Fill the variable from `read(index)`, which gives a region of the global array."""
    if isinstance(variable._storage, ShardedStorage):
        variable._storage.fill(read)
        return
    value = tf.cast(
        tf.convert_to_tensor(np.asarray(read(tuple(slice(0, n) for n in variable.shape)))),
        variable.dtype,
    )
    value = tf.reshape(value, variable.shape)
    if variable._storage.is_sum and runtime.process_index() > 0:
        value = tf.zeros_like(value)  # process 0 holds the whole sum
    variable._storage.write(value)


def local_value(variable: Any) -> np.ndarray:
    """A copy of the value, or of the first of its parts."""
    storage = variable._storage
    if isinstance(storage, ShardedStorage):
        return np.array(storage.parts()[0][1])
    return np.array(variable.numpy())
