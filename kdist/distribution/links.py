"""What the devices along a mesh axis are connected by."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kdist.distribution.mesh import DeviceMesh

WITHIN_HOST, BETWEEN_HOSTS = "within a host", "between hosts"


def group_size(mesh: DeviceMesh, axes: Sequence[str]) -> int:
    """How many devices take part in a collective over `axes`."""
    return math.prod(mesh.axis_size(a) for a in axes)


def block_size(mesh: DeviceMesh, axes: Sequence[str]) -> int:
    """The number of neighbours, in the mesh's row-major order, that hold a whole group of a collective over `axes`."""
    outermost = min((mesh.axis_names.index(a) for a in axes), default=len(mesh.shape))
    return math.prod(mesh.shape[outermost:])


def link(mesh: DeviceMesh, axes: Sequence[str], devices_per_host: int) -> str:
    """Whether a collective over `axes` stays on one host, each `devices_per_host` neighbours in the mesh being one.

    Raises: ValueError if `devices_per_host` is not positive.
    """
    if devices_per_host < 1:
        raise ValueError(f"devices_per_host={devices_per_host} must be at least 1.")
    block = block_size(mesh, axes)
    stays = devices_per_host % block == 0 or mesh.size <= devices_per_host
    return WITHIN_HOST if stays else BETWEEN_HOSTS
