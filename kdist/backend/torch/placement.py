"""Which strategies run here, and how a batch reaches the device."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from kdist.backend.torch.device import place
from kdist.backend.torch.runtime import runtime
from kdist.backend.torch.tensors import as_tensor, from_numpy
from kdist.core import tree
from kdist.distribution import DataParallel


def check_support(strategy: Any) -> None:
    """Raise ValueError if torch cannot run `strategy`.

    Raises:
        ValueError: naming the strategy or its mesh, and what to use instead.
    """
    if strategy is None:
        return
    if not isinstance(strategy, DataParallel):
        raise ValueError(
            f"{strategy!r} is not available on the torch backend. Use DataParallel(), or the jax backend."
        )
    processes = runtime.process_count()
    if strategy.device_mesh.size != processes or strategy.data_shards != processes:
        raise ValueError(
            f"{strategy!r} has {strategy.device_mesh.size} devices, {strategy.data_shards} of them along the "
            f"batch, and this job has {processes} "
            "process(es); torch drives one device from each. Start as many processes as devices, e.g. with "
            "`kdist run --workers N`, and use DataParallel()."
        )


def to_device(tree_of_arrays: Any) -> Any:
    """A batch's arrays as tensors on the device where the step runs; None stays None."""
    if type(tree_of_arrays) is np.ndarray:
        return _one(tree_of_arrays)
    return None if tree_of_arrays is None else tree.map_structure(_one, tree_of_arrays)


def _one(x: Any) -> Tensor | None:
    if x is None:
        return None
    if type(x) is not np.ndarray:
        x = as_tensor(x)
        return x if x.device == place.device else x.to(place.device)
    x = from_numpy(x)
    return x if place.device.type == "cpu" else x.pin_memory().to(place.device, non_blocking=True)


def place_model(model: Any, plan: Any) -> None:
    """Set the layouts of a plan that leaves every variable whole, which is how they were made."""
    for variable, planned in zip(model.variables, plan.variables, strict=True):
        variable.layout = planned.layout


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """`tensor` itself: the strategies that run here leave tensors whole."""
    return tensor
