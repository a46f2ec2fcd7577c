"""Sharded strategies on jax give one device's training: losses, metrics, predictions and weights.

On eight devices of one process, and on two processes of four devices each.
"""

from __future__ import annotations

import os
import pathlib
import sys

import numpy as np
import pytest

import kdist
from kdist import launch

HERE = str(pathlib.Path(__file__).resolve().parent)
sys.path.insert(0, HERE)
import cases

pytestmark = pytest.mark.skipif(
    os.environ["KDIST_BACKEND"] != "jax", reason="the other backends have processes for devices"
)
ENV = {
    "PYTHONPATH": os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]),
    "OMP_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
}
# strategy -> cases. Dropout's masks are one device's: they are drawn for the global batch.
ON_DEVICES = {
    "model": ["dropped_convnet"],
    "fsdp": ["dropped_transformer", "own_step", "accumulated", "hard_own_step", "wide_accumulated"],
    "hybrid": ["shared"],
    "optimizer": ["own_step", "accumulated"],
    "tensor_fsdp": ["shared"],
    "composed": ["dropped_transformer", "dropped_convnet", "own_step", "clipped"]
    + ["hard_dropped_transformer", "hard_dropped_convnet"]
    + ["wide_dropped_transformer", "wide_dropped_convnet", "branches", "wide_branches"],
    "sequence": ["dropped_transformer"],
}
ON_PROCESSES = {
    "fsdp": ["accumulated"],
    "optimizer": ["clipped"],
    "composed": ["dropped_transformer"],
}
CASES = sorted({n for runs in (ON_DEVICES, ON_PROCESSES) for names in runs.values() for n in names})


def launched(fn, workers: int, devices: int, *args) -> list:
    return launch.run(
        fn, workers=workers, launcher="local", backend="jax", args=args,
        env={**ENV, "JAX_NUM_CPU_DEVICES": str(devices)}, timeout=280, max_failures=0,
    ).values  # fmt: skip


def under(strategy: str):
    import cases as here

    import kdist

    return here.STRATEGIES[strategy](kdist).scope()


def fit(folder: str, epochs: int, file: str | None = None) -> dict:
    """Train an MLP, from where the checkpoint in `folder` stands if there is one."""
    import cases as here

    import kdist

    model, samples = here.compiled("mlp"), here.data()
    begun: list[int] = []
    note = kdist.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
    callbacks = [kdist.callbacks.ShardedCheckpoint(folder), note]
    if file is not None:
        callbacks.append(kdist.callbacks.ModelCheckpoint(file, save_weights_only=False))
    model.fit(
        samples["x"], samples["y"], batch_size=16, epochs=epochs, verbose=0,
        callbacks=callbacks, resume="auto",
    )  # fmt: skip
    return {
        "epochs": begun,
        "weights": [np.asarray(w) for w in model.get_weights()],
        "optimizer": [v.numpy() for v in model.optimizer.variables],
    }


def trained(strategy: str | None, names: list[str]) -> dict:
    import cases as here

    return {name: here.train_under(strategy, name) for name in names}


def left(folder: str) -> dict:
    """A run that is not interrupted; and one that stops after an epoch of three, on eight devices."""
    whole = fit(f"{folder}/whole", 3)
    with under("fsdp"):
        fit(f"{folder}/moving", 1)
    return whole


def taken_on(folder: str) -> dict:
    """Runs of two processes; and the run that stopped goes on under another strategy."""
    many = {strategy: trained(strategy, names) for strategy, names in ON_PROCESSES.items()}
    with under("composed"):
        moved = fit(f"{folder}/moving", 2, f"{folder}/moved.keras")
    return {"many": many, "moved": moved}


def finished(folder: str) -> dict:
    """It ends on fewer processes and devices."""
    with under("tensor_2"):
        return fit(f"{folder}/moving", 3)


@pytest.fixture(scope="module")
def single() -> dict:
    return launched(trained, 1, 1, None, CASES)[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("sharded"))


@pytest.fixture(scope="module")
def whole(folder) -> dict:
    return launched(left, 1, 8, folder)[0]


@pytest.fixture(scope="module")
def processes(folder, whole) -> list[dict]:
    return launched(taken_on, 2, 4, folder)


@pytest.mark.parametrize("strategy", ON_DEVICES)
def test_eight_devices_train_as_one(single, strategy):
    [found] = launched(trained, 1, 8, strategy, ON_DEVICES[strategy])
    for name in ON_DEVICES[strategy]:
        cases.assert_same(single[name], found[name], cases.CASES[name].tolerance)


@pytest.mark.parametrize("strategy", ON_PROCESSES)
def test_two_processes_of_four_devices_train_as_one(single, processes, strategy):
    for rank in processes:
        for name in ON_PROCESSES[strategy]:
            cases.assert_same(single[name], rank["many"][strategy][name])


def test_a_run_moves_between_meshes_and_process_counts(folder, whole, processes):
    """Eight devices of one process, then two processes, then two devices: as if it had not moved."""
    first, second = (rank["moved"] for rank in processes)
    assert first["epochs"] == [1]
    for a, b in zip(first["weights"], second["weights"], strict=True):
        np.testing.assert_array_equal(a, b)
    [last] = launched(finished, 1, 2, folder)
    assert last["epochs"] == [2]
    for what in ("weights", "optimizer"):
        for a, b in zip(whole[what], last[what], strict=True):
            assert cases.distance(a, b) < 1e-5


def test_the_chief_writes_a_file_for_which_all_processes_give_their_parts(folder, processes):
    model = kdist.saving.load_model(f"{folder}/moved.keras")
    for a, b in zip(model.get_weights(), processes[0]["moved"]["weights"], strict=True):
        np.testing.assert_array_equal(a, b)
