"""What a step allocates; as a program, what it allocates in one of several processes. Imports nothing of pytest."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from torch.profiler import ProfilerActivity, profile

import kdist
from kdist import distribution, layers
from kdist.backend.torch import sharding

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


def sharded(name: str) -> list[int]:
    """(what the plan says, what is allocated) in a step under FSDP, beyond variables and the batch."""
    with distribution.FSDP().scope():
        model, x, y = planned.compiled(name, kdist, layers)
        allocated = allocated_at_most(model, x, y)
        plan = model.plan(batch_size=len(x))
    held = plan.bytes_per_device
    batch = (x.nbytes + y.nbytes) // plan.data_shards
    return [held["gradients"] + held["activations"] - batch, allocated]


if __name__ == "__main__":
    distribution.initialize(timeout_s=30)
    found = {}
    for small in (sharding.SMALL_UNIT_BYTES, 64):  # everything gathered at once, and layer by layer
        sharding.SMALL_UNIT_BYTES = small
        found.update({f"{name} {small}": sharded(name) for name in ("mlp", "transformer")})
    print(json.dumps(found))
    distribution.shutdown()
