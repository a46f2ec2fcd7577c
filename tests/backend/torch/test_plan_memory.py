"""A plan's memory against what torch's allocator reports of a train step."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import kdist
from kdist import layers

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "distribution")]
import planned
import sequences
import test_processes
from memory_child import allocated_at_most


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


def test_regions_within_regions_keep_the_inputs_of_the_outer_ones():
    taken = {}
    with kdist.RematScope(mode="full"):
        for blocks in (2, 6):
            model, x, y = sequences.in_regions(kdist, rows=256, blocks=blocks)
            held = model.plan(batch_size=len(x)).bytes_per_device
            beyond = held["gradients"] + held["activations"] - x.nbytes - y.nbytes
            assert beyond == pytest.approx(allocated_at_most(model, x, y), rel=0.01)
            taken[blocks] = beyond
    # Each block's input, (rows, 8, 16), and nothing of its layers'.
    assert taken[6] - taken[2] == pytest.approx(4 * 256 * 8 * 16 * 4, rel=0.01)


@pytest.mark.parametrize(
    ("how", "count"),
    [
        ("gathered", 2),
        ("cut", 2),
        ("mlps", 2),
        ("whole_first", 2),
        ("branched", 2),
        ("composed", 4),
    ],
)
def test_memory_where_parameters_are_shared(how, count, monkeypatch):
    """Gathered to compute with them, or cut along with what they compute, or both."""
    monkeypatch.setattr(test_processes, "CHILD", HERE / "memory_child.py")
    monkeypatch.setattr(test_processes, "LIMIT_S", 120)
    for found in test_processes.run([how], count):
        for name, (planned_bytes, allocated) in found.items():
            assert planned_bytes == pytest.approx(allocated, rel=0.1), name
