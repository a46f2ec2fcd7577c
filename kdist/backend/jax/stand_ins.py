"""Devices that exist only to compile for: they stand in for a mesh that is somewhere else."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh
from jaxlib import xla_client

from kdist.distribution.mesh import DeviceMesh

# With more of them what is compiled grows noticeably: each message names every device.
_LIMIT = 256
_SHORT = 2


def stand_in(mesh: DeviceMesh, cutting: Collection[str]) -> Mesh | None:
    """Devices like those of `mesh`, of which one has as much to hold; None without any, or if too many.

    Only on CPUs: for others XLA would compile in other ways.

    Arguments:
        cutting: the axes that cut anything but batches. Along the others, whose devices hold alike parts, two are as
            good as all.
    """
    # jaxlib does not document its clients: where this is gone, the estimate by rules is left.
    if jax.default_backend() != "cpu" or not hasattr(xla_client, "make_cpu_client"):
        return None
    sizes = [
        n if name in cutting else min(n, _SHORT)
        for name, n in zip(mesh.axis_names, mesh.shape, strict=True)
    ]
    if math.prod(sizes) > _LIMIT:
        return None
    devices = np.array(_devices(math.prod(sizes)), dtype=object).reshape(sizes)
    return Mesh(devices, mesh.axis_names, axis_types=(AxisType.Auto,) * len(sizes))


@functools.lru_cache(maxsize=4)
def _devices(count: int) -> list[Any]:
    """Of a client of its own: those of jax itself are as many as they were when it started."""
    return xla_client.make_cpu_client(num_devices=count).devices()
