"""A plan's memory against what torch's allocator reports of a train step."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from torch.profiler import ProfilerActivity, profile

import kdist
from kdist import layers

sys.path.insert(0, str(Path(__file__).parents[2] / "distribution"))
import planned


def allocated_at_most(model, x, y):
    """The most bytes that a step allocates beyond what is there before it."""
    model.fit(x, y, batch_size=len(x), verbose=0)  # the slots exist afterwards
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as run:
        model.fit(x, y, batch_size=len(x), verbose=0)
    held = most = 0
    for event in run.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


@pytest.mark.parametrize("name", planned.MODELS)
def test_memory(name):
    model, x, y = planned.compiled(name, kdist, layers)
    plan = model.plan(batch_size=len(x))
    held = plan.bytes_per_device
    beyond = held["gradients"] + held["activations"] - x.nbytes - y.nbytes
    # The batch lies in NumPy's memory. Buffers of the loss's and metrics' scalars are left out.
    assert beyond == pytest.approx(allocated_at_most(model, x, y), rel=0.01)
    parameters = sum(p.nbytes for p in model.parameters()) + sum(b.nbytes for b in model.buffers())
    slots = sum(v.handle.nbytes for v in model.optimizer.variables)
    assert (held["parameters"], held["optimizer"]) == (parameters, slots)
