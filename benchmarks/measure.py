"""Measures one backend: native, kdist and Keras in turns. Prints one line of JSON. Started by run.py."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import workloads


def library(lib, name: str, x, y) -> tuple[Callable, Callable]:
    """(fit one epoch, predict all) of Keras or kdist."""
    w = workloads.WORKLOADS[name]
    model = workloads.compiled(lib, name)
    return (
        lambda: model.fit(x, y, batch_size=w.batch, epochs=1, verbose=0),
        lambda: model.predict(x[: w.predict_samples], batch_size=w.batch, verbose=0),
    )


def interleave(contenders: dict[str, Callable], rounds: int) -> dict[str, list[float]]:
    """Seconds per contender and round; the first calls, which compile, are not counted."""
    for fn in contenders.values():
        fn()
        fn()
    names, seconds = list(contenders), {n: [] for n in contenders}
    for r in range(rounds):
        for name in names[r % len(names) :] + names[: r % len(names)]:
            start = time.perf_counter()
            contenders[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratios(seconds: dict[str, list[float]], steps: int) -> dict[str, float]:
    native = seconds["native"]
    out = {
        n: statistics.median(a / b for a, b in zip(native, s, strict=True))
        for n, s in seconds.items()
        if n != "native"
    }
    return {**out, "native_us": statistics.median(native) / steps * 1e6}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    import keras

    import kdist

    native = importlib.import_module(f"native.{os.environ['KDIST_BACKEND']}_loops")
    results = {}
    for name in options.models:
        w = workloads.WORKLOADS[name]
        x, y = workloads.data(name, w.samples)
        loops = {
            "native": native.loops(name, x, y, w),
            "kdist": library(kdist, name, x, y),
            "keras": library(keras, name, x, y),
        }
        results[name] = {
            "fit": ratios(
                interleave({n: fit for n, (fit, _) in loops.items()}, options.rounds),
                w.samples // w.batch,
            ),
            "predict": ratios(
                interleave({n: predict for n, (_, predict) in loops.items()}, options.rounds),
                w.predict_samples // w.batch,
            ),
        }
    print(json.dumps(results))


if __name__ == "__main__":
    main()
