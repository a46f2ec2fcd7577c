"""A variable into the part of it that this process writes, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from kdist.core.leaf import Leaf, chunk_shape_for, whole_leaf


def _concrete(index: tuple, shape: tuple) -> tuple[slice, ...]:
    return tuple(slice(*i.indices(n)) for i, n in zip(index, shape, strict=True))


def to_leaf(variable: Any) -> Leaf:
    """The boxes of `variable` that this process owns: of several copies, the first device's."""
    value = variable.handle
    if isinstance(value.sharding, jax.sharding.SingleDeviceSharding):
        # Not laid out on the mesh: every process holds the same, and the chief writes it.
        return whole_leaf(np.asarray(value), owned=jax.process_index() == 0)
    shape = tuple(value.shape)
    everywhere = [_concrete(i, shape) for i in value.sharding.devices_indices_map(shape).values()]
    boxes = {(tuple(s.start for s in i), tuple(s.stop - s.start for s in i)) for i in everywhere}
    own = tuple(
        (tuple(s.start for s in _concrete(shard.index, shape)), np.asarray(shard.data))
        for shard in value.addressable_shards
        if shard.replica_id == 0
    )
    return Leaf(shape, np.dtype(value.dtype), chunk_shape_for(shape, boxes), own)


def from_reader(variable: Any, read: Callable[[tuple[slice, ...]], np.ndarray]) -> None:
    """Fill this process's part of `variable`. A region is read once, and goes to its devices."""
    value = variable.handle
    shape, dtype, sharding = tuple(value.shape), np.dtype(value.dtype), value.sharding
    regions: dict[tuple, np.ndarray] = {}

    def region(index: tuple) -> np.ndarray:
        index = _concrete(index, shape)
        key = tuple((s.start, s.stop) for s in index)
        if key not in regions:
            regions[key] = np.asarray(read(index)).astype(dtype, copy=False)
        return regions[key]

    if isinstance(sharding, jax.sharding.SingleDeviceSharding):
        variable.assign(region((slice(None),) * len(shape)))
    else:
        variable.assign(jax.make_array_from_callback(shape, sharding, region))


def local_value(variable: Any) -> np.ndarray:
    """A copy of this process's first shard."""
    return np.array(variable._storage.read().addressable_data(0))
