"""How layers may be cut for tensor parallelism, and which cuts a model takes.

A layer says by `Layer.tensor_split()` along which dims its variables may be cut. A matrix product cut by columns
gives each device some of the output's features; a following one cut by rows takes them as they are and ends in one
sum over the devices. So two products in a row need one communication, and none in between (Shoeybi et al. 2019,
https://arxiv.org/abs/1909.08053). A cut decides about speed and memory alone: whatever is cut, the result is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Cuts = tuple[tuple[Any, int], ...]  # (variable, dim)


@dataclass(frozen=True)
class LinearSplit:
    """The cuts of a layer that is a product over features.

    Arguments:
        inputs, outputs: how many features go in and out.
        columns: (variable, dim) pairs that cut the output's features.
        rows: those that cut the input's; a bias stays whole.
    """

    inputs: int
    outputs: int
    columns: Cuts
    rows: Cuts


@dataclass(frozen=True)
class InnerSplit:
    """The cuts of a layer whose input and output stay whole, such as attention by heads.

    Arguments:
        cuts: alternatives, the best first; each a tuple of (variable, dim) pairs that belong together.
    """

    cuts: tuple[Cuts, ...]


@dataclass(frozen=True)
class Choice:
    """What was decided about one variable: the dim that is cut, None for none, and why."""

    dim: int | None
    why: str


def tensor_choices(model: Any, count: int, min_size: int) -> dict[int, Choice]:
    """The cuts of `model`'s variables over `count` devices, by the variables' ids.

    Layers are looked at in the order in which the model holds them. A product alone, without a partner to pair
    with, is cut by columns if it has at least `min_size` elements.
    """
    chosen: dict[int, Choice] = {}
    waiting: list[
        LinearSplit
    ] = []  # products of the same features, as of a gated block, without a partner yet

    def take(cuts: Cuts, why: str) -> None:
        for variable, dim in cuts:
            chosen.setdefault(id(variable), Choice(dim % len(variable.shape), why))

    def leave(cuts: Cuts, why: str) -> None:
        for variable, _ in cuts:
            chosen.setdefault(id(variable), Choice(None, why))

    def close() -> None:
        """Products that found no partner."""
        for split in waiting:
            if max(v.size for v, _ in split.columns) < min_size:
                leave(split.columns, f"alone, and smaller than min_size={min_size}")
            else:
                take(split.columns, "columns")
        waiting.clear()

    def meet(split: LinearSplit) -> None:
        if waiting and waiting[0].outputs == split.inputs and _fits(split.rows, count):
            for columns in waiting:
                take(columns.columns, "columns of a pair")
            take(split.rows, "rows of a pair")
            waiting.clear()
            return
        if waiting and (waiting[0].inputs, waiting[0].outputs) != (split.inputs, split.outputs):
            close()
        if _fits(split.columns, count):
            waiting.append(split)
        else:
            close()
            leave(split.columns, f"{split.outputs} features do not divide by {count}")

    for layer in leaves(model):
        split = layer.tensor_split()
        if isinstance(split, LinearSplit):
            meet(split)
        elif isinstance(split, InnerSplit):
            close()
            fitting = next((cuts for cuts in split.cuts if _fits(cuts, count)), None)
            if fitting is not None:
                take(fitting, "cut inside of the layer")
            else:
                leave(split.cuts[0], f"does not divide by {count}")
        elif not layer.keeps_tensor_split:
            close()
    close()
    return chosen


def _fits(cuts: Cuts, count: int) -> bool:
    return all(variable.shape[dim] % count == 0 for variable, dim in cuts)


def leaves(layer: Any) -> Iterator[Any]:
    """The layers that decide about themselves: those with a split of their own, and those without sublayers."""
    seen: set[int] = set()

    def visit(layer: Any) -> Iterator[Any]:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        if not layer._layers or layer.tensor_split() is not None:
            yield layer
            return
        for part in layer._layers:
            yield from visit(part)

    yield from visit(layer)


def largest_dim(shape: tuple[int, ...], fits: Callable[[int], bool]) -> int | None:
    """The index of the largest dim that `fits`; of equal ones the first; None if none does."""
    dims = [d for d in range(len(shape)) if shape[d] > 1 and fits(d)]
    return max(dims, key=lambda d: (shape[d], -d), default=None)
