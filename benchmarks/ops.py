"""The op table: kdist's eager ops against the framework's own calls, on tiny and on large inputs.

    python benchmarks/ops.py                                 torch and jax; prints a table, writes it and a JSON
    python benchmarks/ops.py --backends torch --only exp add
    python benchmarks/ops.py --rounds 30

A process has one backend and one thread, and the two calls take turns in it. Times are of the processor, so that
what else runs on the machine does not count as such. Tiny inputs show what kdist adds to a call, in microseconds: the
median of the difference over the quickest tenth of the rounds, as what disturbs so short a call (a shared core, a
lower clock) only adds to it; beside it stands the median over all rounds. Large ones show whether it does more work
than native: the median over rounds of native time / kdist time, 1.00 being native speed. A view has no large input.
The rounds are of several processes: where large results happen to lie in memory, which differs between them, changes
the ratio of the same call by a tenth.
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
import time
import types
from collections.abc import Callable

HERE = pathlib.Path(__file__).resolve().parent
BACKENDS = ("torch", "jax")
# Long enough for the clock, short enough that both calls meet the same machine.
TURN_S = 0.0005
# Turns of tiny inputs are as short as that, and many; a large input may need longer for a single call.
TURNS = {"small": 10, "large": 1}


def measure(backend: str, names: list[str], rounds: int) -> dict:
    """One process per backend: a process holds one framework."""
    env = {
        **os.environ,
        "KDIST_BACKEND": backend,
        "OMP_NUM_THREADS": "1",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
    }
    command = [
        *(sys.executable, str(HERE / "ops.py"), "--worker"),
        *("--rounds", str(rounds), "--only", *names),
    ]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def work(names: list[str], rounds: int) -> dict:
    """The measurements in this process."""
    sys.path.insert(0, str(HERE))
    import op_cases

    from kdist import ops
    from kdist.ops import fused

    # Also those that its layers alone use.
    library = types.SimpleNamespace(**{**vars(fused), **vars(ops)})
    backend = os.environ["KDIST_BACKEND"]
    native = importlib.import_module(f"native.{backend}_ops")
    results: dict = {}
    for name in names:
        case = op_cases.CASES[name]
        found = {}
        for size, shapes in (("small", case.small), ("large", case.large)):
            if shapes is None:
                continue
            arrays = [native.array(a) for a in case.arrays(shapes)]
            ours, theirs = case.call, native.CALLS[name]
            found[size] = turns(
                lambda: native.wait(theirs(*arrays)),  # noqa: B023
                lambda: native.wait(ours(library, *arrays)),  # noqa: B023
                rounds * TURNS[size],
            )
        results[name] = found
    return results


def turns(native: Callable, kdist: Callable, rounds: int) -> list[tuple[float, float]]:
    """Seconds per call of the two, round by round; who begins changes."""
    for fn in (native, kdist):
        fn()
        fn()
    start = time.process_time()
    native()
    calls = max(1, int(TURN_S / max(time.process_time() - start, 1e-7)))
    pairs = []
    for r in range(rounds):
        seconds = {}
        for fn in (native, kdist) if r % 2 else (kdist, native):
            start = time.process_time()
            for _ in range(calls):
                fn()
            seconds[fn] = (time.process_time() - start) / calls
        pairs.append((seconds[native], seconds[kdist]))
    return pairs


def summary(starts: list[dict]) -> dict:
    """The figures of each op and size, from the rounds of several processes."""
    found: dict = {}
    for name, sizes in starts[0].items():
        found[name] = {}
        for size in sizes:
            pairs = sorted((pair for start in starts for pair in start[name][size]), key=sum)
            quickest = pairs[: max(1, len(pairs) // 10)]
            found[name][size] = {
                "native_us": statistics.median(a for a, _ in pairs) * 1e6,
                "added_us": statistics.median(b - a for a, b in quickest) * 1e6,
                "typically_added_us": statistics.median(b - a for a, b in pairs) * 1e6,
                "ratio": statistics.median(a / b for a, b in pairs),
            }
    return found


def table(results: dict) -> str:
    """One line per op, three columns of figures per backend."""
    backends = list(results)
    heads = [f"{b}: added, µs | {b}: typically | {b}: large" for b in backends]
    lines = [
        f"| op | {' | '.join(heads)} |",
        f"| --- |{' --- |' * 3 * len(backends)}",
    ]
    for name in results[backends[0]]:
        cells = []
        for found in (results[b][name] for b in backends):
            large = f"{found['large']['ratio']:.2f}" if "large" in found else ""
            small = found["small"]
            cells.append(f"{small['added_us']:.1f} | {small['typically_added_us']:.1f} | {large}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    sys.path.insert(0, str(HERE))
    import op_cases

    every = list(op_cases.CASES)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--only", nargs="+", default=every, choices=every, metavar="OP")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results" / "cpu_ops.json")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(work(options.only, options.rounds)))
        return
    results = {
        b: summary([measure(b, options.only, options.rounds) for _ in range(options.starts)])
        for b in options.backends
    }
    record = {
        "cores": os.cpu_count(),
        "threads": 1,
        "rounds": options.rounds,
        "starts": options.starts,
    }
    record["results"] = results
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    text = f"{table(results)}\n\nadded: kdist - native, undisturbed and typically; large: native time / kdist time."
    options.out.with_suffix(".md").write_text(text + "\n")
    print(f"{text} Written to {options.out}")


if __name__ == "__main__":
    main()
