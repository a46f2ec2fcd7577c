"""Strategies, meshes, layouts and plans: data that say where a model and its batches lie."""

from kdist.core.abstract import abstract_scope
from kdist.distribution.layout import LayoutMap, TensorLayout
from kdist.distribution.mesh import DeviceMesh
from kdist.distribution.parity import ParityReport, check_parity
from kdist.distribution.plan import Plan
from kdist.distribution.runtime import (
    distribute_tensor,
    distribution,
    get_device_count,
    initialize,
    list_devices,
    process_count,
    process_index,
    set_distribution,
    shutdown,
)
from kdist.distribution.sharded import FSDP, Parallelism
from kdist.distribution.strategies import DataParallel, ModelParallel
from kdist.distribution.strategy import Decision, Strategy
from kdist.distribution.tensor_split import InnerSplit, LinearSplit

__all__ = [
    "FSDP",
    "DataParallel",
    "Decision",
    "DeviceMesh",
    "InnerSplit",
    "LayoutMap",
    "LinearSplit",
    "ModelParallel",
    "Parallelism",
    "ParityReport",
    "Plan",
    "Strategy",
    "TensorLayout",
    "abstract_scope",
    "check_parity",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "process_count",
    "process_index",
    "set_distribution",
    "shutdown",
]
