"""Writes docs/strategies/support.md: the combinations of strategy, backend and model that this folder's tests compare.

python tests/parity/support_table.py
"""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Iterator

os.environ.setdefault("KDIST_BACKEND", "jax")
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import test_data_parallel
import test_remat
import test_sharded
import test_tensorflow_sharded
import test_torch_sharded

PAGE = HERE.parents[1] / "docs" / "strategies" / "support.md"
BACKENDS = {"jax": "JAX", "torch": "PyTorch", "tensorflow": "TensorFlow"}
LABELS = {
    "data": "`DataParallel()`",
    "optimizer": '`FSDP(level="optimizer")`',
    "fsdp": "`FSDP()`",
    "hybrid": "`FSDP(shards=)`",
    "hybrid_4": "`FSDP(shards=)`",
    "hybrid_optimizer_4": '`FSDP(shards=, level="optimizer")`',
    "tensor_2": "`Parallelism(tensor=)`",
    "tensor_fsdp": "`Parallelism(fsdp=, tensor=)`",
    "composed_4": "`Parallelism(fsdp=, tensor=)`",
    "composed": "`Parallelism(data=, fsdp=, tensor=)`",
    "sequence": "`Parallelism(..., sequence=True)`",
    "fsdp_sequence": "`Parallelism(..., sequence=True)`",
    "sequence_2": "`Parallelism(..., sequence=True)`",
    "sequence_4": "`Parallelism(..., sequence=True)`",
    "fsdp_sequence_4": "`Parallelism(..., sequence=True)`",
    "model": "`ModelParallel(layout_map=)`",
    "outputs": '`ModelParallel(layout_map=)` with "/output" rules',
}
HEAD = """# What is supported

Every entry is a test: training under the strategy, compared with training on one device, to 1e-5 in float32 (losses,
metrics, predictions, weights, optimizer state; norm of the difference over the norm, tensor by tensor), on CPUs, with a
last batch that does not divide and with sample weights. Many also run in float64, to 1e-12. An empty entry is not
tested; what a backend cannot do is refused at `compile`, by name and with what to use instead. TensorFlow runs all but
`DataParallel` on DTensor, which is
experimental.

This page is written by `python tests/parity/support_table.py` from the lists of the tests.
"""
MODELS = """Those of `tests/parity/cases.py`. `dropout` and `dropped_...` draw the masks of one device, which is so on
jax, and on torch where no axis splits the batch."""


def by_strategy(runs: dict | list, cases: list[str]) -> Iterator[tuple[str, str]]:
    """(strategy, case) of a dict of lists of cases, or of a list of strategies that take all of them."""
    for strategy in runs:
        for case in runs[strategy] if isinstance(runs, dict) else cases:
            yield strategy, case


def tested() -> list[tuple[str, str, str, str]]:
    """(label of the strategy, backend, where it ran, case)."""
    shared = [n for n in test_data_parallel.NAMES if n != "dropout"]
    found = []

    def add(backend: str, where: str, pairs: Iterator[tuple[str, str]] | list) -> None:
        plain = lambda case: case.removeprefix("hard_").removeprefix("wide_")
        found.extend((LABELS[strategy], backend, where, plain(case)) for strategy, case in pairs)

    for backend, where in (("jax", "8 devices"), ("tensorflow", "2 devices")):
        add(backend, where, [("data", n) for n in shared])
    for backend in BACKENDS:
        add(backend, "2 processes", [("data", n) for n in shared])
    for where in ("8 devices", "2 processes"):
        add("jax", where, [("data", "dropout")])
    torch = test_torch_sharded
    add("jax", "8 devices", by_strategy(test_sharded.ON_DEVICES, []))
    add("jax", "2 processes of 4 devices", by_strategy(test_sharded.ON_PROCESSES, []))
    add("torch", "2 processes", by_strategy(torch.ON_TWO, torch.CASES))
    add("torch", "2 processes", by_strategy(torch.OF_ACTIVATIONS, []))
    add("torch", "4 processes", by_strategy(torch.ON_FOUR, torch.CASES))
    add("tensorflow", "8 devices", by_strategy(test_tensorflow_sharded.RUNS, []))
    places = {"jax": "8 devices", "torch": "2 processes", "tensorflow": "2 devices"}
    for backend, runs in test_remat.RUNS.items():
        add(backend, places[backend], [(strategy, "remat") for strategy, _ in runs])
    return found


def table(found: list, part: int, skip: str | None = None) -> list[str]:
    """A row for each strategy, a column for each backend; cells are the distinct values of a part of the entries."""
    lines = [f"| | {' | '.join(BACKENDS.values())} |", "| --- | --- | --- | --- |"]
    for label in dict.fromkeys(LABELS.values()):
        cells = []
        for backend in BACKENDS:
            entries = [x for x in found if x[:2] == (label, backend) and x[3] != skip]
            cells.append(", ".join(dict.fromkeys(x[part] for x in entries)))
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


def page() -> str:
    found = tested()
    again = [(*x[:2], "yes", x[3]) for x in found if x[3] == "remat"]
    return "\n".join(
        [
            HEAD,
            "## Where it ran",
            "",
            *table(found, 2, "remat"),
            "",
            "## With which models",
            "",
            MODELS,
            "",
            *table(found, 3, "remat"),
            "",
            "## With activations computed again",
            "",
            *table(again, 2),
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE} is written.")
