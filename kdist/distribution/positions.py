"""Which tensors of a step are cut in time, as a plan follows them from layer to layer."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal

from kdist.core.spec import Spec
from kdist.distribution.communication import Communication
from kdist.distribution.trace import SEQUENCE_DIMS, Activation


class Positions:
    """How the tensors between layers lie along a tensor axis: cut in time, whole, or data that no variable has met.

    What operations outside of layers make is not seen. It is taken to lie as the last tensor of its shape and dtype.

    Arguments:
        count: into how many parts sequences are cut; 1: into none.
    """

    def __init__(self, count: int, how: Communication):
        self._count, self._how = count, how
        self._lies: dict[Hashable, Literal["cut", "whole", "data"]] = {}
        self._last_cut: set[Spec] = set()

    def can_cut(self, x: Spec) -> bool:
        """Whether `x` is a sequence of a length that can be cut."""
        if self._count == 1 or x.ndim < SEQUENCE_DIMS:
            return False
        return self._how.pads or x.shape[1] is None or x.shape[1] % self._count == 0

    def is_cut(self, x: Activation) -> bool:
        if x.key in self._lies:
            return self._lies[x.key] == "cut"
        return x.flows and Spec(x.shape, x.dtype) in self._last_cut

    def is_data(self, x: Activation) -> bool:
        """Whether `x` is whole everywhere, and stays so until a variable meets it."""
        if x.key in self._lies:
            return self._lies[x.key] == "data"
        return self._how.keeps_data and not x.flows

    def note(self, x: Activation, is_cut: bool) -> None:
        """How a layer gives `x`."""
        self._lies[x.key] = "cut" if is_cut else "whole"
        if is_cut:
            self._last_cut.add(Spec(x.shape, x.dtype))
        else:
            self._last_cut.discard(Spec(x.shape, x.dtype))

    def note_data(self, x: Activation) -> None:
        self._lies[x.key] = "data"
