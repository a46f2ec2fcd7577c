"""What a plan finds wrong or wasteful, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

_NAMED = 5  # variables that one warning names


def find_warnings(
    strategy: Any, model: Any, variables: Iterable[Any], statistics_per_replica: bool
) -> tuple[str, ...]:
    """What the user should know of a plan.

    Arguments:
        variables: the plan's `VariablePlan`s.
        statistics_per_replica: whether each replica computes with its slice of the batch alone.
    """
    if strategy is None:
        return ()
    variables = list(variables)
    return (
        *_dead_rules(strategy, model, variables),
        *_left_whole(strategy, variables),
        *_undivided(strategy, variables),
        *(_statistics(strategy, model) if statistics_per_replica else ()),
    )


def batch_warning(batch_size: int, shards: int) -> str | None:
    """What is wasted where a batch does not divide."""
    rest = batch_size % shards
    if not rest:
        return None
    padding = shards - rest
    return (
        f"batch_size={batch_size} does not divide by the {shards} slices of a batch: each step computes "
        f"{padding} rows of padding. Use a multiple of {shards}."
    )


def _dead_rules(strategy: Any, model: Any, variables: list) -> Iterator[str]:
    layout_map = getattr(strategy, "layout_map", None)
    if not layout_map:
        return
    paths = [v.path for v in variables]
    paths += [f"{layer._path or layer.name}/output" for layer in model._flatten_layers()]
    alive = {layout_map.key_for(path) for path in paths}
    for key in layout_map:
        if key not in alive:
            yield (
                f"The layout rule {key!r} matches no variable and no layer's output. "
                f"Paths look like {paths[0]!r}."
                if paths
                else f"The layout rule {key!r} matches nothing: the model has no variables."
            )


def _left_whole(strategy: Any, variables: list) -> Iterator[str]:
    """Variables of a size that the strategy shards, which lie whole by no rule of the user's."""
    least = strategy.shards_from
    if least is None:
        return
    whole = [
        v
        for v in variables
        if v.trainable
        and v.layout.is_replicated
        and math.prod(v.shape) >= least
        and not v.why.startswith("rule")
    ]
    if whole:
        yield f"Variables of {least:,} elements or more are left whole on every device: {_names(whole)}."


def _undivided(strategy: Any, variables: list) -> Iterator[str]:
    """Variables that are sharded, but less than they would be if their sizes divided."""
    some = [v for v in variables if "divide" in v.why and not v.layout.is_replicated]
    if some:
        yield f"Sizes that do not divide keep these variables from being cut further: {_names(some)}."


def _statistics(strategy: Any, model: Any) -> Iterator[str]:
    if strategy.data_shards == 1:
        return
    found = [
        layer._path or layer.name
        for layer in model._flatten_layers()
        if getattr(layer, "synchronized", None) is False and layer.trainable
    ]
    if found:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        yield (
            f"The statistics of {', '.join(found[:_NAMED])}{more} are those of each replica's slice of the batch, "
            "not of the whole batch: training differs from that on one device. Pass synchronized=True."
        )


def _names(variables: list) -> str:
    by_why: dict[str, list] = {}
    for v in variables:
        by_why.setdefault(v.why or "not cut by the strategy", []).append(v)
    return "; ".join(f"{_listed(vs)} ({why})" for why, vs in by_why.items())


def _listed(variables: list) -> str:
    text = ", ".join(f"{v.path} {v.shape}" for v in variables[:_NAMED])
    return text + (f" and {len(variables) - _NAMED} more" if len(variables) > _NAMED else "")
