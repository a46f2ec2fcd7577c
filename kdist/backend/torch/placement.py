"""Which strategies run here, and how a batch reaches the device."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from kdist.backend.torch.device import place
from kdist.backend.torch.runtime import runtime
from kdist.backend.torch.tensors import as_tensor, from_numpy
from kdist.core import tree
from kdist.distribution.layout import axes_of


def check_support(strategy: Any, run_eagerly: bool = False) -> None:
    """Raise ValueError if torch cannot run `strategy`.

    Raises:
        ValueError: naming the strategy or its mesh, and what to use instead.
    """
    if strategy is None:
        return
    processes = runtime.process_count()
    if strategy.device_mesh.size != processes:
        raise ValueError(
            f"{strategy!r} has {strategy.device_mesh.size} devices, and this job has {processes} process(es); torch "
            "drives one device from each. Start as many processes as devices, e.g. with "
            f"`kdist run --workers {strategy.device_mesh.size}`."
        )
    if list(strategy.device_mesh.device_names) != runtime.list_devices():
        raise ValueError(
            f"{strategy!r} has the devices {list(strategy.device_mesh.device_names)}. On torch they are the "
            f"processes in their order: leave devices= out."
        )
    split = [a for a in strategy.tensor_axes if strategy.device_mesh.axis_size(a) > 1]
    if len(split) > 1:
        raise ValueError(
            f"{strategy!r} splits computations over {len(split)} mesh axes, {split}. On torch it can be one axis: "
            "join them, or use the jax backend."
        )
    if split and getattr(strategy, "level", "parameters") == "optimizer":
        raise ValueError(
            f"{strategy!r}: level='optimizer' with tensor parallelism is not available on the torch backend. Use "
            "level='parameters', or the jax backend."
        )
    for key, layout in getattr(strategy, "rules", ()):
        further = {a for entry in layout.axes[1:] for a in axes_of(entry)}
        misplaced = sorted(further.intersection(strategy.batch_axes))
        if key.endswith(("/output", "/output$")) and misplaced:
            raise ValueError(
                f"{strategy!r}: the rule {key!r} cuts a dim other than the first along the batch's axes {misplaced}. "
                "On torch each process has its own rows. Cut it along another axis, or use the jax backend."
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


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """`tensor` itself: the strategies that run here leave tensors whole."""
    return tensor
