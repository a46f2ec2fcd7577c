"""Records a training for `kdist.distribution.check_parity` and for `kdist parity`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kdist.callbacks import Callback
from kdist.data import unpack_x_y_sample_weight
from kdist.distribution import parity, process_index
from kdist.distribution.runtime import distribution_scope
from kdist.random import set_random_seed
from kdist.training.checkpointing import variable_paths


class Recorder(Callback):
    """Keeps the numbers of each of the first `steps` batches, and the variables after them; then stops the fit.

    Arguments:
        steps: batches to record.
        initial: values of the variables to begin with; None to keep what the model has, and to give it in `.initial`.
    """

    def __init__(self, steps: int, initial: dict[str, np.ndarray] | None = None):
        super().__init__()
        self._steps = steps
        self._given = initial
        self.initial: dict[str, np.ndarray] = {}
        self.trace: dict[str, np.ndarray] = {}
        self._seen = 0

    def on_train_begin(self, logs: Any = None) -> None:
        variables = _variables(self.model)
        if self._given is not None:
            _check_names(variables, self._given)
            for name, variable in variables.items():
                variable.assign(self._given[name])
        self.initial = {name: variable.numpy() for name, variable in variables.items()}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._seen += 1
        for name, value in dict(logs or {}).items():
            self.trace[f"{name} after step {self._seen}"] = np.asarray(value)
        if self._seen >= self._steps:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        for name, variable in _variables(self.model).items():
            self.trace[name] = variable.numpy()


def _variables(model: Any) -> dict[str, Any]:
    return {"/".join(path): v for path, v in variable_paths(model).items()}


def _check_names(variables: dict, given: dict) -> None:
    unlike = [n for n in (*variables, *given) if (n in variables) != (n in given)]
    unlike += [n for n, v in variables.items() if n in given and v.shape != given[n].shape]
    if unlike:
        raise ValueError(
            f"The two trainings to compare built different models: {unlike[0]!r} is not the same in both."
        )


def record(
    model_fn: Callable[[], Any], data: Any, strategy: Any, steps: int, batch_size: int, seed: int
) -> dict[str, np.ndarray]:
    """The trace of a training of `steps` batches under `strategy`; None is one device."""
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    recorder = Recorder(steps)
    with distribution_scope(strategy):
        set_random_seed(seed)
        model = model_fn()
        if not model.compiled:
            raise ValueError(
                "model_fn must return a compiled model: call model.compile(...) in it."
            )
        model.fit(
            x,
            y,
            sample_weight=sample_weight,
            batch_size=batch_size,
            epochs=steps,  # an upper bound: an epoch has at least one batch
            shuffle=False,
            verbose=0,
            callbacks=[recorder],
        )
    return recorder.trace


def scripted() -> _Scripted | None:
    """The recorder of a script that `kdist parity` runs, to be added to its first fit; else None."""
    if parity.role() is None:
        return None
    return _Scripted(
        Path(os.environ[parity.FILE]), int(os.environ[parity.STEPS]), parity.role() or ""
    )


class _Scripted(Recorder):
    """A Recorder that begins where the one-device run began, leaves its trace in a file, and ends the script."""

    seed = 0  # of the data's order

    def __init__(self, folder: Path, steps: int, role: str):
        initial = folder / "initial.npz"
        super().__init__(steps, dict(np.load(initial)) if role == "many" else None)
        self._folder, self._role = folder, role

    def on_train_end(self, logs: Any = None) -> None:
        super().on_train_end(logs)
        if process_index() == 0:
            if self._role == "one":
                np.savez(self._folder / "initial.npz", **_plain(self.initial))
            np.savez(self._folder / f"{self._role}.npz", **_plain(self.trace))
        raise SystemExit(0)


def _plain(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """float64 in place of types that NumPy's files do not know, such as bfloat16."""
    return {k: v if v.dtype.kind in "biuf" else v.astype("float64") for k, v in arrays.items()}


parity.bind_trainer(record)
