"""A plan says where everything lies and what it costs, before any device is touched."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import kdist
from kdist import layers
from kdist.distribution import (
    DataParallel,
    DeviceMesh,
    LayoutMap,
    ModelParallel,
    Strategy,
    TensorLayout,
)
from kdist.distribution import plan as plans
from kdist.distribution.communication import Communication

EIGHT = [f"cpu:{i}" for i in range(8)]
WEIGHTS = 10 * 16 + 16 + 16 * 4 + 4


@dataclass(frozen=True)
class ColumnsSharded(Strategy):
    """Kernels are cut along their last dim."""

    device_mesh: DeviceMesh
    batch_axes: tuple[str, ...] = ("batch",)

    def variable_layout(self, path, shape):
        return TensorLayout(
            (None, "model") if len(shape) == 2 else (None,) * len(shape), self.device_mesh
        )


@pytest.fixture
def model():
    made = kdist.Sequential(
        [kdist.Input((10,)), layers.Dense(16, name="wide"), layers.Dense(4, name="narrow")],
        name="planned",
    )
    made.compile(kdist.optimizers.Adam(), "mse")
    made.optimizer.build(made.trainable_variables)
    return made


def test_one_device(model):
    plan = model.plan()
    assert plan.strategy is None and plan.mesh is None and plan.data_shards == 1
    assert plan.bytes_per_device["parameters"] == plan.bytes_per_device["gradients"] == 4 * WEIGHTS
    assert (
        plan.bytes_per_device["optimizer"] == 2 * 4 * WEIGHTS + 8
    )  # two moments, the step and the rate
    assert plan.bytes_communicated_per_step == 0
    assert "Plan: one device" in str(plan)


def test_data_parallel(model, monkeypatch):
    one_by_one = Communication(regathers=False, scatters=True, adds_first=True)
    monkeypatch.setattr(plans, "communication", lambda mesh: one_by_one)
    plan = DataParallel(devices=EIGHT).plan(model)
    assert plan == model.plan(DataParallel(devices=EIGHT))
    assert plan.data_shards == 8
    assert all(v.layout.is_replicated for v in plan.variables)
    assert plan.bytes_communicated_per_step == int(4 * WEIGHTS * 2 * 7 / 8)


def test_sharded_variables_take_a_part_of_the_bytes(model):
    plan = ColumnsSharded(DeviceMesh((4, 2), ("batch", "model"), EIGHT)).plan(model)
    kernel = plan.variables[0]
    assert (kernel.path, kernel.shape, kernel.layout.axes) == (
        "planned/wide/kernel" if kernel.path.startswith("planned") else "wide/kernel",
        (10, 16),
        (None, "model"),
    )
    assert kernel.bytes_per_device == 4 * 10 * 8
    assert plan.bytes_per_device["parameters"] == 4 * (10 * 8 + 16 + 16 * 2 + 4)
    assert plan.data_shards == 4


def test_frozen_layers_have_no_gradients(model):
    model.layers[0].trainable = False
    assert model.plan().bytes_per_device["gradients"] == 4 * (16 * 4 + 4)


def test_the_table_has_a_row_for_each_variable_and_the_totals(model):
    text = str(ColumnsSharded(DeviceMesh((4, 2), ("batch", "model"), EIGHT)).plan(model))
    for v in model.variables:
        assert v.path in text
    for word in (
        "replicated",
        "TensorLayout(-, model)",
        "bytes per device",
        "gradients",
        "optimizer",
        "sent per step",
        "320",
    ):
        assert word in text


def test_layouts_by_the_names_of_keras(model):
    mesh = DeviceMesh((4, 2), ("batch", "model"), EIGHT)
    strategy = ColumnsSharded(mesh)
    assert strategy.get_data_layout((16, 10)).axes == ("batch", None)
    kernel = model.layers[0].kernel
    assert strategy.get_variable_layout(kernel).axes == (None, "model")
    kernel.layout = TensorLayout((None, None), mesh)
    assert strategy.get_variable_layout(kernel).is_replicated
    assert strategy.get_tensor_layout("wide/output") is None
    layout_map = LayoutMap(mesh)
    layout_map["wide/output"] = ("batch", "model")
    parallel = ModelParallel(layout_map=layout_map)
    for path in ("wide", "wide/output"):
        assert parallel.get_tensor_layout(path).axes == ("batch", "model")
    assert parallel.get_tensor_layout("narrow") is None
