"""What a step sends: what the plan says, message by message, and nothing hidden."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "distribution")]
import reached
import test_processes
import whole_before

CHILD = Path(__file__).with_name("collectives_child.py")
# The last ones with limits that make several units and buckets of small models.
REACHED = [
    *(f"{name}:tensor_2{more}" for name in reached.CUT[:3] for more in ("", ":remat")),
    *(f"{name}:{how}" for name in ("unused", "unused_layers", "stopped")
      for how in ("data", "fsdp", "optimizer", "fsdp:small", "fsdp:small:remat")),
]  # fmt: skip
BRANCHES = (
    "two_chains_alike",
    "half_gated",
    "added",
    "read_whole_too",
    "nested",
    "called_twice_apart",
)
# What they are given, and what they give, is whole: the gradient of that is summed, not those of their variables.
WHOLE = [f"{name}:tensor_2{more}" for name in whole_before.NAMES for more in ("", ":remat")]
RUNS = {
    2: ["mlp:data", "convnet:data", "convnet:data:remat", "batchnorm:fsdp", "transformer:fsdp", "transformer:fsdp:remat", "mlp:tensor_2:remat", "transformer:optimizer", "transformer:tensor_2",
        "transformer:sequence_2", "transformer:sequence_2:remat", "cut_in_time", "in_regions:tensor_2", "in_regions:sequence_2", "in_regions:tensor_2:remat",
        "in_regions:sequence_2:remat", "in_regions:fsdp:remat", "joined_images:tensor_2", "sums_of_three:sequence_2",
        *(name for name in REACHED if "small" not in name), *WHOLE,
        "transformer:data:small", "transformer:fsdp:small", "transformer:optimizer:small",
        *(name for name in REACHED if "small" in name),
        *(f"{name}:tensor_2" for name in BRANCHES), "read_whole_too:tensor_2:remat",
        *(f"graph_{seed}:tensor_2{more}" for seed in range(3, 14) for more in ("", ":remat")),
        *(f"graph_{seed}:sequence_2{more}" for seed in range(3, 14) for more in ("", ":remat")),
        "odd_graph_4:sequence_2", "odd_graph_7:sequence_2", "graph_72:sequence_2"],
    4: ["mlp:composed_4", "transformer:hybrid_4", "transformer:composed_4", "transformer:fsdp_sequence_4",
        "transformer:hybrid_4:small", *(f"graph_{seed}:fsdp_sequence_4:small" for seed in (3, 4, 6, 7)),
        "graph_6:composed_4:small", "memory"],
}  # fmt: skip


@pytest.mark.parametrize("count", RUNS)
def test_the_plan_counts_what_a_step_sends(count, monkeypatch):
    monkeypatch.setattr(test_processes, "CHILD", CHILD)
    monkeypatch.setattr(test_processes, "LIMIT_S", 150)
    for found in test_processes.run(RUNS[count], count):
        # What lies there, of parameters that are both gathered and cut: the processes have started anyway.
        for name, (planned, allocated) in found.pop("memory", {}).items():
            assert planned == pytest.approx(allocated, rel=0.1), name
        for name, (sent, planned, apart) in found.pop("cut_in_time", {}).items():
            assert sent == planned and sent, name
            assert apart < 1e-5, name
        for name, (sent, planned) in found.items():
            assert sent == planned and sent, name
