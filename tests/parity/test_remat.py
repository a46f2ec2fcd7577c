"""Computing activations again composes with every strategy: the training is one device's without it."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

from kdist import launch

HERE = str(pathlib.Path(__file__).resolve().parent)
sys.path.insert(0, HERE)
import cases

BACKEND = os.environ["KDIST_BACKEND"]
ENV = {
    "PYTHONPATH": os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]),
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "JAX_PLATFORMS": "cpu",
}
# (strategy, case): those of `cases`, with each layer computed again, and one whose nested models are, each as one.
RUNS = {
    "jax": [
        ("data", "accumulated"),
        ("fsdp", "blocks"),
        ("composed", "dropped_transformer"),
        ("hybrid", "blocks"),
        ("model", "dropped_convnet"),
        ("sequence", "dropped_transformer"),
    ],
    "torch": [
        ("data", "convnet"),
        ("fsdp", "accumulated"),
        ("fsdp", "transformer"),
        ("tensor_2", "transformer"),
        ("optimizer", "convnet"),
        ("fsdp", "blocks"),
        ("tensor_2", "blocks"),
        ("sequence_2", "dropped_transformer"),
        ("fsdp_sequence_4", "transformer"),
        ("hybrid_4", "transformer"),
        ("model", "transformer"),
    ],
    "tensorflow": [
        ("data", "convnet"),
        ("data", "accumulated"),
        ("fsdp", "mlp"),
        ("fsdp", "blocks"),
    ],
}
FOUR = ("hybrid_4", "fsdp_sequence_4", "model")  # on four processes of torch


def workers(strategy: str) -> int:
    return (4 if strategy in FOUR else 2) if BACKEND == "torch" else 1


DEVICES = {
    "jax": {"JAX_NUM_CPU_DEVICES": "8"},
    "torch": {},
    "tensorflow": {"KDIST_CPU_DEVICES": "2"},
}[BACKEND]


def blocks(kdist, layers):
    """Two nested models of several layers."""

    def block(name: str):
        inside = [
            layers.Dense(32, activation="gelu"),
            layers.Dense(16),
            layers.LayerNormalization(),
        ]
        return kdist.Sequential([kdist.Input((16,)), *inside], name=name)

    return kdist.Sequential(
        [
            kdist.Input((8, 8, 3)),
            layers.Flatten(),
            layers.Dense(16),
            block("block_1"),
            block("block_2"),
            layers.Dense(5, activation="softmax"),
        ]
    )


def train(runs: list[tuple[str | None, str]], again: bool) -> list[dict]:
    import cases as here

    import kdist

    here.CASES["blocks"] = here.Case(blocks)
    results = []
    for strategy, case in runs:
        mode = "list_of_layers" if case == "blocks" else "full"
        with kdist.RematScope(mode if again else None, layer_names=["block_1", "block_2"]):
            results.append(here.train_under(strategy, case))
    return results


def launched(workers: int, runs: list, again: bool, env: dict) -> list[list[dict]]:
    return launch.run(
        train, workers=workers, launcher="local", backend=BACKEND, args=(runs, again),
        env={**ENV, **env}, timeout=240, max_failures=0,
    ).values  # fmt: skip


@pytest.fixture(scope="module")
def one_device() -> dict[str, dict]:
    names = sorted({case for _, case in RUNS[BACKEND]})
    [results] = launched(1, [(None, case) for case in names], False, {"JAX_NUM_CPU_DEVICES": "1"})
    return dict(zip(names, results, strict=True))


@pytest.fixture(scope="module")
def several() -> dict[tuple, list[dict]]:
    """By run, the result of each process."""
    runs = RUNS[BACKEND]
    # TensorFlow does not run strategies of two kinds in one process.
    kind = lambda strategy: strategy if BACKEND == "tensorflow" else workers(strategy)
    groups: dict = {}
    for run in runs:
        groups.setdefault(kind(run[0]), []).append(run)
    found = {}
    for group in groups.values():
        ranks = launched(workers(group[0][0]), group, True, DEVICES)
        found.update(zip(group, zip(*ranks, strict=True), strict=True))
    return found


@pytest.mark.parametrize("run", RUNS[BACKEND], ids="-".join)
def test_strategies_train_as_one_device_without_it(one_device, several, run):
    for rank in several[run]:
        cases.assert_same(one_device[run[1]], rank)
