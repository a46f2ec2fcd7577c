"""Speed of fit and predict: kdist against the loop an expert writes by hand, and Keras, on the same model, optimizer
and data.

    python benchmarks/run.py                                   all backends and models; prints a table, writes
    benchmarks/results/cpu.json
    python benchmarks/run.py --backends torch --models mlp     a part of it
    python benchmarks/run.py --rounds 9 --out /tmp/mine.json

Contenders take turns within one process, in an order that rotates, so that whatever else the machine does meets all
of them. Each
figure is the median over rounds of native time / contender time: 1.00 is native speed, 0.50 half of it.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BACKENDS = ("jax", "torch", "tensorflow")
MODELS = ("mlp", "convnet", "transformer")


def measure(backend: str, models: list[str], rounds: int, threads: int) -> dict:
    """One process per backend: a process holds one framework."""
    env = {
        **os.environ,
        "KDIST_BACKEND": backend,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": str(threads),
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, str(HERE / "measure.py"), "--rounds", str(rounds), *models]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def table(results: dict) -> str:
    lines = [
        "| backend | model | kdist fit | Keras fit | kdist predict | Keras predict | native fit, µs/step |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for backend, models in results.items():
        for model, r in models.items():
            lines.append(
                f"| {backend} | {model} | {r['fit']['kdist']:.2f} | {r['fit']['keras']:.2f} | "
                f"{r['predict']['kdist']:.2f} | "
                f"{r['predict']['keras']:.2f} | {r['fit']['native_us']:.0f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results" / "cpu.json")
    options = parser.parse_args()
    results = {}
    for backend in options.backends:
        results[backend] = measure(backend, list(options.models), options.rounds, options.threads)
        print(table({backend: results[backend]}), flush=True)
    record = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "rounds": options.rounds,
        "results": results,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    print(
        f"\n{table(results)}\n\nratios to native speed, medians of {options.rounds} rounds; written to {options.out}"
    )


if __name__ == "__main__":
    main()
