"""On two processes: gradient accumulation sends one round of messages for each update, and what is saved within an
update or an epoch is the state of both.
"""

from __future__ import annotations

import os
import pathlib
import sys
import warnings

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
        "sends": sends(model._programs["train"]) if BACKEND == "tensorflow" else None,
    }


def sends(program) -> dict[bool, int]:
    """How many all-reduces TensorFlow's graphs hold: that of steps that update, and of the others."""
    collective = lambda graph: sum(op.type == "CollectiveReduceV2" for op in graph.get_operations())
    return {phase[0]: collective(graph) for phase, graph in program._graphs.traces()}


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


def apart(updates: int = 3):
    """A model of which each process keeps statistics of its own rows, and sums of gradients."""
    import kdist
    from kdist import layers

    kdist.utils.set_random_seed(3)
    flatten, norm = layers.Flatten(), layers.BatchNormalization(momentum=0.8)
    head = layers.Dense(5, activation="softmax")
    first = layers.Dense(8, use_bias=False)  # which the statistics would take away again
    model = kdist.Sequential([kdist.Input((8, 8, 3)), flatten, first, norm, head])
    adam = kdist.optimizers.Adam(0.01, gradient_accumulation_steps=updates)
    model.compile(adam, "sparse_categorical_crossentropy")
    return model


def fit_in_order(model, first: int, last: int, **arguments) -> dict:
    import cases as here

    samples = here.data(16 * 2 * BATCHES)
    x, y = (samples[k][16 * first : 16 * last] for k in ("x", "y"))
    history = model.fit(x, y, batch_size=16, shuffle=False, verbose=0, **arguments).history
    return {
        "loss": history["loss"],
        "weights": [np.asarray(w) for w in model.get_weights()],
        "optimizer": [v.numpy() for v in model.optimizer.variables],
    }


def in_files(folder: str) -> dict:
    """A fit of 8 batches with a file after 4, in the middle of the epoch and of an update; the rest from the file."""
    import kdist

    callbacks = kdist.callbacks
    file = f"{folder}/at_{{batch}}.keras"
    plain = fit_in_order(apart(), 0, 2 * BATCHES)
    saving = fit_in_order(
        apart(), 0, 2 * BATCHES, callbacks=[callbacks.ModelCheckpoint(file, save_freq=BATCHES)]
    )
    resumed = fit_in_order(
        kdist.saving.load_model(file.format(batch=BATCHES)), BATCHES, 2 * BATCHES
    )

    class Alone(callbacks.Callback):
        """Saves in a callback of its own, after a batch without asking, and after the next one with."""

        def __init__(self):
            super().__init__()
            self.said: list[bool] = []

        def on_train_batch_end(self, batch, logs=None):
            if batch > 1:
                return
            if batch == 1:
                self.model.settle_replicas()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                rank = kdist.distribution.process_index()
                self.model.save_weights(f"{folder}/alone_{rank}.weights.h5", overwrite=True)
            self.said.append(any("settle_replicas" in str(w.message) for w in caught))

    alone = Alone()
    stopping = callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True)
    best = fit_in_order(apart(), 0, BATCHES, epochs=2, callbacks=[alone, stopping])
    kept = {"weights": stopping.best_weights, "optimizer": []}
    return {
        "plain": plain,
        "saving": saving,
        "resumed": resumed,
        "best": best,
        "kept": kept,
        "said": alone.said[:2],
    }


def work(folder: str) -> dict:
    return {
        "runs": interrupted(folder),
        "files": in_files(folder),
        "messages": messages() if BACKEND == "torch" else None,
    }


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


def test_a_file_of_the_middle_of_a_fit_holds_the_state_of_all_processes(processes):
    for rank in processes:
        plain, saving, resumed = (rank["files"][k] for k in ("plain", "saving", "resumed"))
        for what in ("weights", "optimizer"):
            for a, b, c in zip(saving[what], resumed[what], plain[what], strict=True):
                np.testing.assert_array_equal(a, b)
                assert cases.distance(a, c) < 1e-5


def test_what_callbacks_keep_at_the_end_of_an_epoch_is_one_state(processes):
    first, second = (rank["files"] for rank in processes)
    for run in ("plain", "saving", "resumed", "best", "kept"):
        for what in ("weights", "optimizer"):
            for a, b in zip(first[run][what], second[run][what], strict=True):
                np.testing.assert_array_equal(a, b)


def test_saving_what_one_process_has_alone_warns(processes):
    for rank in processes:
        assert rank["files"]["said"] == [BACKEND == "torch", False]


@pytest.mark.skipif(BACKEND == "jax", reason="XLA reduces gradients in every step")
def test_processes_exchange_gradients_once_for_each_update(processes):
    for rank in processes:
        if BACKEND == "torch":
            assert rank["messages"] == [0, 1, 0, 1]
        else:
            assert rank["runs"]["plain"]["sends"] == {False: 0, True: 1}
