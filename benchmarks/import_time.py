"""How long `import kdist` takes beyond the framework's own import, and Keras too: medians of fresh processes.

    python benchmarks/import_time.py [--rounds 5]

"lazy" is `import kdist`, "all" the first use of a name, which loads the backend and all public classes.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIMED = "import time; {before}; start = time.perf_counter(); {timed}; print(time.perf_counter() - start)"


def seconds(backend: str, before: str, timed: str) -> float:
    env = {
        **os.environ,
        "KDIST_BACKEND": backend,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", TIMED.format(before=before, timed=timed)]
    out = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    return float(out.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    frameworks = {
        "jax": "import jax, jax.numpy",
        "torch": "import torch",
        "tensorflow": "import tensorflow",
    }
    print("| backend | kdist, lazy | kdist, all | Keras |\n| --- | --- | --- | --- |")
    for backend, framework in frameworks.items():
        cases = {
            "lazy": (framework, "import kdist"),
            "all": (framework, "import kdist; kdist.Model"),
            "keras": (framework, "import keras"),
        }
        taken: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(options.rounds):
            for name, (before, timed) in cases.items():
                taken[name].append(seconds(backend, before, timed))
        medians = [f"{statistics.median(taken[name]):.2f} s" for name in cases]
        print(f"| {backend} | {' | '.join(medians)} |", flush=True)


if __name__ == "__main__":
    main()
