"""Layouts into shardings, and arrays onto them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import linear_call
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from kdist.backend.jax.abstract import is_tracing
from kdist.backend.jax.runtime import device_by_name
from kdist.backend.jax.tensors import as_tensor, native_dtype
from kdist.core import masks, tree
from kdist.distribution.activations import FeatureCut, Layouts, path_of
from kdist.distribution.layout import TensorLayout
from kdist.distribution.mesh import DeviceMesh
from kdist.distribution.plan import Plan
from kdist.distribution.runtime import communication
from kdist.distribution.strategy import Strategy

# Below this size a value is computed whole and then cut: compiling its initializer costs more than
# the memory.
_JIT_INITIALIZER_BYTES = 8 << 20


# Meshes that are somewhere else -> what stands in for them while something is compiled.
_elsewhere: dict[DeviceMesh, Mesh] = {}


@contextmanager
def standing_in(mesh: DeviceMesh, other: Mesh) -> Iterator[None]:
    """`other` is the jax mesh of `mesh` within."""
    _elsewhere[mesh] = other
    try:
        yield
    finally:
        del _elsewhere[mesh]


def mesh_of(mesh: DeviceMesh) -> Mesh:
    """The jax mesh. Its axes are Auto: under jax's default, Explicit, plain model code raises."""
    return _elsewhere.get(mesh) or _mesh_here(mesh)


@functools.lru_cache(maxsize=16)
def _mesh_here(mesh: DeviceMesh) -> Mesh:
    devices = np.array([device_by_name(n) for n in mesh.device_names], dtype=object)
    return Mesh(
        devices.reshape(mesh.shape), mesh.axis_names, axis_types=(AxisType.Auto,) * len(mesh.shape)
    )


def sharding_of(layout: TensorLayout) -> NamedSharding:
    """The sharding of a layout. Raises ValueError if the layout names no mesh."""
    if layout.device_mesh in _elsewhere:
        return NamedSharding(_elsewhere[layout.device_mesh], PartitionSpec(*layout.axes))
    return _sharding_here(layout)


@functools.lru_cache(maxsize=1024)
def _sharding_here(layout: TensorLayout) -> NamedSharding:
    if layout.device_mesh is None:
        raise ValueError(f"{layout!r} has no device_mesh. Pass TensorLayout(axes, device_mesh).")
    return NamedSharding(mesh_of(layout.device_mesh), PartitionSpec(*layout.axes))


def place(value: Any, sharding: NamedSharding) -> jax.Array:
    """`value`, the same on every process, as an array that lies on `sharding`."""
    if isinstance(value, jax.Array) and value.sharding == sharding:
        return value
    if sharding.is_fully_addressable:
        return jax.device_put(value, sharding)
    if isinstance(value, jax.Array) and not value.is_fully_addressable:
        return jax.jit(lambda x: x, out_shardings=sharding)(value)
    host = np.asarray(value)
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def born(
    make_value: Callable[[], Any], shape: tuple, itemsize: int, sharding: NamedSharding
) -> jax.Array:
    """The value of `make_value()` on `sharding`, concrete also where a function is being traced: a layer may be built
    there. A large value is never whole on any device.
    """
    if sharding.is_fully_replicated or math.prod(shape) * itemsize < _JIT_INITIALIZER_BYTES:
        with jax.ensure_compile_time_eval():
            return place(make_value(), sharding)

    def compute() -> jax.Array:
        # One after the other: what computing them takes beside the values is as large as they are.
        return jax.jit(make_value, out_shardings=sharding)().block_until_ready()

    if not is_tracing():
        return compute()
    # ensure_compile_time_eval would evaluate the initializer while jit traces it, whole, and make a constant of it.
    # Traces belong to a thread: in another one there is none.
    with ThreadPoolExecutor(1) as other:
        return other.submit(compute).result()


def batch_sharding(strategy: Strategy, ndim: int) -> NamedSharding:
    return sharding_of(strategy.data_layout(ndim))


def place_batch(strategy: Strategy, x: Any) -> jax.Array:
    """This process's slice of a batch, rows first, as part of the global array."""
    x = np.asarray(x)
    sharding = batch_sharding(strategy, x.ndim)
    # jax holds 64-bit types in 32 bits, and warns if it must decide so itself.
    if x.dtype.itemsize == 8:
        x = x.astype(native_dtype(x.dtype))
    if sharding.is_fully_addressable:
        return jax.device_put(x, sharding)
    return jax.make_array_from_process_local_data(sharding, x)


def distribute_tensor(tensor: Any, layout: TensorLayout) -> jax.Array:
    """`tensor` laid out by `layout`: a constraint in a traced function, a transfer outside."""
    if isinstance(tensor, jax.core.Tracer):
        return jax.lax.with_sharding_constraint(tensor, sharding_of(layout))
    return place(tensor, sharding_of(layout))


def place_model(model: Any, plan: Plan) -> None:
    """Bring the model's variables into the plan's layouts, one after the other, and its layers' outputs from now on."""
    for variable, planned in zip(model.variables, plan.variables, strict=True):
        variable.layout = planned.layout
        variable._storage.move(sharding_of(planned.layout))
    compute_as(model, plan)


