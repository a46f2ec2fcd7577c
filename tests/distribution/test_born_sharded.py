"""A model that is created sharded is never whole on any process."""

from __future__ import annotations

import os
import pathlib
import resource

import pytest

from kdist import launch

BACKEND = os.environ["KDIST_BACKEND"]
ENV = {
    "OMP_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "JAX_NUM_CPU_DEVICES": "1",
}
WORKERS, LAYERS, WIDTH = 4, 16, 4096
MIB = 1 << 20
ARRAY_MIB = WIDTH * WIDTH * 4 // MIB  # 64; 16 of them are 1 GiB of float32
# Beyond what must be there: compiled initializers, the allocator's slack.
MARGIN_MIB = 64


def held_mib() -> float:
    """What this process holds of memory."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MIB


def peak_mib() -> float:
    """The most that it ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def built(width: int, count: int):
    import kdist
    from kdist import layers

    stack = [layers.Dense(width, use_bias=False) for _ in range(count)]
    return kdist.Sequential([kdist.Input((width,)), *stack])


def grown() -> tuple[float, float]:
    """(MiB that remain, MiB at the most) beyond what the process held before it created the model."""
    import kdist

    with kdist.distribution.FSDP().scope():
        built(64, 1)  # what the framework starts at its first use is no part of the model
        before = held_mib()
        model = built(WIDTH, LAYERS)
        after = held_mib(), peak_mib()
        assert all(v.layout.shards(0) * v.layout.shards(1) == WORKERS for v in model.variables)
    return after[0] - before, after[1] - before


@pytest.mark.skipif(BACKEND == "tensorflow", reason="FSDP runs on jax and torch")
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads /proc")
def test_creating_a_model_holds_its_shards_and_one_whole_array():
    found = launch.run(
        grown, workers=WORKERS, launcher="local", backend=BACKEND, env=ENV, timeout=280,
        max_failures=0,
    ).values  # fmt: skip
    shards = LAYERS * ARRAY_MIB / WORKERS
    for remains, most in found:
        assert remains > 0.9 * shards  # it was created
        assert most < shards + ARRAY_MIB + MARGIN_MIB, found
