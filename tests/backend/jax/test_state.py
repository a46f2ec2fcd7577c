"""Storages, placement over devices, abstract evaluation, and parts of checkpoints."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdist.backend import bound as backend
from kdist.backend.jax import placement
from kdist.backend.jax.storage import Cell
from kdist.backend.variable import Variable
from kdist.core.spec import Spec
from kdist.distribution import DataParallel, DeviceMesh, TensorLayout

MESH = DeviceMesh((1,), ("batch",), ["cpu:0"])


def test_a_storage_reads_through_to_the_cell_it_is_bound_to():
    v = Variable(np.zeros(3, "float32"))
    running = Cell([jnp.ones(1), jnp.full(3, 7.0)])
    home = v._storage.bind(running, 1)
    assert np.array_equal(v.numpy(), [7, 7, 7])
    v.assign(np.full(3, 8.0))
    assert np.array_equal(running.values[1], [8, 8, 8])
    v._storage.bind(*home)
    assert np.array_equal(v.numpy(), [0, 0, 0])


def test_assigning_a_traced_value_is_refused():
    v = Variable(np.zeros(3, "float32"))
    with pytest.raises(RuntimeError, match="stateless_call"):
        jax.jit(lambda x: v.assign(x))(jnp.ones(3))
    assert np.array_equal(v.numpy(), [0, 0, 0])


def test_a_variable_made_while_tracing_is_concrete():
    made = []

    def fn(x):
        draw = lambda shape, dtype: backend.OPS["random_normal"](shape, dtype=dtype, seed=[1, 2])
        made.append(Variable(draw, shape=(3, 2)))
        return backend.OPS["matmul"](x, made[-1])

    assert backend.abstract_eval(fn, (Spec((5, 3)),), {}) == Spec((5, 2))
    expected = backend.OPS["random_normal"]((3, 2), seed=[1, 2])
    np.testing.assert_array_equal(made[0].numpy(), expected)


def test_abstract_eval_keeps_what_is_no_array_and_drops_assignments():
    v = Variable(np.zeros(3, "float32"))

    def fn(xs, scale):
        v.assign(xs["a"][0])
        return {"y": xs["a"] * scale, "n": xs["a"].shape, "none": None}

    out = backend.abstract_eval(fn, ({"a": Spec((4, 3), "int64")},), {"scale": 2})
    assert out == {"y": Spec((4, 3), "int32"), "n": (4, 3), "none": None}
    assert np.array_equal(v.numpy(), [0, 0, 0])


def test_a_laid_out_variable_is_born_on_its_mesh(monkeypatch):
    layout = TensorLayout((None, "batch"), MESH)
    draw = lambda shape, dtype: backend.OPS["random_uniform"](shape, dtype=dtype, seed=[3, 4])
    small = Variable(draw, shape=(4, 2), layout=layout)
    monkeypatch.setattr(placement, "_JIT_INITIALIZER_BYTES", 0)
    large = Variable(draw, shape=(4, 2), layout=layout)
    for v in (small, large):
        assert v.handle.sharding == placement.sharding_of(layout)
    np.testing.assert_array_equal(small.numpy(), large.numpy())
    small.assign(np.ones((4, 2)))
    assert small.handle.sharding == placement.sharding_of(layout)


def test_a_layout_without_a_mesh_is_refused():
    with pytest.raises(ValueError, match="device_mesh"):
        Variable(np.zeros(3), layout=TensorLayout((None,)))


def test_support_and_devices():
    backend.check_support(None)
    backend.check_support(DataParallel(MESH))
    with pytest.raises(ValueError, match="'mirror'"):
        backend.check_support("mirror")
    with pytest.raises(ValueError, match="cpu:99"):
        backend.device_scope("cpu:99")
    with backend.device_scope("cpu:0"):
        assert jnp.ones(1).device == jax.devices("cpu")[0]
    assert backend.runtime.list_devices("tpu") == []
    assert backend.runtime.list_devices("CPU")[0] == "cpu:0"
    backend.synchronize()


def test_a_batch_is_placed_in_the_types_that_jax_has():
    strategy = DataParallel(MESH)
    x = placement.place_batch(strategy, np.arange(4))
    assert x.dtype == jnp.int32 and x.sharding == placement.batch_sharding(strategy, 1)


@pytest.mark.parametrize("layout", [None, TensorLayout(("batch", None), MESH)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
def test_leaf_round_trip(layout, dtype):
    values = np.arange(12).reshape(4, 3).astype(jnp.dtype(dtype))
    v = Variable(values, layout=layout)
    leaf = backend.to_leaf(v)
    assert leaf.global_shape == (4, 3) and leaf.dtype == values.dtype and leaf.chunk_shape == (4, 3)
    ((offset, box),) = leaf.boxes
    assert offset == (0, 0)
    np.testing.assert_array_equal(box, values)

    other = Variable(np.zeros((4, 3), dtype), layout=layout)
    asked = []
    backend.from_reader(other, lambda index: asked.append(index) or values[index])
    np.testing.assert_array_equal(other.numpy(), values)
    assert asked == [(slice(0, 4, 1), slice(0, 3, 1))]
    assert other.handle.sharding == v.handle.sharding


def test_a_scalar_leaf():
    v = Variable(3.0)
    leaf = backend.to_leaf(v)
    assert leaf.global_shape == () and float(leaf.boxes[0][1]) == 3.0
    backend.from_reader(v, lambda index: np.full((), 5.0)[index])
    assert float(v) == 5.0


def test_values_come_to_the_host_as_arrays_of_ones_own():
    x = jnp.ones(3)
    host = backend.convert_to_numpy(x)
    host[0] = 2
    assert float(x[0]) == 1
    assert backend.convert_to_numpy([1.5, 2]).dtype == np.float32
    assert backend.convert_to_tensor([Variable(1.0), 2]).dtype == jnp.float32
    assert (
        backend.dtype_of(backend.convert_to_tensor(np.ones(2, "float64"), "float64")) == "float32"
    )
