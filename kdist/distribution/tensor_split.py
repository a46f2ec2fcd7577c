"""How layers may be cut for tensor parallelism.

A layer says by `Layer.tensor_split()` along which dims its variables may be cut. A matrix product cut by columns
gives each device some of the output's features; a following one cut by rows takes them as they are and ends in one
sum over the devices. So two products in a row need one communication, and none in between (Shoeybi et al. 2019,
https://arxiv.org/abs/1909.08053). A cut decides about speed and memory alone: whatever is cut, the result is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
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
