"""Strategies that shard: layouts as DTensor can have them, and what is refused by name."""

from __future__ import annotations

import pytest

import kdist
from kdist.backend import bound as backend
from kdist.backend.tensorflow.dtensor import one_axis_a_dim
from kdist.distribution import (
    FSDP,
    DeviceMesh,
    LayoutMap,
    ModelParallel,
    Parallelism,
    TensorLayout,
)

DEVICES = [f"cpu:{i}" for i in range(8)]


def compiled_under(strategy, **options):
    with strategy.scope():
        model = kdist.Sequential([kdist.Input((4,)), kdist.layers.Dense(2)])
        model.compile("sgd", "mse", **options)


def test_a_dim_has_one_mesh_axis_and_the_other_goes_to_another_dim():
    mesh = DeviceMesh((1, 4, 2), ("data", "fsdp", "tensor"), DEVICES)
    both = TensorLayout((None, ("tensor", "fsdp")), mesh)
    assert one_axis_a_dim(both, (8, 16)).axes == ("fsdp", "tensor")
    assert one_axis_a_dim(both, (6, 16)).axes == (None, "tensor")  # 6 does not divide by 4
    alone = TensorLayout((("tensor", "fsdp"),), mesh)
    assert one_axis_a_dim(alone, (16,)).axes == ("tensor",)
    trivial = TensorLayout((("data", "fsdp"), None), mesh)
    assert one_axis_a_dim(trivial, (8, 3)).axes == ("fsdp", None)


def test_plans_say_what_dtensor_makes_of_a_layout():
    dense = [kdist.layers.Dense(n, activation="relu") for n in (32, 16)]
    model = kdist.Sequential([kdist.Input((16,)), *dense])
    plan = Parallelism(fsdp=4, tensor=2, devices=DEVICES, min_size=1).plan(model)
    kernel, bias, *_ = plan.variables
    assert (kernel.layout.axes, bias.layout.axes) == (("fsdp", "tensor"), ("tensor",))
    assert "DTensor cuts a dim along one mesh axis" in kernel.why
    assert (kernel.bytes_per_device, bias.bytes_per_device) == (16 * 32 * 4 // 8, 32 * 4 // 2)


@pytest.mark.parametrize(
    ("strategy", "reason"),
    [
        (FSDP(devices=DEVICES, shards=4), "along data and fsdp"),
        (Parallelism(data=2, fsdp=2, tensor=2, devices=DEVICES), "along data and fsdp"),
        (FSDP(devices=DEVICES, level="optimizer"), "optimizer's state alone is not available"),
    ],
)
def test_what_dtensor_cannot_run_is_refused_by_name_at_compile(strategy, reason):
    with pytest.raises(ValueError, match=rf"(?s){reason}.*jax backend"):
        compiled_under(strategy)


def test_eager_steps_and_several_processes_are_refused_too(monkeypatch):
    with pytest.raises(ValueError, match=r"run_eagerly=True is not available under <FSDP.*jax"):
        compiled_under(FSDP(devices=DEVICES), run_eagerly=True)
    strategy = ModelParallel(layout_map=LayoutMap(DeviceMesh((8,), ("model",), DEVICES)))
    monkeypatch.setattr(backend.runtime, "_count", 2)
    with pytest.raises(ValueError, match=r"(?s)one process, and.*2 processes.*DataParallel.*jax"):
        compiled_under(strategy)
