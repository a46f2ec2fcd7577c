"""Strategies, meshes, layouts and plans: data that say where a model and its batches lie."""

from kdist.distribution.layout import LayoutMap, TensorLayout
from kdist.distribution.mesh import DeviceMesh
from kdist.distribution.plan import Plan
from kdist.distribution.runtime import (
    distribution,
    get_device_count,
    initialize,
    list_devices,
    process_count,
    process_index,
    set_distribution,
    shutdown,
)
from kdist.distribution.strategies import DataParallel, Strategy

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "LayoutMap",
    "Plan",
    "Strategy",
    "TensorLayout",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "process_count",
    "process_index",
    "set_distribution",
    "shutdown",
]