def compute_as(model: Any, plan: Plan) -> None:
    """Have the model compute as the plan says, wherever its variables lie."""
    strategy = plan.strategy
    whole_first = not communication(strategy.device_mesh).scatters
    for variable, planned in zip(model.variables, plan.variables, strict=True):
        layout = planned.layout
        computes = strategy.compute_layout(layout)
        updates = strategy.slot_layout(layout, variable.shape)
        # What lies in one way throughout needs no constraint.
        variable._to_compute = (
            _gather(sharding_of(computes), sharding_of(updates), whole_first)
            if len({layout, computes, updates}) > 1
            else None
        )
    for layer in model._flatten_layers(include_self=False):
        path = path_of(layer)
        laid = plan.layers
        layouts = laid.inputs.get(path, ()), laid.outputs.get(path, ()), laid.gathered.get(path)
        object.__setattr__(layer, "_layouts", layouts if any(layouts) else None)


@contextmanager
def computing_as(model: Any, plan: Plan) -> Iterator[None]:
    """`compute_as` within; afterwards the model computes as before."""
    layers = list(model._flatten_layers(include_self=False))
    before = [v._to_compute for v in model.variables], [x._layouts for x in layers]
    compute_as(model, plan)
    try:
        yield
    finally:
        for variable, gather in zip(model.variables, before[0], strict=True):
            variable._to_compute = gather
        for layer, layouts in zip(layers, before[1], strict=True):
            object.__setattr__(layer, "_layouts", layouts)


def is_here(mesh: DeviceMesh) -> bool:
    """Whether this process alone drives all devices of `mesh`."""
    try:
        mesh_of(mesh)
    except ValueError:
        return False
    return jax.process_count() == 1


@functools.lru_cache(maxsize=1024)
def _gather(
    computes: NamedSharding, updates: NamedSharding, whole_first: bool
) -> Callable[[jax.Array], jax.Array]:
    """A function that brings a value to `computes`, and its gradient to `updates`.

    Both are said explicitly: XLA left to itself may move the activations instead, which are larger, and a plain
    constraint holds of the gradient too, which would be summed whole on every device.

    Arguments:
        whole_first: the gradient is summed whole, and then cut. Where there is no reduce-scatter XLA does just that,
            but along one mesh axis after the other, or moves parts of what several devices compute.
    """

    def forward(_: tuple, value: jax.Array) -> jax.Array:
        return jax.lax.with_sharding_constraint(value, computes)

    def backward(_: tuple, gradient: jax.Array) -> jax.Array:
        if whole_first:
            gradient = jax.lax.with_sharding_constraint(gradient, computes)
        return jax.lax.with_sharding_constraint(gradient, updates)

    def gather(value: Any) -> jax.Array:
        value = as_tensor(value)
        if not jnp.issubdtype(value.dtype, jnp.inexact):
            return forward((), value)  # it has no gradient
        return linear_call(forward, backward, (), value)

    return gather


def constrained(tensors: Any, layouts: Layouts, gathered: FeatureCut | None = None) -> Any:
    """A structure of a layer's inputs or outputs, the tensors in it brought to one of `layouts` after the other.

    What is not traced stays where it is, and so does a tensor with fewer dims than a layout. XLA pads a size that
    does not divide.

    Arguments:
        gathered: how they were cut before, and their gradients are to be cut again.
    """
    for layout in layouts:
        tensors = tree.map_structure(lambda x, to=layout: _constrained(x, to, gathered), tensors)
    return tensors


def _constrained(x: Any, layout: TensorLayout, gathered: FeatureCut | None) -> Any:
    if not isinstance(x, jax.core.Tracer) or x.ndim < len(layout.axes):
        return x
    to = sharding_of(layout)
    if gathered is None:
        laid_out = jax.lax.with_sharding_constraint(x, to)
    else:
        laid_out = _gather(to, sharding_of(gathered.of(layout, x.ndim)), whole_first=True)(x)
    mask = masks.get_keras_mask(x)
    if mask is not None:
        masks.set_keras_mask(laid_out, mask)
    return laid_out


def itemsize_of(dtype: str) -> int:
    return native_dtype(dtype).itemsize


def check_support(strategy: Any, run_eagerly: bool = False) -> None:
    """Raise ValueError if `strategy` cannot run: all processes need equal parts of a batch."""
    if strategy is None:
        return
    if not isinstance(strategy, Strategy):
        raise ValueError(f"strategy={strategy!r} is not a kdist strategy. Use DataParallel().")
    processes = jax.process_count()
    if strategy.data_shards % processes:
        raise ValueError(
            f"{strategy!r} cuts a batch into {strategy.data_shards} slices, which {processes} "
            "processes cannot share equally. Use DataParallel() over all devices."
        )


def device_scope(name: str) -> AbstractContextManager:
    """Arrays are created on the device called `name` within, e.g. "cpu:0"."""
    return jax.default_device(device_by_name(name))


def synchronize() -> None:
    """Wait until every array there is has been computed."""
    for x in jax.live_arrays():
        x.block_until_ready()
