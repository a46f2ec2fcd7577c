"""Whether the processes of a job train the same model on the same data: said before the first step, not found out by
a hang or, worse, never.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import Any

from kdist.backend import bound as backend
from kdist.core.coordination import share
from kdist.training.checkpointing import variable_paths

_TIMEOUT_S = 300.0
_uses = itertools.count()  # fits run in the same order on all processes


def check_agreement(model: Any, batches: int | None, order_seed: int, auto_shard: bool) -> None:
    """Compare this process's model and data with the others'. All processes call it; alone it does nothing.

    Arguments:
        model: a built, compiled model.
        batches: batches per epoch, None where the source does not know.
        order_seed: the seed of the data's order.
        auto_shard: whether every process holds the whole data, in one order.

    Raises:
        ValueError: naming the first variable, or the number, by which a process differs from the chief.
    """
    channel = backend.runtime.coordinator()
    if channel.count == 1:
        return
    table = _table(model)
    facts: dict[str, Any] = {"variables": _digest(table), "batches": batches}
    if auto_shard:
        facts["order"] = order_seed
    for attribute in ("optimizer", "loss", "strategy"):
        facts[attribute] = _describe(model, attribute)
    name = f"agreement/{next(_uses)}"
    everyone = [json.loads(text) for text in share(channel, name, json.dumps(facts), _TIMEOUT_S)]
    differing = [k for k in facts if any(other[k] != everyone[0][k] for other in everyone)]
    if "variables" in differing:
        # Only now, since a large model's table is long.
        tables = share(channel, f"{name}/table", json.dumps(table), _TIMEOUT_S)
        raise ValueError(_difference([json.loads(t) for t in tables]))
    for fact in differing:
        raise ValueError(_UNLIKE[fact].format(values=_by_rank([other[fact] for other in everyone])))


_UNLIKE = {
    "batches": "The processes have different numbers of batches per epoch: {values}. They would wait for each other "
    "without end. Give each process equally many, e.g. by steps_per_epoch=.",
    "order": "The processes shuffle the data in different orders: {values}. Seed Python's random alike on all of them "
    "before fit(), e.g. by kdist.utils.set_random_seed(1), after kdist.distribution.initialize().",
    "optimizer": "The processes compiled different optimizers: {values}.",
    "loss": "The processes compiled different losses: {values}.",
    "strategy": "The processes run different strategies: {values}.",
}


def _table(model: Any) -> list[list]:
    """A line for each variable: path, shape, dtype, whether it is trained."""
    return [
        ["/".join(path), list(v.shape), v.dtype, v.trainable]
        for path, v in variable_paths(model).items()
    ]


def _digest(table: list) -> str:
    return hashlib.sha256(json.dumps(table).encode()).hexdigest()


def _describe(model: Any, attribute: str) -> str:
    if attribute == "strategy":
        return repr(model._strategy())
    value = getattr(model, attribute)
    if attribute == "optimizer":
        return type(value).__name__
    return value if isinstance(value, str) else type(value).__name__


def _by_rank(values: list) -> str:
    return ", ".join(f"rank {rank} has {value}" for rank, value in enumerate(values))


def _difference(tables: list[list]) -> str:
    """The first line by which some process's table differs from the chief's."""
    chief = tables[0]
    for rank, table in enumerate(tables):
        for i in range(max(len(chief), len(table))):
            theirs = table[i] if i < len(table) else None
            ours = chief[i] if i < len(chief) else None
            if theirs != ours:
                return (
                    f"The processes built different models. Variable {i} is {_line(ours)} on rank 0 and "
                    f"{_line(theirs)} on rank {rank}. Build the model from the same code and data shapes everywhere."
                )
    return "The processes built different models."


def _line(line: list | None) -> str:
    if line is None:
        return "missing"
    path, shape, dtype, trainable = line
    return f"{path!r} of shape {tuple(shape)}, {dtype}{'' if trainable else ', not trained'}"
