"""Gradient accumulation on two processes: one round of messages for each update, and no sum lost by an interruption."""

from __future__ import annotations

import os
import pathlib
import sys

import numpy as np
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
    "JAX_NUM_CPU_DEVICES": "1",
}
BATCHES = 4  # of an epoch


def fit(epochs: int, steps: int = 3, folder: str | None = None, callbacks: tuple = ()) -> dict:
    import cases as here

    import kdist
    from kdist import layers

    kdist.utils.set_random_seed(3)
    model = here.mlp(kdist, layers)
    model.compile(
        kdist.optimizers.Adam(0.01, gradient_accumulation_steps=steps),
        "sparse_categorical_crossentropy",
    )
    samples = here.data(16 * BATCHES)
    # Saved in the middle of an update after each epoch: neither 4 nor 8 is a multiple of 3.
    savers = [kdist.callbacks.ShardedCheckpoint(folder, save_freq=BATCHES)] if folder else []
    model.fit(
        samples["x"], samples["y"], batch_size=16, epochs=epochs, verbose=0,
        callbacks=[*callbacks, *savers], resume="auto" if folder else None,
    )  # fmt: skip
    return {
        "weights": [np.asarray(w) for w in model.get_weights()],
        "optimizer": [v.numpy() for v in model.optimizer.variables],
    }


def interrupted(folder: str) -> dict[str, dict]:
    fit(1, folder=f"{folder}/interrupted")
    return {
        "plain": fit(2),
        "saving": fit(2, folder=f"{folder}/whole"),
        "resumed": fit(2, folder=f"{folder}/interrupted"),
    }


def messages() -> list[int]:
    """How many all-reduces each step of torch sends, with an update in every second one."""
    import torch.distributed as dist

    import kdist

    counts = [0]
    native = dist.all_reduce

    def counted(*args, **kwargs):
        counts[-1] += 1
        return native(*args, **kwargs)

    class Each(kdist.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            counts[-1] = 0

        def on_train_batch_end(self, batch, logs=None):
            counts.append(0)

    dist.all_reduce = counted
    try:
        fit(1, steps=2, callbacks=(Each(),))
    finally:
        dist.all_reduce = native
    return counts[:-1]


def work(folder: str) -> dict:
    return {"runs": interrupted(folder), "messages": messages() if BACKEND == "torch" else None}


@pytest.fixture(scope="module")
def processes(tmp_path_factory) -> list[dict]:
    folder = str(tmp_path_factory.mktemp("accumulation"))
    return launch.run(
        work, workers=2, launcher="local", backend=BACKEND, args=(folder,), env=ENV,
        timeout=240, max_failures=0,
    ).values  # fmt: skip


def test_a_fit_resumed_within_an_update_ends_as_if_it_had_not_been_interrupted(processes):
    for rank in processes:
        saving, resumed, plain = (rank["runs"][k] for k in ("saving", "resumed", "plain"))
        for what in ("weights", "optimizer"):
            for a, b, c in zip(saving[what], resumed[what], plain[what], strict=True):
                np.testing.assert_array_equal(a, b)
                assert cases.distance(a, c) < 1e-5
        # The fit ends within an update too, and what is added up is one value on all processes.
        for a, b in zip(
            plain["optimizer"], processes[0]["runs"]["plain"]["optimizer"], strict=True
        ):
            np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(BACKEND != "torch", reason="the other backends reduce in every step")
def test_processes_exchange_gradients_once_for_each_update(processes):
    for rank in processes:
        assert rank["messages"] == [0, 1, 0, 1]
