"""Which of the cuts that its layers offer a model takes for tensor parallelism."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kdist.distribution.flow import Features, Flow
from kdist.distribution.tensor_split import Cuts, InnerSplit, LinearSplit, leaves


@dataclass(frozen=True)
class Choice:
    """What was decided about one variable: the dim that is cut, None for none, and why."""

    dim: int | None
    why: str


def tensor_choices(model: Any, count: int, min_size: int) -> dict[int, Choice]:
    """The cuts of `model`'s variables over `count` devices, by the variables' ids.

    Products whose features flow to others, and to nothing else, are cut by columns, and these by rows. They are looked
    at in the order in which they are computed, and each is cut once. A product without a partner is cut by columns if
    it has at least `min_size` elements.
    """
    chosen: dict[int, Choice] = {}

    def take(cuts: Cuts, why: str) -> None:
        for variable, dim in cuts:
            chosen.setdefault(id(variable), Choice(dim % len(variable.shape), why))

    def leave(cuts: Cuts, why: str) -> None:
        for variable, _ in cuts:
            chosen.setdefault(id(variable), Choice(None, why))

    paired: set[int] = set()
    for features in Flow(model).features:
        if _is_pair(features, count) and paired.isdisjoint(features.products):
            paired |= features.products
            for layer in features.makers.values():
                take(layer.tensor_split().columns, "columns of a pair")
            for layer in features.readers.values():
                take(layer.tensor_split().rows, "rows of a pair")

    for layer in leaves(model):
        split = layer.tensor_split()
        if isinstance(split, InnerSplit):
            fitting = next((cuts for cuts in split.cuts if _fits(cuts, count)), None)
            if fitting is not None:
                take(fitting, "cut inside of the layer")
            else:
                leave(split.cuts[0], f"does not divide by {count}")
        elif isinstance(split, LinearSplit) and id(layer) not in paired:
            if not _fits(split.columns, count):
                leave(split.columns, f"{split.outputs} features do not divide by {count}")
            elif max(v.size for v, _ in split.columns) < min_size:
                leave(split.columns, f"alone, and smaller than min_size={min_size}")
            else:
                take(split.columns, "columns")
    return chosen


def _is_pair(features: Features, count: int) -> bool:
    """Whether the products that give and take `features` can be cut, and nothing else wants them."""
    makers, readers = features.makers, features.readers
    return (
        features.are_for_products
        and makers.keys().isdisjoint(readers)
        and all(_fits(layer.tensor_split().columns, count) for layer in makers.values())
        and all(_fits(layer.tensor_split().rows, count) for layer in readers.values())
    )


def _fits(cuts: Cuts, count: int) -> bool:
    return all(variable.shape[dim] % count == 0 for variable, dim in cuts)


def largest_dim(shape: tuple[int, ...], fits: Callable[[int], bool]) -> int | None:
    """The index of the largest dim that `fits`; of equal ones the first; None if none does."""
    dims = [d for d in range(len(shape)) if shape[d] > 1 and fits(d)]
    return max(dims, key=lambda d: (shape[d], -d), default=None)
