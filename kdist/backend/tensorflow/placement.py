"""Which strategies run here, and on which devices of this process a value lies."""

from __future__ import annotations

from typing import Any

from kdist.backend.tensorflow.runtime import runtime
from kdist.distribution.strategies import DataParallel


def check_support(strategy: Any) -> None:
    """Raises ValueError if TensorFlow cannot run `strategy`, saying what to use instead."""
    if strategy is None:
        return
    if not isinstance(strategy, DataParallel):
        raise ValueError(
            f"{strategy!r} is not available on the tensorflow backend. "
            "Use DataParallel(), or the jax backend."
        )
    mesh, processes = strategy.device_mesh, runtime.process_count()
    if strategy.data_shards != mesh.size:
        raise ValueError(
            f"{strategy!r} replicates over a mesh axis. On tensorflow, use DataParallel() "
            "with a mesh of one axis."
        )
    if processes > 1 and mesh.size != processes:
        raise ValueError(
            f"{strategy!r} has {mesh.size} devices and this job has {processes} processes, "
            "which drive one device each. Use DataParallel()."
        )
    known = runtime.list_devices("cpu") + runtime.list_devices("gpu")
    unknown = [d for d in mesh.device_names if d not in known]
    if unknown:
        raise ValueError(f"{strategy!r}: there is no device {unknown[0]!r}. There are {known}.")


def devices_of(layout: Any) -> tuple[str | None, ...]:
    """The devices of this process on which a value with this layout has a copy.

    (None,) is TensorFlow's default device.
    """
    mesh = layout.device_mesh if layout is not None else None
    return (None,) if mesh is None else devices_of_mesh(mesh)


def devices_of_mesh(mesh: Any) -> tuple[str | None, ...]:
    if runtime.process_count() > 1 or (
        mesh.size == 1 and mesh.device_names[0] == runtime.list_devices()[0]
    ):
        return (None,)
    return mesh.device_names


def place_model(model: Any, plan: Any) -> None:
    """Set the layouts of a plan that leaves every variable whole, which is how they were made."""
    for variable, planned in zip(model.variables, plan.variables, strict=True):
        variable.layout = planned.layout


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """`tensor` itself: the strategies that run here leave tensors whole."""
    return tensor
