"""`DeviceMesh`: devices in a grid whose axes have names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kdist.distribution.runtime import list_devices


@dataclass(frozen=True, init=False)
class DeviceMesh:
    """A grid of devices.

    Arguments:
        shape: sizes of the mesh axes, e.g. (4, 2).
        axis_names: their names, e.g. ("batch", "model").
        devices: as many device names as the mesh has places, in row-major order; default: all devices of the job.

    Raises: ValueError if the number of names or of devices does not fit the shape.
    """

    shape: tuple[int, ...]
    axis_names: tuple[str, ...]
    device_names: tuple[str, ...]

    def __init__(
        self, shape: Sequence[int], axis_names: Sequence[str], devices: Sequence[str] | None = None
    ):
        if not shape or not axis_names:
            raise ValueError(
                f"A DeviceMesh needs a shape and axis_names, and received shape={shape}, axis_names={axis_names}."
            )
        if len(shape) != len(axis_names):
            raise ValueError(
                f"shape={tuple(shape)} and axis_names={tuple(axis_names)} differ in length."
            )
        if len(set(axis_names)) != len(axis_names):
            raise ValueError(f"axis_names={tuple(axis_names)} has a name twice.")
        names = tuple(np.asarray(list_devices() if devices is None else devices).flatten().tolist())
        if math.prod(shape) != len(names):
            raise ValueError(
                f"shape={tuple(shape)} has {math.prod(shape)} places, and there are {len(names)} devices: "
                f"{list(names)}."
            )
        object.__setattr__(self, "shape", tuple(int(n) for n in shape))
        object.__setattr__(self, "axis_names", tuple(axis_names))
        object.__setattr__(self, "device_names", names)

    @property
    def devices(self) -> np.ndarray:
        """Device names as an array of the mesh's shape."""
        return np.array(self.device_names).reshape(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def axis_size(self, name: str) -> int:
        """Number of devices along the mesh axis `name`.

        Raises: ValueError if the mesh has no such axis.
        """
        if name not in self.axis_names:
            raise ValueError(f"{name!r} is not an axis of this mesh; it has {self.axis_names}.")
        return self.shape[self.axis_names.index(name)]

    def __repr__(self) -> str:
        axes = ", ".join(f"{n}={s}" for n, s in zip(self.axis_names, self.shape, strict=True))
        return f"<DeviceMesh {axes}>"
