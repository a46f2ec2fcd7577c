"""Which strategies run here, and on which devices of this process a value lies."""

from __future__ import annotations

from typing import Any

from kdist.backend.tensorflow.dtensor import in_global_step, one_axis_a_dim, relaid
from kdist.backend.tensorflow.runtime import runtime
from kdist.backend.tensorflow.sharded_storage import lie_in_parts
from kdist.distribution.strategies import DataParallel
from kdist.distribution.strategy import Strategy


def check_support(strategy: Any, run_eagerly: bool = False) -> None:
    """Raises ValueError if TensorFlow cannot run `strategy`, saying what to use instead."""
    if strategy is None:
        return
    if not isinstance(strategy, Strategy):
        raise ValueError(f"strategy={strategy!r} is not a kdist strategy. Use DataParallel().")
    mesh, processes = strategy.device_mesh, runtime.process_count()
    if shards(strategy):
        _check_sharding(strategy, processes, run_eagerly)
    elif strategy.data_shards != mesh.size:
        raise ValueError(
            f"{strategy!r} replicates over a mesh axis. On tensorflow, use DataParallel() "
            "with a mesh of one axis."
        )
    elif processes > 1 and mesh.size != processes:
        raise ValueError(
            f"{strategy!r} has {mesh.size} devices and this job has {processes} processes, "
            "which drive one device each. Use DataParallel()."
        )
    known = runtime.list_devices("cpu") + runtime.list_devices("gpu")
    unknown = [d for d in mesh.device_names if d not in known]
    if unknown:
        raise ValueError(f"{strategy!r}: there is no device {unknown[0]!r}. There are {known}.")


def _check_sharding(strategy: Any, processes: int, run_eagerly: bool) -> None:
    if run_eagerly:
        raise ValueError(
            f"run_eagerly=True is not available under {strategy!r} on the tensorflow backend. Use "
            "the jax backend, or debug without a strategy."
        )
    if processes > 1:
        raise ValueError(
            f"{strategy!r} on the tensorflow backend shards over the devices of one process, and "
            f"this job has {processes} processes. Use DataParallel(), or the jax backend."
        )
    if getattr(strategy, "level", "parameters") != "parameters":
        raise ValueError(
            f"{strategy!r}: sharding the optimizer's state alone is not available on the tensorflow "
            "backend. Use level='parameters', or the jax backend."
        )
    cutting = [a for a in strategy.batch_axes if strategy.device_mesh.axis_size(a) > 1]
    if len(cutting) > 1:
        raise ValueError(
            f"{strategy!r} splits the batch along {' and '.join(cutting)}, and DTensor splits it "
            "along one mesh axis. On tensorflow make one of them 1, as FSDP() and "
            "Parallelism(fsdp=, tensor=) do; or use the jax backend."
        )


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


def shards(strategy: Any) -> bool:
    """Whether `strategy` is one whose steps DTensor cuts over devices."""
    return strategy is not None and not isinstance(strategy, DataParallel)


def place_model(model: Any, plan: Any) -> None:
    """Bring the model's variables to where the plan wants them, and set their layouts.

    DTensor cuts a dim along one mesh axis: where the plan says two, `layout` says what came of it.
    """
    strategy = plan.strategy
    for variable, planned in zip(model.variables, plan.variables, strict=True):
        variable.layout = planned.layout
        if shards(strategy):
            lie_in_parts(variable, planned.layout)
            storage = variable._storage
            variable.layout = storage.layout
            storage.computes = strategy.compute_layout(storage.layout)


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """In a step on DTensors `tensor` in that layout; else itself, since all else is whole."""
    return relaid(tensor, one_axis_a_dim(layout, tensor.shape)) if in_global_step() else tensor
