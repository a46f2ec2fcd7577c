"""What a step allocates; as a program, what it allocates in one of several processes. Imports nothing of pytest."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
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


# gloo's threads let go of what they sent at a time of their own: the least of so many counts is the step's own.
FITS = 32


def shared(strategy, name: str, **sizes: Any) -> list[int]:
    """(what the plan says, what is allocated) in a step under `strategy`, beyond variables and the batch."""
    with strategy.scope():
        model, x, y = planned.compiled(name, kdist, layers, **sizes)
        allocated = allocated_at_most(model, x, y)
        plan = model.plan(batch_size=len(x))
        held = plan.bytes_per_device
        batch = (x.nbytes + y.nbytes) // plan.data_shards
        said = held["gradients"] + held["activations"] - batch
        for _ in range(FITS - 1):
            if all_as_low(said, allocated):
                break
            allocated = min(allocated, allocated_at_most(model, x, y))
    return [said, allocated]


def all_as_low(said: int, allocated: int) -> bool:
    """Whether a count is, on all processes, as low as the plan says: another would not tell more."""
    largest = torch.tensor(allocated - 1.01 * said)
    torch.distributed.all_reduce(largest, op=torch.distributed.ReduceOp.MAX)
    return bool(largest <= 0)


def gathered() -> dict[str, list[int]]:
    found = {"convnet": shared(distribution.DataParallel(), "convnet", synchronized=True)}
    for small in (sharding.SMALL_UNIT_BYTES, 64):  # everything gathered at once, and layer by layer
        sharding.SMALL_UNIT_BYTES = small
        for name in ("mlp", "transformer"):
            found[f"{name} {small}"] = shared(distribution.FSDP(), name)
    for widths in (
        (1024,) * 4,
        (512,) * 8,
    ):  # layer by layer, the weights larger than what is computed
        found[f"{widths}"] = shared(distribution.FSDP(), "deep_mlp", widths=widths, rows=64)
    return found


def cut() -> dict[str, list[int]]:
    found = {}
    for sequence in (False, True):
        strategy = distribution.Parallelism(tensor=2, min_size=1, sequence=sequence)
        for remat in (None, "full"):
            with kdist.RematScope(mode=remat):
                # Fullest after the forward pass, and within the loss.
                for words in (64,) if remat else (64, 500):
                    found[f"{sequence=} {remat=} {words=}"] = shared(
                        strategy, "transformer", blocks=2, length=256, rows=4, words=words
                    )
    return found


MLPS = (
    {"widths": (512, 512, 256), "rows": 2048},
    {"widths": (1024,) * 4, "rows": 256},
    {"widths": (256,) * 6, "rows": 4096, "optimizer": "sgd"},
    {"widths": (1024, 256), "rows": 1024, "activation": "relu"},
    {"widths": (384, 256, 128), "rows": 1536, "activation": "tanh"},
    {"widths": (512, 256, 512, 256), "rows": 32, "time": (64,)},
    {"widths": (1024, 256), "rows": 8, "time": (128,), "activation": "relu", "optimizer": "sgd"},
)


def mlps() -> dict[str, list[int]]:
    """Widths, depths, batches and optimizers, of samples and of sequences."""
    found = {}
    for sizes in MLPS:
        strategy = distribution.Parallelism(tensor=2, min_size=1, sequence=True)
        for remat in (None, "full"):
            with kdist.RematScope(mode=remat):
                found[f"{sizes} {remat=}"] = shared(strategy, "deep_mlp", **sizes)
    return found


# Their first product is whole, and the next one, or those beside each other, are cut.
WHOLE_FIRST = (
    ("residual", {"width": 255, "inner": 1024, "rows": 2048}),
    ("residual", {"width": 511, "inner": 1024, "rows": 1024, "norm": False}),
    ("residual", {"width": 511, "inner": 256, "rows": 1536, "act": "relu", "blocks": 1}),
    ("residual", {"width": 257, "inner": 2048, "rows": 512, "norm": False, "act": "tanh"}),
    ("gated", {"width": 1023, "inner": 768, "rows": 1024}),
    ("gated", {"width": 255, "inner": 512, "rows": 2048}),
)


def whole_first() -> dict[str, list[int]]:
    found = {}
    for name, sizes in WHOLE_FIRST:
        strategy = distribution.Parallelism(tensor=2, min_size=1)
        for remat in (None, "full"):
            with warnings.catch_warnings(), kdist.RematScope(mode=remat):
                warnings.filterwarnings("ignore", "Sizes that do not divide")
                found[f"{name} {sizes} {remat=}"] = shared(strategy, name, **sizes)
    return found


# With gates, with a product that is cut alone, and with a first one that is whole.
BRANCHED = (
    ("gated_transformer", {}),
    ("gated_transformer", {"words": 1500, "inner": 256}),
    *(("alone", {"act": act}) for act in ("tanh", "gelu", None)),
    *(("whole_before", {"act": act}) for act in ("relu", "gelu", None)),
    ("whole_before", {"act": "relu", "normed": True}),
    ("whole_before", {"act": "relu", "embedded": True}),
)


def branched() -> dict[str, list[int]]:
    found = {}
    strategy = distribution.Parallelism(tensor=2, min_size=1, sequence=True)
    for name, sizes in BRANCHED:
        for remat in (None, "full"):
            with warnings.catch_warnings(), kdist.RematScope(mode=remat):
                warnings.filterwarnings("ignore", "Sizes that do not divide")
                found[f"{name} {sizes} {remat=}"] = shared(strategy, name, **sizes)
    strategy = distribution.Parallelism(tensor=2, min_size=1)
    for seed in (3, 18, 26, 29):  # images
        found[f"{seed=}"] = shared(strategy, "graph", seed=seed)
    return found


# Layers whose parameters weigh more than what is computed with them.
HEAVY = (
    ("deep_mlp", 64, False, None, {"widths": (1024,) * 4, "rows": 64}),
    ("deep_mlp", 64, True, "full", {"widths": (1024,) * 8, "rows": 256}),
    ("deep_mlp", 64, False, None, {"widths": (256, 512, 1024, 2048), "rows": 128}),
    ("deep_mlp", 1 << 20, True, None, {"widths": (2048, 256, 2048, 256), "rows": 64}),
    ("transformer", 64, True, "full", {"width": 256, "rows": 8, "words": 64}),
    ("transformer", 64, False, None, {"width": 128, "rows": 8, "words": 4000}),
    ("gated_transformer", 1 << 20, False, None, {"width": 256, "inner": 704, "rows": 4}),
    ("gated_transformer", 1 << 18, True, None, {"width": 256, "inner": 704, "rows": 4}),
    ("whole_before", 1 << 20, True, None, {"act": "relu"}),
    ("alone", 64, True, None, {"act": "tanh"}),
)


def composed() -> dict[str, list[int]]:
    found = {}
    long = {"blocks": 2, "length": 256, "rows": 8, "words": 64}
    for name, small, sequence, remat, sizes in (
        ("mlp", 1 << 20, False, None, {}),
        ("mlp", 64, True, "full", {}),
        ("transformer", 64, False, None, long),
        ("transformer", 64, True, "full", long),
        *HEAVY,
    ):
        sharding.SMALL_UNIT_BYTES = small
        strategy = distribution.Parallelism(fsdp=2, tensor=2, min_size=1, sequence=sequence)
        with warnings.catch_warnings(), kdist.RematScope(mode=remat):
            warnings.filterwarnings("ignore", "Sizes that do not divide")  # ten classes
            warnings.filterwarnings("ignore", "Variables of 1 elements or more are left whole")
            found[f"{name} {small} {sequence=} {remat=} {sizes}"] = shared(strategy, name, **sizes)
    return found


WHAT = {f.__name__: f for f in (gathered, cut, mlps, whole_first, branched, composed)}

if __name__ == "__main__":
    distribution.initialize(timeout_s=30)
    print(json.dumps(WHAT[sys.argv[1]]()))
    distribution.shutdown()
