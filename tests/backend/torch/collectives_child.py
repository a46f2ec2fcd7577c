"""What worker processes run to see what a step sends. Imports nothing of pytest."""

from __future__ import annotations

import functools
import itertools
import json
import sys
import warnings
from contextlib import nullcontext
from pathlib import Path

TESTS = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(TESTS / "parity"), str(TESTS / "distribution")]
import branches
import cases
import graphs
import memory_child
import reached
import sequences
import whole_before

import kdist
from kdist import distribution
from kdist.backend.torch import buckets, sharding
from kdist.backend.torch.collectives import Messages
from kdist.data import adapt
from kdist.training.prepare import prepare

ROWS = 16
MADE = {
    "in_regions": sequences.in_regions,
    "joined_images": sequences.joined_images,
    "sums_of_three": sequences.sums_of_three,
    **{f"graph_{seed}": functools.partial(graphs.compiled, seed) for seed in (*range(3, 14), 72)},
    # Sequences that two processes cannot cut into equal parts.
    **{f"odd_graph_{i}": functools.partial(graphs.compiled, i, length=7) for i in (4, 7)},
}
MODELS = {
    name: models for models in (branches, reached, sequences, whole_before) for name in models.NAMES
}


def counted(case: str, strategy: str, remat: str | None = None) -> tuple[dict, dict]:
    """(what the second step sent, what the plan says), kind -> [messages, bytes]."""
    with cases.STRATEGIES[strategy](kdist).scope(), kdist.RematScope(mode=remat):
        if case in MADE or case in MODELS:
            make = MADE.get(case) or functools.partial(MODELS[case].compiled, case)
            model, x, y = make(kdist, ROWS)
            source = adapt(x, y, None, batch_size=ROWS)
        else:
            model, samples = cases.compiled(case), cases.CASES[case].samples(ROWS)
            source = adapt(samples["x"], samples["y"], samples["sample_weight"], batch_size=ROWS)
        prepare(model, source, training=True)
        program, batch = model._program("train"), next(iter(source.epoch(0, model._shard())))
        state = program.begin()
        program(state, batch)
        with Messages() as messages:
            program(state, batch)
        program.end(state)
        plan: dict = {}
        for c in model.plan(batch_size=ROWS).collectives:
            count, nbytes = plan.get(c.kind, (0, 0))
            plan[c.kind] = count + c.count, nbytes + c.nbytes
    return messages.totals(), plan


def cut_in_time() -> dict:
    """Name -> [what a step sent, what the plan says, how far the trained weights are from those without a strategy]."""
    found = {}
    for name, remat in itertools.product(sequences.NAMES, (None, "full")):
        weights = []
        for strategy in (None, "sequence_2"):
            kdist.utils.set_random_seed(3)
            scope = nullcontext() if strategy is None else cases.STRATEGIES[strategy](kdist).scope()
            with scope, kdist.RematScope(mode=remat):
                model, x, y = sequences.compiled(name, kdist)
                model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
                weights.append(model.get_weights())
        apart = max(itertools.starmap(cases.distance, zip(*weights, strict=True)))
        found[f"{name} {remat}"] = (*counted(name, "sequence_2", remat), apart)
    return found


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="Sizes that do not divide")
    warnings.filterwarnings("ignore", message="There are no gradients")
    distribution.initialize(timeout_s=30)
    found = {}
    for argument in sys.argv[1:]:
        if argument == "memory":
            found[argument] = memory_child.composed()
            continue
        if argument == "cut_in_time":
            found[argument] = cut_in_time()
            continue
        case, strategy, *options = argument.split(":")
        if "small" in options:  # so that these models have several units and buckets
            sharding.SMALL_UNIT_BYTES = 64
            buckets.FIRST_BYTES, buckets.BYTES = 256, 2048
        found[argument] = counted(case, strategy, "full" if "remat" in options else None)
    print(json.dumps(found))
    distribution.shutdown()
