"""Sharded and tensor parallel training on torch is one device's training."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kdist import launch

HERE = str(pathlib.Path(__file__).resolve().parent)
sys.path.insert(0, HERE)
import cases
import sharded_child

BACKEND = os.environ["KDIST_BACKEND"]
pytestmark = pytest.mark.skipif(BACKEND != "torch", reason="how torch shards")

ENV = {
    "PYTHONPATH": os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]),
    "OMP_NUM_THREADS": "1",
}
CASES = ["mlp", "batchnorm", "convnet", "regularized", "transformer", "shared", "branches"]
CASES += ["own_step", "accumulated"]
CASES += [f"{how}_{name}" for how in ("hard", "wide") for name in CASES]
ON_TWO = ["fsdp", "optimizer", "tensor_2"]
# With activations that are cut as well. Dropout's masks are those of one device where a process has all rows.
OF_ACTIVATIONS = {
    "sequence_2": [
        "mlp",
        "transformer",
        "hard_transformer",
        "wide_transformer",
        "dropped_transformer",
    ],
    "outputs": ["mlp", "transformer", "wide_transformer"],
}
# Over a tensor axis every operation costs more than the small models' arithmetic: fewer of them.
ON_FOUR = {
    "hybrid_4": ["mlp", "batchnorm", "transformer", "shared", "own_step"],
    "hybrid_optimizer_4": ["mlp"],
    "composed_4": [
        "mlp",
        "convnet",
        "regularized",
        "transformer",
        "shared",
        "own_step",
        "accumulated",
        "hard_convnet",
        "hard_transformer",
        "wide_transformer",
        "wide_accumulated",
    ],
    "sequence_4": ["transformer", "wide_transformer"],
    "fsdp_sequence_4": ["transformer", "wide_transformer"],
    "model": ["convnet", "transformer", "own_step", "hard_convnet", "wide_convnet"],
}
OPTIMIZERS = list(sharded_child.OPTIMIZERS)
OPTIMIZED = {
    "fsdp": OPTIMIZERS,
    "optimizer": OPTIMIZERS,
    "tensor_2": [
        "clipnorm",
        "global_clipnorm",
        "overwritten",
        "dynamic_scale",
        "accumulated",
        "own",
    ],
}


def pairs(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(strategy, name) for strategy, names in table.items() for name in names]


def launched(workers: int, function: Callable, *args: Any) -> list:
    return launch.run(
        function,
        workers=workers,
        launcher="local",
        backend="torch",
        args=args,
        env=ENV,
        timeout=240,
        max_failures=0,
    ).values


@pytest.fixture(scope="module")
def one() -> dict:
    jobs = [(None, "case", name) for name in [*CASES, "dropped_transformer"]]
    jobs += [(None, "optimizer", name) for name in sharded_child.OPTIMIZERS]
    return launched(1, sharded_child.several, jobs)[0]


@pytest.fixture(scope="module")
def two() -> list[dict]:
    jobs = [(s, "case", name) for s in ON_TWO for name in CASES]
    jobs += [(s, "case", name) for s, name in pairs(OF_ACTIVATIONS)]
    jobs += [(s, "optimizer", name) for s, name in pairs(OPTIMIZED)]
    return launched(2, sharded_child.several, jobs)


@pytest.fixture(scope="module")
def four() -> list[dict]:
    return launched(4, sharded_child.several, [(s, "case", n) for s, n in pairs(ON_FOUR)])


def assert_same(name: str, one: dict, other: dict) -> None:
    cases.assert_same(one, other, cases.CASES[name].tolerance)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("strategy", ON_TWO)
def test_two_processes_train_as_one(one, two, strategy, name):
    for rank in two:
        assert_same(name, one[None, "case", name], rank[strategy, "case", name])


@pytest.mark.parametrize(("strategy", "name"), pairs(OF_ACTIVATIONS))
def test_activations_that_are_cut_train_as_whole_ones(one, two, strategy, name):
    for rank in two:
        assert_same(name, one[None, "case", name], rank[strategy, "case", name])


@pytest.mark.parametrize(("strategy", "name"), pairs(ON_FOUR))
def test_four_processes_train_as_one(one, four, strategy, name):
    for rank in four:
        assert_same(name, one[None, "case", name], rank[strategy, "case", name])


def assert_close(one: dict, other: dict, tolerance: float = 1e-5) -> None:
    for name, values in one["history"].items():
        assert cases.distance(values, other["history"][name]) < tolerance, name
    for what in ("weights", "optimizer"):
        for i, (a, b) in enumerate(zip(one[what], other[what], strict=True)):
            assert cases.distance(a, b) < tolerance, (what, i, a.shape, cases.distance(a, b))


@pytest.mark.parametrize(("strategy", "name"), pairs(OPTIMIZED))
def test_every_optimizer_updates_parts_as_it_updates_the_whole(one, two, strategy, name):
    for rank in two:
        assert_close(one[None, "optimizer", name], rank[strategy, "optimizer", name])


@pytest.mark.parametrize(("strategy", "workers"), [("fsdp", 2), ("composed_4", 4)])
def test_a_process_holds_its_part_from_birth(strategy, workers):
    for rank in launched(workers, sharded_child.held, strategy):
        assert rank["fitted"] == rank["planned"]
        assert rank["slots"] == rank["planned"]
        assert rank["registered"] == sum(rank["planned"])
        assert sum(rank["planned"]) < 1.1 * sum(rank["sizes"]) / workers
        assert sum(rank["born"]) < 1.1 * sum(rank["sizes"]) / workers


@pytest.mark.parametrize("strategy", ["fsdp", "tensor_2"])
def test_a_placed_model_is_used_as_any_other(strategy):
    first, second = launched(2, sharded_child.used_otherwise, strategy)
    for rank in (first, second):
        assert all(np.array_equal(d, np.full_like(d, 2)) for d in rank["doubled"] if d.ndim > 1)
        assert rank["eager"].shape == rank["before"].shape == (6, 5)
        assert not np.allclose(rank["eager"], rank["before"])
        logits = np.ones((2, 16)) @ rank["weights"][2] + rank["weights"][3]
        expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        assert np.allclose(rank["alone"], expected, atol=1e-5)
        assert tuple(rank["symbolic"]) == (None, 5)
    assert first["again"] == second["again"]
    assert all(
        np.array_equal(a, b) for a, b in zip(first["weights"], second["weights"], strict=True)
    )


def test_a_checkpoint_goes_on_under_another_strategy(tmp_path):
    [whole] = launched(1, sharded_child.resumed, str(tmp_path / "whole"), None, 3)
    folder = str(tmp_path / "moving")
    launched(2, sharded_child.resumed, folder, "fsdp", 1, True)
    launched(4, sharded_child.resumed, folder, "composed_4", 2, True)
    for rank in launched(2, sharded_child.resumed, folder, "tensor_2", 3):
        assert_close(whole, rank)


@pytest.fixture(scope="module")
def plainly(tmp_path_factory) -> dict:
    return launched(1, sharded_child.unusual, None, str(tmp_path_factory.mktemp("files")))[0]


@pytest.mark.parametrize(
    ("strategy", "workers"),
    [("fsdp", 2), ("optimizer", 2), ("tensor_2", 2), ("sequence_2", 2), ("composed_4", 4)],
)
def test_models_may_share_layers_and_read_each_others_variables(
    plainly, tmp_path, strategy, workers
):
    for rank in launched(workers, sharded_child.unusual, strategy, str(tmp_path)):
        for use, results in plainly.items():
            for name, value in results.items():
                distance = cases.distance(value, rank[use][name])
                assert distance < 1e-5, (use, name, distance)


def test_activations_lie_as_the_plan_says():
    for rank in launched(2, sharded_child.placements):
        even, odd = rank["even"], rank["odd"]
        assert even["embedded"] == even["normed"] == even["block"] == ["S(1)"]
        assert even["pooled"] == ["R"]
        # A length that does not divide stays whole.
        assert odd["embedded"] == odd["normed"] == odd["block"] == ["R"]
        assert rank["ruled"] == {"gathered": ["R"], "cut": ["S(1)"]}
