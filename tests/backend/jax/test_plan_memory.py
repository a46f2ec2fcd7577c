"""A plan's memory against what XLA says of the whole compiled train step."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import kdist
from kdist import layers
from kdist.backend.jax import trace
from kdist.data import adapt
from kdist.training.prepare import prepare

sys.path.insert(0, str(Path(__file__).parents[2] / "distribution"))
import planned


def measured(model, x, y):
    """(arguments, beyond arguments) of the train step, in bytes."""
    prepare(model, adapt(x, y, batch_size=len(x)), training=True)
    program = model._program("train")
    state = program.begin()
    values = (state.fixed.values, state.replaced.values, (x, y), None, None)
    memory = program._step.lower(*values).compile().memory_analysis()
    program.end(state)
    beyond = memory.temp_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    return memory.argument_size_in_bytes, beyond


@pytest.mark.parametrize("name", planned.MODELS)
def test_memory(name):
    model, x, y = planned.compiled(name, kdist, layers)
    plan = model.plan(batch_size=len(x))
    arguments, beyond = measured(model, x, y)
    held = plan.bytes_per_device
    variables = held["parameters"] + held["optimizer"]
    assert variables + x.nbytes + y.nbytes <= arguments <= variables + x.nbytes + y.nbytes + 64
    assert sum(held.values()) == pytest.approx(arguments + beyond, rel=0.1)


@pytest.mark.parametrize("name", planned.MODELS)
def test_memory_by_rules(name, monkeypatch):
    """Without asking XLA the estimate is too low: XLA on CPUs also copies for layouts, and expands pooling."""
    monkeypatch.setattr(trace, "COMPILED_LIMIT", 0)
    model, x, y = planned.compiled(name, kdist, layers)
    peak = model.trace_step(len(x)).peak()
    assert 0.3 < peak / measured(model, x, y)[1] < 1.1
