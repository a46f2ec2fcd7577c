"""Everything a run must find again, as leaves of a checkpoint, and back.

Names follow the model's structure (class names and order), not the automatic names of layers, which depend on what
else the process made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from kdist import random
from kdist.backend import bound as backend
from kdist.core.leaf import Leaf, whole_leaf
from kdist.core.names import to_snake_case
from kdist.distribution import process_index
from kdist.distribution.runtime import distribution_scope

Path = tuple[str, ...]


def variable_paths(model: Any) -> dict[Path, Any]:
    """Path -> variable, for the model's weights and seeds.

    A variable that is shared appears once, where it is met first.
    """
    found: dict[Path, Any] = {}
    seen: set[int] = set()

    def visit(layer: Any, prefix: Path) -> None:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        taken: Counter = Counter()

        def unique(name: str) -> str:
            name = name.replace(".", "_")
            taken[name] += 1
            return name if taken[name] == 1 else f"{name}_{taken[name] - 1}"

        own = [
            *layer._own_trainable,
            *layer._own_non_trainable,
            *(s.state for s in layer._seed_generators),
        ]
        for v in own:
            if id(v) not in seen:
                seen.add(id(v))
                found[(*prefix, unique(v.name))] = v
        for sub in layer._layers:
            visit(sub, (*prefix, unique(to_snake_case(type(sub).__name__))))

    visit(model, ("model",))
    return found


def state_paths(model: Any) -> dict[Path, Any]:
    """Path -> variable for all state that is the same on every process.

    That is: weights, seeds, the optimizer's, the global seed.
    """
    found = variable_paths(model)
    if model.optimizer is not None:
        for i, v in enumerate(model.optimizer.variables):
            found["optimizer", f"{i:05d}"] = v
    found["random", "global"] = random.global_seed_generator().state
    return found


def take_snapshot(model: Any) -> tuple[dict[Path, Leaf], dict]:
    """Leaves of all state, and the meta that goes with them. Every process calls it together."""
    leaves = {path: backend.to_leaf(v) for path, v in state_paths(model).items()}
    live = model._live
    values = live.program.metric_values(live.state) if live is not None else None
    for i, v in enumerate(model.metrics_variables):
        path = ("metrics", f"{i:05d}")
        leaves[path] = (
            backend.to_leaf(v)
            if values is None
            else whole_leaf(backend.convert_to_numpy(values[i]), owned=process_index() == 0)
        )
    return leaves, {"position": model.position.to_json(), "backend": backend.name}


def restore_snapshot(model: Any, reader: Any) -> dict:
    """Set all state from an open checkpoint, each process its own part.

    Raises: ValueError naming what the model has and the checkpoint lacks, or where shapes differ.
    """
    stored: Mapping[Path, Any] = reader.leaves()
    wanted = state_paths(model)
    missing = [path for path in wanted if path not in stored]
    if missing:
        raise ValueError(
            f"The checkpoint {reader.url if hasattr(reader, 'url') else ''} has no {'/'.join(missing[0])} "
            f"({len(missing)} of {len(wanted)} variables are missing). "
            "It was written for another model or optimizer; build the same ones, or start anew in another folder."
        )
    for path, variable in wanted.items():
        shape = tuple(stored[path][0])
        if shape != tuple(variable.shape):
            raise ValueError(
                f"{'/'.join(path)} has shape {shape} in the checkpoint, and {tuple(variable.shape)} in the model."
            )
    for path, variable in wanted.items():
        backend.from_reader(variable, lambda index, path=path: reader.read(path, index))
    metrics = model.metrics_variables
    paths = [("metrics", f"{i:05d}") for i in range(len(metrics))]
    if all(path in stored for path in paths):
        values = [np.asarray(reader.read(path, None)) for path in paths]
        with distribution_scope(model._strategy()):
            backend.load_metrics(metrics, values)
    return reader.meta
