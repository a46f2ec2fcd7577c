"""Data parallel is one device's training: the same losses, metrics and weights on processes and on devices."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

from kdist import launch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cases

BACKEND = os.environ["KDIST_BACKEND"]
ENV = {
    "PYTHONPATH": os.pathsep.join(
        [str(pathlib.Path(__file__).resolve().parent), os.environ.get("PYTHONPATH", "")]
    ),
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "JAX_PLATFORMS": "cpu",
}


def several(names: list[str], devices: int | None = None) -> dict:
    """Train several models one after another: starting a framework costs more than training them."""
    import cases as here

    if devices:
        import kdist

        kdist.distribution.set_distribution(kdist.distribution.DataParallel())
        assert len(kdist.distribution.list_devices()) == devices
    return {name: here.train(*name.split(":")) for name in names}


def launched(workers: int, names: list[str], devices: int | None = None, **env: str) -> list[dict]:
    result = launch.run(
        several,
        workers=workers,
        launcher="local",
        backend=BACKEND,
        args=(names, devices),
        env={**ENV, **env},
        timeout=240,
        max_failures=0,
    )
    return result.values


# Dropout draws other masks on every replica where a backend computes per replica, so only jax compares it.
NAMES = [
    "mlp",
    "batchnorm",
    "regularized",
    "accumulated",
    "hard_convnet",
    "transformer",
    "shared",
    "own_step",
    *(["dropout"] if BACKEND == "jax" else []),
]


@pytest.fixture(scope="module")
def single() -> dict:
    return launched(1, [*NAMES, "dropout"], JAX_NUM_CPU_DEVICES="1")[0]


@pytest.fixture(scope="module")
def two_processes() -> list[dict]:
    return launched(2, [*NAMES, "dropout"], JAX_NUM_CPU_DEVICES="1")


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_train_as_one(single, two_processes, name):
    for rank in two_processes:
        cases.assert_same(single[name], rank[name])


def test_dropout_on_two_processes_learns_and_agrees(single, two_processes):
    """Whatever the masks, both processes hold the same weights and the same seed state, and that state is one
    process's.
    """
    first, second = (rank["dropout"] for rank in two_processes)
    cases.assert_same(first, second, 1e-7)
    for a, b in zip(first["seeds"], single["dropout"]["seeds"], strict=True):
        assert (a == b).all()
    losses = first["history"]["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.skipif(BACKEND == "torch", reason="torch has one device per process")
def test_devices_in_one_process_train_as_one(single):
    env = {"jax": {"JAX_NUM_CPU_DEVICES": "8"}, "tensorflow": {"KDIST_CPU_DEVICES": "2"}}[BACKEND]
    devices = 8 if BACKEND == "jax" else 2
    [many] = launched(1, NAMES, devices, **env)
    for name in NAMES:
        cases.assert_same(single[name], many[name])
