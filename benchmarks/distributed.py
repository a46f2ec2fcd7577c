"""Speed of fit on several processes: kdist's strategies against the framework's own, by hand.

    python benchmarks/distributed.py                             all backends; prints a table, writes a JSON
    python benchmarks/distributed.py --backends torch --rounds 9

Two processes on this machine, one thread each. The contenders take turns within them. Each figure is the median over
rounds of native time / kdist time: 1.00 is native speed. The processes are started afresh several times, and the
rounds of all starts are taken together: on a small machine, one pair of processes differs from another most.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
STRATEGIES = {
    "jax": ("DataParallel", "FSDP"),
    "torch": ("DataParallel", "FSDP"),
    "tensorflow": ("DataParallel",),
}
MODELS = ("mlp", "transformer")
# A fit begins with what is done once, such as seeing that the processes agree. It has at least so many steps that this
# counts as little as in training.
STEPS = 64


def measure(backend: str, models: list[str], starts: int, rounds: int, workers: int) -> dict:
    """Per strategy and model: the ratio, the lowest and highest of a start, and the native time of a step."""
    runs = [start(backend, models, rounds, workers) for _ in range(starts)]
    return {
        strategy: {
            name: joined([run[strategy][name] for run in runs]) for name in runs[0][strategy]
        }
        for strategy in runs[0]
    }


def joined(runs: list[dict]) -> dict:
    every = [r for run in runs for r in run["ratios"]]
    medians = [statistics.median(run["ratios"]) for run in runs]
    return {
        "kdist": statistics.median(every),
        "of_starts": [min(medians), max(medians)],
        "native_us": statistics.median(run["native_us"] for run in runs),
    }


def start(backend: str, models: list[str], rounds: int, workers: int) -> dict:
    """Start the workers of one backend; the chief leaves its result in a file."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "result.json"
        env = {
            **os.environ,
            "KDIST_BACKEND": backend,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "OMP_NUM_THREADS": "1",
            "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
        }
        command = [
            sys.executable, "-m", "kdist.cli", "run", str(HERE / "distributed.py"), "--launcher", "local",
            "--workers", str(workers), "--", "--worker", str(out), "--rounds", str(rounds), "--models", *models,
        ]  # fmt: skip
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(
                f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
            )
        return json.loads(out.read_text())


def work(out: pathlib.Path, models: list[str], rounds: int) -> None:
    """One worker's part."""
    sys.path.insert(0, str(HERE))
    import workloads

    import kdist
    from kdist.distribution import FSDP, DataParallel, process_index

    backend = kdist.config.backend()
    native = importlib.import_module(f"native.{backend}_distributed")
    results: dict = {}
    for strategy in STRATEGIES[backend]:
        for name in models:
            w = workloads.WORKLOADS[name]
            x, y = workloads.data(name, w.samples)
            steps = w.samples // w.batch
            epochs = max(1, STEPS // steps)
            with {"DataParallel": DataParallel, "FSDP": FSDP}[strategy]().scope():
                kdist.utils.set_random_seed(0)
                model = workloads.compiled(kdist, name)
                fit = lambda model=model, x=x, y=y, w=w, n=epochs: model.fit(
                    x, y, batch_size=w.batch, epochs=n, verbose=0
                )
                epoch = native.loop(name, strategy, x, y, w)
                by_hand = lambda epoch=epoch, n=epochs: [epoch() for _ in range(n)]
                contenders = {"native": by_hand, "kdist": fit}
                seconds = interleave(contenders, rounds)
            pairs = zip(seconds["native"], seconds["kdist"], strict=True)
            results.setdefault(strategy, {})[name] = {
                "ratios": [a / b for a, b in pairs],
                "native_us": statistics.median(seconds["native"]) / (steps * epochs) * 1e6,
            }
    if process_index() == 0:
        out.write_text(json.dumps(results))


def interleave(contenders: dict, rounds: int) -> dict[str, list[float]]:
    """Seconds per contender and round. The processes run the same contenders in the same order, and so keep step."""
    seconds: dict[str, list[float]] = {n: [] for n in contenders}
    for r in range(-2, rounds):  # the first calls, which compile, are not counted
        for name in list(contenders)[:: 1 if r % 2 else -1]:
            start = time.perf_counter()
            contenders[name]()
            if r >= 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def table(results: dict) -> str:
    lines = [
        "| backend | strategy | model | kdist fit | lowest and highest start | native fit, µs/step |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for backend, strategies in results.items():
        for strategy, models in strategies.items():
            for model, r in models.items():
                low, high = r["of_starts"]
                lines.append(
                    f"| {backend} | {strategy} | {model} | {r['kdist']:.2f} | {low:.2f} to {high:.2f} "
                    f"| {r['native_us']:.0f} |"
                )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backends", nargs="+", default=list(STRATEGIES), choices=list(STRATEGIES))
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--out", type=pathlib.Path, default=HERE / "results" / "cpu_distributed.json"
    )
    parser.add_argument("--worker", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        work(options.worker, list(options.models), options.rounds)
        return
    results = {}
    for backend in options.backends:
        results[backend] = measure(
            backend, list(options.models), options.starts, options.rounds, options.workers
        )
        print(table({backend: results[backend]}), flush=True)
    record = {
        "cores": os.cpu_count(),
        "workers": options.workers,
        "starts": options.starts,
        "rounds": options.rounds,
        "results": results,
    }
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"\n{table(results)}\n\nratios to native speed; written to {options.out}")


if __name__ == "__main__":
    main()
