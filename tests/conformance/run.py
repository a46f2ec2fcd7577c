"""Runs the tests that ship inside the installed `keras` against kdist, and compares with what is expected to fail.

    python tests/conformance/run.py                                    all areas on the three backends
    python tests/conformance/run.py --backend torch ops random         folders or files under keras/src
    python tests/conformance/run.py --backend jax --update ops/core_test.py

Each file runs in a process of its own, where `import keras` gives kdist's public names. A test that fails and is not in
`expected/<backend>.txt`, one that is and passes, and one that is listed without a reason are errors. With --update the
list takes over what was seen; new entries stand under "NO REASON IS WRITTEN YET" until someone writes one.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
import expectations
import keras_names

BACKENDS = ("jax", "torch", "tensorflow")
AREAS = (
    "activations",
    "constraints",
    "initializers",
    "losses",
    "metrics",
    "ops",
    "random",
    "regularizers",
    "tree",
)
# What Keras's tests expect of the conftest.py at the root of its repository, which the wheel does not have.
CONFTEST = """\
import os
import pytest

def skip_if_backend(name, reason):
    return pytest.mark.skipif(os.environ["KERAS_BACKEND"] == name, reason=reason)
"""
INI = """\
[pytest]
markers =
    requires_trainable_backend: all of kdist's are
    multi_device: run on jax, with eight virtual devices
"""


def files_of(paths: Sequence[str]) -> list[str]:
    """The test files under these paths, which are relative to keras/src."""
    source = keras_names.wheel() / "src"
    files = []
    for path in paths:
        chosen = source / path
        found = [chosen] if chosen.is_file() else sorted(chosen.rglob("*_test.py"))
        if not found:
            raise SystemExit(f"The installed keras has no tests at {path!r} (under {source}).")
        files += [f.relative_to(source).as_posix() for f in found]
    return files


def run_file(file: str, backend: str, timeout: float) -> expectations.Outcomes:
    """Run one test file of keras/src against kdist on a backend, in a process of its own.

    Args:
        file: Path under keras/src.
        backend: "jax", "torch" or "tensorflow".
        timeout: Seconds after which the process is ended; the file then counts as failed.

    Returns:
        The outcome of each test, by "<file>::<class>::<test>".
    """
    outcomes = expectations.Outcomes()
    with tempfile.TemporaryDirectory(prefix="kdist-conformance-") as folder:
        work = pathlib.Path(folder)
        (work / "conftest.py").write_text(CONFTEST)
        (work / "pytest.ini").write_text(INI)
        name = file.replace("/", "__")
        shutil.copy(keras_names.wheel() / "src" / file, work / name)
        lines, log = work / "outcomes.jsonl", work / "log.txt"
        lines.touch()
        environment = {
            **os.environ,
            "KERAS_BACKEND": backend,
            "KDIST_BACKEND": backend,
            "CONFORMANCE_OUT": str(lines),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)]),
            "OMP_NUM_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "JAX_PLATFORMS": "cpu",
            "JAX_NUM_CPU_DEVICES": "8",
        }
        environment.pop("PYTEST_ADDOPTS", None)
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-p", "keras_as_kdist"),
            *("-p", "no:cacheprovider", "-c", "pytest.ini", "--import-mode=importlib", name),
        ]
        with log.open("wb") as out:
            try:
                code = subprocess.run(
                    command,
                    cwd=work,
                    env=environment,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    stdin=subprocess.DEVNULL,
                    timeout=timeout,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                code = None
        for line in lines.read_text().splitlines():
            seen = json.loads(line)
            outcomes.add(f"{file}::{seen['test']}", seen["outcome"], seen["message"])
        # 0 and 1: all ran; 2: an import failed, which is among the outcomes; 5: there are no tests.
        imported = f"{file}::import" not in outcomes.outcome
        if code not in (0, 1, 5) and not (code == 2 and not imported):
            why = f"ended after {timeout:.0f} s" if code is None else f"exit status {code}"
            tail = log.read_text(errors="replace").strip()[-2000:]
            outcomes.add(f"{file}::process", "failed", f"{why}\n{tail}")
    return outcomes


def run_backend(
    backend: str, files: list[str], update: bool, jobs: int, timeout: float
) -> list[str]:
    """Run files on a backend; returns what is not as expected, a line each."""
    everything = expectations.Outcomes()
    with ThreadPoolExecutor(jobs) as pool:
        runs = {f: pool.submit(run_file, f, backend, timeout) for f in files}
        for file, run in runs.items():
            outcomes = run.result()
            kinds = list(outcomes.outcome.values())
            tally = {k: kinds.count(k) for k in ("passed", "failed", "private", "skipped")}
            print(
                f"{backend:10s} {file:62s} "
                + ", ".join(f"{n} {kind}" for kind, n in tally.items() if n),
                flush=True,
            )
            for test, outcome in outcomes.outcome.items():
                everything.add(test, outcome, outcomes.message[test])
    path = expectations.path_of(backend)
    listed = expectations.read(path.read_text()) if path.exists() else {}
    here = expectations.of_files(listed, files)
    if update:
        renewed = expectations.updated(here, everything)
        elsewhere = {e: why for e, why in listed.items() if e not in here}
        version = importlib.metadata.version("keras")
        path.write_text(expectations.write({**elsewhere, **renewed}, backend, version))
        here = renewed
    kinds = list(everything.outcome.values())
    passed, failed, private = (kinds.count(k) for k in ("passed", "failed", "private"))
    print(
        f"{backend}: {passed} of {passed + failed} passed "
        f"({100 * passed / max(1, passed + failed):.1f}%); {private} more need privates of Keras"
    )
    return expectations.compare(here, everything)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="default: all three")
    parser.add_argument(
        "--update", action="store_true", help="renew the lists of expected failures"
    )
    parser.add_argument("--jobs", type=int, default=2, help="files at a time (default: 2)")
    parser.add_argument("--timeout", type=float, default=1200, help="seconds per file (1200)")
    parser.add_argument("paths", nargs="*", help=f"under keras/src; default: {' '.join(AREAS)}")
    chosen = parser.parse_args()
    files = files_of(chosen.paths or AREAS)
    began = time.time()
    wrong = []
    for backend in chosen.backend or BACKENDS:
        for line in run_backend(backend, files, chosen.update, chosen.jobs, chosen.timeout):
            wrong.append(f"{backend}: {line}")
    print(*wrong, sep="\n")
    print(f"{len(wrong)} differences from what is expected; {time.time() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
