from __future__ import annotations

import pytest

from kdist.backend import backend
from kdist.distribution import (
    DataParallel,
    DeviceMesh,
    LayoutMap,
    TensorLayout,
    distribution,
    get_device_count,
    list_devices,
    set_distribution,
)

EIGHT = [f"cpu:{i}" for i in range(8)]


@pytest.fixture
def mesh():
    return DeviceMesh((4, 2), ("batch", "model"), EIGHT)


def test_a_mesh_is_a_grid_with_names(mesh):
    assert mesh.size == 8
    assert mesh.axis_size("model") == 2
    assert mesh.devices.shape == (4, 2)
    assert mesh.devices[1, 0] == "cpu:2"
    assert mesh == DeviceMesh((4, 2), ("batch", "model"), EIGHT)
    assert len({mesh, DeviceMesh((4, 2), ("batch", "model"), EIGHT)}) == 1
    assert repr(mesh) == "<DeviceMesh batch=4, model=2>"


def test_a_mesh_over_all_devices():
    n = get_device_count("cpu")
    assert DeviceMesh((n,), ("batch",), list_devices("cpu")).size == n >= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), ()), r"needs a shape and axis_names, and received shape=\(\)"),
        (((4, 2), ("batch",)), r"shape=\(4, 2\) and axis_names=\('batch',\) differ in length"),
        (((4, 2), ("a", "a")), r"axis_names=\('a', 'a'\) has a name twice"),
        (((3, 2), ("a", "b"), EIGHT), r"has 6 places, and there are 8 devices"),
    ],
)
def test_meshes_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        DeviceMesh(*arguments)


def test_an_axis_that_is_not_there(mesh):
    with pytest.raises(
        ValueError, match=r"'data' is not an axis of this mesh; it has \('batch', 'model'\)"
    ):
        mesh.axis_size("data")
    with pytest.raises(ValueError, match="'data' is not an axis"):
        TensorLayout(("data", None), mesh)


def test_a_layout_says_what_a_device_holds(mesh):
    layout = TensorLayout([None, "model"], mesh)
    assert layout.shard_shape((6, 10)) == (6, 5)
    assert layout.shard_shape((6, 11, 3)) == (
        6,
        6,
        3,
    )  # rounded up; dims that are not named are whole
    assert not layout.is_replicated
    assert TensorLayout((None, None)).is_replicated
    assert repr(layout) == "TensorLayout(-, model)"
    with pytest.raises(ValueError, match="uses a mesh axis for two dims"):
        TensorLayout(("model", "model"), mesh)


def test_the_frameworks_own_layout():
    layout = TensorLayout(["a", None], DeviceMesh((1,), ("a",), list_devices()[:1]))
    own = {"jax": "NamedSharding", "tensorflow": "Layout"}.get(backend())
    if own is None:  # torch
        with pytest.raises(NotImplementedError, match="kdist cuts tensors by itself"):
            _ = layout.backend_layout
    else:
        assert type(layout.backend_layout).__name__ == own
        with pytest.raises(ValueError, match="has no device_mesh"):
            _ = TensorLayout(["a"]).backend_layout


def test_layouts_by_path(mesh):
    layouts = LayoutMap(mesh)
    layouts["dense.*kernel"] = (None, "model")
    layouts["dense_1/kernel"] = ("model", None)
    layouts[".*bias"] = TensorLayout(("model",))
    assert layouts["dense/kernel"].axes == (None, "model")
    assert layouts["dense_1/kernel"].axes == ("model", None)  # an exact key wins
    assert layouts["conv/bias"].device_mesh is mesh
    assert layouts["norm/gamma"] is None
    assert len(layouts) == 3 and next(iter(layouts)) == "dense.*kernel"
    del layouts[".*bias"]
    assert layouts["conv/bias"] is None


def test_layout_maps_that_contradict_themselves(mesh):
    layouts = LayoutMap(mesh)
    layouts["dense"], layouts["kernel"] = (None, "model"), ("model", None)
    with pytest.raises(
        ValueError, match=r"'dense/kernel' matches 2 keys of the LayoutMap: \['dense', 'kernel'\]"
    ):
        layouts["dense/kernel"]
    with pytest.raises(ValueError, match="'dense' is already in the LayoutMap"):
        layouts["dense"] = (None, None)
    with pytest.raises(ValueError, match="The value for 'x' must be a TensorLayout or a tuple"):
        layouts["x"] = "model"


def test_data_parallel(mesh):
    strategy = DataParallel(mesh)
    assert strategy.data_shards == 4
    assert strategy.variable_layout("dense/kernel", (3, 4)).is_replicated
    assert strategy.data_layout(3).axes == ("batch", None, None)
    assert strategy.data_layout(0).axes == ()
    assert DataParallel(devices=EIGHT[:2]).device_mesh.shape == (2,)
    assert DataParallel(devices=EIGHT) == DataParallel(devices=EIGHT)
    assert repr(DataParallel(devices=EIGHT)) == "<DataParallel <DeviceMesh batch=8>>"
    with pytest.raises(ValueError, match="takes device_mesh or devices, not both"):
        DataParallel(mesh, devices=EIGHT)


def test_the_active_strategy():
    strategy = DataParallel(devices=EIGHT)
    assert distribution() is None
    with strategy.scope():
        assert distribution() is strategy
    assert distribution() is None
    set_distribution(strategy)
    try:
        assert distribution() is strategy
    finally:
        set_distribution(None)
