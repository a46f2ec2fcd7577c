"""Whether a strategy trains as one device does: two traces of a training, and where they part.

N devices must give the trajectory of one device to rounding. `check_parity` proves it on a user's own model.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kdist.core.lazy import LazyModule

if TYPE_CHECKING:
    from rich.table import Table

rich_console, rich_table = LazyModule("rich.console"), LazyModule("rich.table")

# Name -> value, in the order in which they came to be: the numbers of each step, then the final variables.
Trace = Mapping[str, np.ndarray]
Trainer = Callable[[Callable[[], Any], Any, Any, int, int, int], Trace]

_ROWS = 12
_train: Trainer | None = None
# The top-level package puts here what loads the training package, which binds its trainer.
load_training: Callable[[], Any] = lambda: None


def bind_trainer(train: Trainer) -> None:
    """Make `train` what check_parity runs. Called by kdist.training."""
    global _train
    _train = train


@dataclass(frozen=True)
class Difference:
    """One tensor of the two traces.

    `distance` is the norm of the difference over the norm of the one-device tensor; infinite where shapes differ.
    """

    name: str
    distance: float


@dataclass(frozen=True)
class ParityReport:
    """What `check_parity` found: every tensor in its order, the first of them the earliest.

    Attributes:
        differences: all tensors of the trace.
        tolerance: the largest distance that counts as rounding.
    """

    differences: tuple[Difference, ...]
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether all tensors agree."""
        return self.first is None

    @property
    def first(self) -> Difference | None:
        """The first tensor that differs: what follows differs because of it."""
        return next((d for d in self.differences if not d.distance <= self.tolerance), None)

    def table(self) -> Table:
        differing = [d for d in self.differences if not d.distance <= self.tolerance]
        title = "Parity with one device" if self.ok else f"{len(differing)} tensors differ"
        table = rich_table.Table(title=title)
        table.add_column("tensor")
        table.add_column("distance", justify="right")
        worst = sorted(self.differences, key=lambda d: -d.distance)
        for d in (differing or worst)[:_ROWS]:
            table.add_row(d.name, f"{d.distance:.1e}")
        return table

    def __str__(self) -> str:
        console = rich_console.Console(width=100)
        with console.capture() as capture:
            console.print(self.table())
        verdict = (
            f"All {len(self.differences)} tensors agree with one device's to {self.tolerance:g}."
            if self.first is None
            else f"The first to differ from one device's is {self.first.name} ({self.first.distance:.1e} > "
            f"{self.tolerance:g})."
        )
        return capture.get() + verdict


def compare(one: Trace, many: Trace, tolerance: float = 1e-5) -> ParityReport:
    """The report on two traces of the same training."""
    names = [*one, *(n for n in many if n not in one)]
    distances = (Difference(n, _distance(one.get(n), many.get(n))) for n in names)
    return ParityReport(tuple(distances), tolerance)


def _distance(a: Any, b: Any) -> float:
    if a is None or b is None or np.shape(a) != np.shape(b):
        return float("inf")
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return float("inf")
    a, b = np.nan_to_num(a), np.nan_to_num(b)
    return float(np.linalg.norm(a - b)) / max(float(np.linalg.norm(a)), 1e-12)


def check_parity(
    model_fn: Callable[[], Any],
    data: Any,
    strategy: Any,
    *,
    steps: int = 10,
    batch_size: int = 32,
    tolerance: float = 1e-5,
    seed: int = 0,
) -> ParityReport:
    """Train a model on one device and under a strategy, and compare every step's numbers and every final variable.

    With several processes all of them call it; each runs the one-device training for itself.

    Arguments:
        model_fn: makes and compiles the model; called twice, with the same random seed.
        data: x, (x, y) or (x, y, sample_weight), arrays, the same on every process.
        strategy: what to compare with one device, e.g. `FSDP()`.
        steps: batches to train on, in order, over again where the data end.
        batch_size: samples per batch over all devices.
        tolerance: norm of the difference over the norm, tensor by tensor.
        seed: of everything random.

    Returns: a ParityReport; print it, or look at `.ok` and `.first`.

    Two things differ by nature where each replica computes for itself (torch, tensorflow): masks of Dropout, so set
    its rate to 0 for this check, and the statistics of BatchNormalization without `synchronized=True`.

    Example:
        report = check_parity(make_model, (x, y), FSDP())
        assert report.ok, report
    """
    if _train is None:
        load_training()
    if _train is None:
        raise RuntimeError("Training is not loaded. Import kdist before kdist.distribution.")
    if steps < 1:
        raise ValueError(f"steps={steps} of check_parity must be at least 1.")
    one = _train(model_fn, data, None, steps, batch_size, seed)
    many = _train(model_fn, data, strategy, steps, batch_size, seed)
    return compare(one, many, tolerance)


# ---- two runs of a script
FILE, ROLE, STEPS = "KDIST_PARITY_FILE", "KDIST_PARITY_ROLE", "KDIST_PARITY_STEPS"


def role() -> str | None:
    """In a run that `kdist parity` started: "one" or "many", the training that this process records; else None."""
    return os.environ.get(ROLE)
