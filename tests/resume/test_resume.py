"""A run that was interrupted ends where the uninterrupted one does: after an exception, after kill -9, on another
backend.
"""

from __future__ import annotations

import json
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from kdist import launch

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import runs

BACKEND = os.environ["KDIST_BACKEND"]
OTHER = {"jax": "torch", "torch": "tensorflow", "tensorflow": "jax"}[BACKEND]
ENV = {"PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1", "JAX_NUM_CPU_DEVICES": "1"}


def norm_distance(a, b) -> float:
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(a), 1e-12))


def assert_identical(a: dict, b: dict, history: bool = True) -> None:
    for what in ("weights", "optimizer", "seeds"):
        for i, (p, q) in enumerate(zip(a[what], b[what], strict=True)):
            assert np.array_equal(p, q), f"{what} {i}"
    if history:
        assert a["history"] == b["history"]
    for name, values in a["history"].items():
        assert norm_distance(values, b["history"][name]) < 1e-6


class Interrupted(Exception):
    pass


def interrupt_at(step: int):
    import kdist

    class Stop(kdist.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.position.step == step:
                raise Interrupted

    return Stop()


@pytest.mark.parametrize("step", [5, 6, 9, 13])
def test_interrupted_anywhere_it_ends_the_same_bit_for_bit(tmp_path, step):
    """6 batches an epoch, a save every 4: the stops lie in the middle and at the end of epochs."""
    whole = runs.fit(str(tmp_path / "whole"))
    with pytest.raises(Interrupted):
        runs.fit(str(tmp_path / "cut"), extra=[interrupt_at(step)])
    assert_identical(whole, runs.fit(str(tmp_path / "cut")))


def test_a_finished_run_trains_no_further(tmp_path):
    first = runs.fit(str(tmp_path / "run"), save_freq="epoch")
    assert_identical(first, runs.fit(str(tmp_path / "run"), save_freq="epoch"))


def test_resume_true_without_a_checkpoint_says_so(tmp_path):
    with pytest.raises(Exception, match="no complete checkpoint"):
        runs.fit(str(tmp_path / "none"), resume=True)


def test_memory_url(tmp_path):
    url = f"memory://resume-{os.getpid()}"
    with pytest.raises(Interrupted):
        runs.fit(url, extra=[interrupt_at(9)])
    assert_identical(runs.fit(str(tmp_path / "whole")), runs.fit(url))


def test_orbax_restores_what_was_written(tmp_path):
    run = runs.fit(str(tmp_path / "run"), epochs=1, save_freq="epoch")
    [step] = [p for p in (tmp_path / "run").iterdir() if p.name.isdigit()]
    env = {**os.environ, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, str(HERE / "orbax_reads.py"), str(step / "state")],
        capture_output=True,
        text=True,
        env=env,
        timeout=120,
        check=True,
    )
    found = json.loads(done.stdout.strip().splitlines()[-1])
    kernels = {k: v for k, v in found.items() if k.startswith("model/") and k.endswith("kernel")}
    assert len(kernels) == 2
    for shape, total in kernels.values():
        [mine] = [w for w in run["weights"] if list(w.shape) == shape]
        assert abs(total - mine.astype("float64").sum()) < 1e-6


def test_another_backend_goes_on(tmp_path):
    """Written here, resumed there: without dropout, whose draws are a backend's own, the end is the same to
    rounding.
    """
    whole = runs.fit(str(tmp_path / "whole"), dropout=0.0)
    with pytest.raises(Interrupted):
        runs.fit(str(tmp_path / "cut"), extra=[interrupt_at(9)], dropout=0.0)
    there = launch.run(
        runs.fit,
        workers=1,
        launcher="local",
        backend=OTHER,
        args=(str(tmp_path / "cut"),),
        kwargs={"dropout": 0.0},
        env=ENV,
        timeout=120,
    ).value
    for a, b in zip(whole["weights"], there["weights"], strict=True):
        assert norm_distance(a, b) < 1e-4
    assert norm_distance(whole["history"]["loss"], there["history"]["loss"]) < 1e-4


def local_runs(tmp_path, name: str, fn, *arguments) -> launch.RunResult:
    return launch.run(
        fn,
        workers=2,
        launcher="local",
        backend=BACKEND,
        args=(str(tmp_path / name), *arguments),
        env=ENV,
        storage=tmp_path / "storage",
        timeout=240,
    )


def on_ray(tmp_path, marker: str) -> tuple[int, list]:
    """From a process of its own: Ray forks, which must not happen where jax's threads run."""
    out = tmp_path / "out.pickle"
    arguments = [out, tmp_path / "cut", marker, tmp_path / "storage", BACKEND]
    command = [sys.executable, str(HERE / "ray_driver.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=290, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return pickle.loads(out.read_bytes())


# Ray runs the same workers as the local launcher, so one backend is enough there: the one that promises bits.
@pytest.mark.parametrize("launcher", ["local", *(["ray"] if BACKEND == "jax" else [])])
def test_kill_9_of_a_worker_restarts_from_the_newest_checkpoint(tmp_path, launcher):
    """Two processes, one of which is killed in its second epoch: the end is that of two that nobody killed."""
    marker = str(tmp_path / "marker")
    whole = local_runs(tmp_path, "whole", runs.fit)
    if launcher == "ray":
        attempts, values = on_ray(tmp_path, marker)
    else:
        killed = local_runs(tmp_path, "cut", runs.killed_once, marker, 1, 10)
        attempts, values = killed.attempts, killed.values
    assert attempts == 2 and whole.attempts == 1
    assert os.path.exists(marker)
    # Where each process sums up metrics of its own, a save adds them up earlier than the whole run does.
    for a, b in zip(whole.values, values, strict=True):
        assert_identical(a, b, history=BACKEND == "jax")
