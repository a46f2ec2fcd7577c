"""Runs `runs.killed_once` on Ray from a process without a framework, as a user's driver does; pickles the result."""

from __future__ import annotations

import pathlib
import pickle
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import runs

from kdist import launch

if __name__ == "__main__":
    out, folder, marker, storage, backend = sys.argv[1:]
    result = launch.run(
        runs.killed_once,
        workers=2,
        launcher="ray",
        backend=backend,
        args=(folder, marker, 1, 10),
        env={"PYTHONPATH": sys.path[0], "OMP_NUM_THREADS": "1", "JAX_NUM_CPU_DEVICES": "1"},
        storage=storage,
        timeout=280,
    )
    pathlib.Path(out).write_bytes(pickle.dumps((result.attempts, result.values)))
