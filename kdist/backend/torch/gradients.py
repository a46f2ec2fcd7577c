"""Ways to the gradients of a loss."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kdist.backend.torch.parts import settled
from kdist.backend.torch.sharded_storage import computing
from kdist.backend.torch.split_rules import SplitMode


class ByValue:
    """As values: nothing to set to zero, and nothing left on the parameters."""

    def __call__(self, loss: Tensor, parameters: list[Tensor]) -> Any:
        return torch.autograd.grad(loss, parameters, allow_unused=True)


class ByBackward:
    """By a backward pass that leaves gradients on the parameters, which FSDP2 needs: it reduces them there.

    Arguments:
        split: whether the model computes on parts. A forward pass that is run again does so, too.
    """

    def __init__(self, split: bool):
        self.split = split

    def __call__(self, loss: Tensor, parameters: list[Tensor]) -> list:
        for p in parameters:
            p.grad = None
        if self.split:
            with computing, SplitMode():
                torch.autograd.backward(loss)  # the method itself would leave the mode
        else:
            loss.backward()
        gradients = [None if p.grad is None else settled(p.grad, p) for p in parameters]
        for p in parameters:
            p.grad = None
        return gradients


BY_VALUE = ByValue()
