"""Runs all tests: what needs no backend once, the shared suite once per backend, two stages at a time.

python tests/run.py                    everything
python tests/run.py jax torch          only these stages
python tests/run.py -k dense           arguments that begin with '-' (and what follows) go to pytest
"""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BACKENDS = ("jax", "torch", "tensorflow")
# Folders that need no backend, or start processes with the backends they name themselves.
NEUTRAL = ("core", "data", "datasets", "checkpoint", "workshop", "properties")
# Ray forks its drivers, so no framework may be loaded in the process that tests the launchers.
LAUNCH = ("launch", "cli", "cluster_configs")
# Two stages at a time: the machine that this is made for has two cores.
AT_ONCE = int(os.environ.get("KDIST_TEST_JOBS", "2"))


def stages() -> dict[str, list[str]]:
    """Stage name -> test folders. Heavy ones first, so that the last ones to finish are short."""
    tests = ROOT / "tests"
    folders = lambda names: [str(tests / n) for n in names if (tests / n).is_dir()]
    shared = [
        str(p)
        for p in sorted(tests.iterdir())
        if p.is_dir()
        and p.name not in (*NEUTRAL, *LAUNCH, "backend")
        and not p.name.startswith(("_", "."))
    ]
    per_backend = {
        b: [*shared, *([str(tests / "backend" / b)] if (tests / "backend" / b).is_dir() else [])]
        for b in BACKENDS
    }
    return {
        "jax": per_backend["jax"],
        "tensorflow": per_backend["tensorflow"],
        "torch": per_backend["torch"],
        "launch": folders(LAUNCH),
        "neutral": folders(NEUTRAL),
    }


def start(stage: str, folders: list[str], extra: list[str], log: pathlib.Path) -> subprocess.Popen:
    backend = stage if stage in BACKENDS else "jax"
    env = {
        **os.environ,
        "KDIST_BACKEND": backend,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
        # What jax compiles, for all processes of the stage: many compile the same.
        "JAX_COMPILATION_CACHE_DIR": str(log.with_suffix(".compiled")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = [sys.executable, "-m", "pytest", "--durations=8", *folders, *extra]
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def stop(process: subprocess.Popen) -> None:
    """End a stage and what it started, by its process group."""
    for sig in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, sig)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                continue


def main() -> int:
    # A shell starts what runs in its background with Ctrl-C ignored, and tests that send it would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    arguments = sys.argv[1:]
    split = next((i for i, a in enumerate(arguments) if a.startswith("-")), len(arguments))
    chosen, extra = arguments[:split], arguments[split:]
    todo = {k: v for k, v in stages().items() if not chosen or k in chosen}
    unknown = [c for c in chosen if c not in stages()]
    if unknown:
        print(f"There is no stage {unknown[0]!r}; there are {', '.join(stages())}.")
        return 2
    running: dict[str, tuple[subprocess.Popen, pathlib.Path, float]] = {}
    waiting = list(todo)
    counts = {"passed": 0, "failed": 0, "error": 0, "skipped": 0}
    bad: list[str] = []
    began = time.time()
    with tempfile.TemporaryDirectory(prefix="kdist-tests-") as folder:
        try:
            while waiting or running:
                while waiting and len(running) < AT_ONCE:
                    stage = waiting.pop(0)
                    log = pathlib.Path(folder) / f"{stage}.log"
                    running[stage] = (start(stage, todo[stage], extra, log), log, time.time())
                    print(f"[{stage}] started", flush=True)
                for stage, (process, log, since) in list(running.items()):
                    if process.poll() is None:
                        continue
                    del running[stage]
                    text = log.read_text(errors="replace")
                    print(f"\n===== {stage} ({time.time() - since:.0f} s)\n{text}", flush=True)
                    for n, what in re.findall(
                        r"(\d+) (passed|failed|error|skipped)", text.strip().split("\n")[-1]
                    ):
                        counts[what] += int(n)
                    # 5: nothing was collected, which a filter may cause.
                    if process.returncode not in (0, *([5] if extra else [])):
                        bad.append(stage)
                time.sleep(0.2)
        finally:
            for process, _, _ in running.values():
                stop(process)
    print(
        f"stages: {', '.join(todo)}; {time.time() - began:.0f} s"
        + (f"; failed: {', '.join(bad)}" if bad else "")
    )
    print(
        f"{counts['passed']} passed, {counts['failed'] + counts['error']} failed, {counts['skipped']} skipped"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
