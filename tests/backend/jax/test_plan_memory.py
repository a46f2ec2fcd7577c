"""A plan's memory against what XLA says of the whole compiled train step."""

from __future__ import annotations

import math
import sys
from contextlib import nullcontext
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import kdist
from kdist import layers
from kdist.backend.jax import memory, placement, stand_ins
from kdist.backend.jax.repeats import find_repeats, shortened
from kdist.data import adapt
from kdist.distribution import FSDP, DataParallel, Parallelism
from kdist.training.prepare import prepare

sys.path.insert(0, str(Path(__file__).parents[2] / "distribution"))
import planned

STRATEGIES = {
    "one": lambda: None,
    "data": DataParallel,
    "fsdp": FSDP,
    "optimizer": lambda: FSDP(level="optimizer"),
    "tensor": lambda: Parallelism(data=2, tensor=4),
    "composed": lambda: Parallelism(data=2, fsdp=2, tensor=2),
}


def measured(model, x, y):
    """(arguments, beyond arguments) of the train step on one device, in bytes."""
    source = adapt(x, y, batch_size=len(x))
    prepare(model, source, training=True)
    program, batch = model._program("train"), next(iter(source.epoch(0, model._shard())))
    found = program.compiled(batch).memory_analysis()
    beyond = found.temp_size_in_bytes + found.output_size_in_bytes - found.alias_size_in_bytes
    return found.argument_size_in_bytes, beyond


def compare(name, strategy, remat=None, **sizes):
    """(what the plan says one device holds, by what; what XLA says)."""
    chosen = STRATEGIES[strategy]()
    scope = chosen.scope() if chosen is not None else nullcontext()
    with scope, kdist.RematScope(mode=remat):
        model, x, y = planned.compiled(name, kdist, layers, **sizes)
        plan = model.plan(batch_size=len(x))
        arguments, beyond = measured(model, x, y)
    held = plan.bytes_per_device
    batch = (x.nbytes + y.nbytes) // plan.data_shards
    variables = held["parameters"] + held["optimizer"]
    assert variables + batch <= arguments <= variables + batch + 64
    return held, arguments + beyond


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        *((name, "one") for name in planned.MODELS),
        *(("mlp", strategy) for strategy in STRATEGIES if strategy != "one"),
        ("convnet", "fsdp"),
        ("transformer", "fsdp"),
        ("transformer", "composed"),
    ],
)
def test_memory(name, strategy):
    held, whole = compare(name, strategy)
    assert sum(held.values()) == pytest.approx(whole, rel=0.1)


@pytest.mark.parametrize(
    ("strategy", "remat", "rows"), [("one", None, 16), ("fsdp", None, 64), ("tensor", "full", 32)]
)
def test_memory_of_a_deep_model_is_that_of_two_shallow_ones(strategy, remat, rows, monkeypatch):
    monkeypatch.setattr(memory, "COMPILED_LIMIT", 0)
    asked = []
    ask = memory._ask
    monkeypatch.setattr(memory, "_ask", lambda j, *a: (asked.append(len(j.eqns)), ask(j, *a))[1])
    held, whole = compare("transformer", strategy, remat, blocks=6, width=32, rows=rows)
    assert sum(held.values()) == pytest.approx(whole, rel=0.1)
    assert len(asked) == 2 and 1.5 < asked[1] / asked[0] < 2


@pytest.mark.parametrize(
    ("name", "axes", "sizes"),
    [
        ("mlp", {"fsdp": 8}, {}),
        ("mlp", {"data": 2, "fsdp": 2, "tensor": 2}, {}),
        ("transformer", {"data": 2, "tensor": 4, "sequence": True}, {"blocks": 1, "rows": 16}),
    ],
)
def test_devices_that_are_elsewhere_hold_as_much(name, axes, sizes):
    """Of such a mesh, and of one with more devices along an axis that cuts batches alone."""
    model, x, _ = planned.compiled(name, kdist, layers, **sizes)
    here = model.plan(Parallelism(**axes), batch_size=len(x))
    for more in (1, 8):
        wide = {**axes, "data": axes.get("data", 1) * more}
        count = math.prod(n for axis, n in wide.items() if axis != "sequence")
        devices = [f"cpu:{100 + i}" for i in range(count)]
        strategy = Parallelism(**wide, devices=devices)
        plan = model.plan(strategy, batch_size=len(x) * more)
        assert plan.bytes_per_device == here.bytes_per_device
        with pytest.raises(ValueError, match="no device 'cpu:100'"):
            placement.mesh_of(strategy.device_mesh)


def test_meshes_that_are_too_large_to_stand_in_for():
    model, x, _ = planned.compiled("mlp", kdist, layers)
    mesh = [f"cpu:{i}" for i in range(512)]
    assert stand_ins.stand_in(FSDP(devices=mesh).device_mesh, {"fsdp"}) is None
    assert model.plan(FSDP(devices=mesh), batch_size=len(x)).activation_bytes > 0


def test_computations_with_fewer_repetitions():
    def compute(weights, x):
        shift = jnp.cos(x)
        for w in weights:
            x = jnp.tanh(x @ w) + shift
        return (x * 2).sum()

    def jaxpr(count, fn=compute):
        weights = [jax.ShapeDtypeStruct((4, 4), "float32")] * count
        return jax.make_jaxpr(fn)(weights, jax.ShapeDtypeStruct((3, 4), "float32")).jaxpr

    repeats = find_repeats(jaxpr(7))
    assert (repeats.period, repeats.count) == (3, 7)
    for n in (2, 4):
        assert str(shortened(jaxpr(7), repeats, n)) == str(jaxpr(n))

    def looks_into_the_middle(weights, x):
        seen = []
        for w in weights:
            x = jnp.tanh(x @ w)
            seen.append(x)
        return sum(seen).sum()

    assert find_repeats(jaxpr(7, looks_into_the_middle)) is None
    assert find_repeats(jaxpr(1)) is None
