"""A model that is created sharded is never whole on any process."""

from __future__ import annotations

import os
import pathlib

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


def memory_mib(kind: str) -> float:
    """What this process holds of memory ("VmRSS"), or held at the most ("VmHWM").

    `ru_maxrss` is no less than what the process held that started this one.
    """
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith(kind)) / 1024


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
        before = memory_mib("VmRSS")
        model = built(WIDTH, LAYERS)
        after = memory_mib("VmRSS"), memory_mib("VmHWM")
        assert all(v.layout.shards(0) * v.layout.shards(1) == WORKERS for v in model.variables)
    return after[0] - before, after[1] - before


@pytest.mark.skipif(BACKEND == "tensorflow", reason="FSDP runs on jax and torch")
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads /proc")
def test_creating_a_model_holds_its_shards_and_one_whole_array():
    found = launch.run(
        grown, workers=WORKERS, launcher="local", backend=BACKEND, env=ENV, timeout=280,
        max_failures=0,
    ).values  # fmt: skip
    shards = LAYERS * ARRAY_MIB / WORKERS
    for remains, most in found:
        assert remains > 0.9 * shards  # it was created
        assert most < shards + ARRAY_MIB + MARGIN_MIB, found
