"""Ways from a loss to an update: each computes gradients, and hands them to an optimizer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from kdist.backend.torch.parts import settled
from kdist.backend.torch.sharded_storage import computing
from kdist.backend.torch.split_rules import SplitMode


class ByValue:
    """As values: nothing to set to zero, and nothing left on the parameters."""

    def __call__(self, loss: Tensor, parameters: list[Tensor], variables: list) -> Any:
        return torch.autograd.grad(loss, parameters, allow_unused=True)

    def update(self, optimizer: Any, gradients: Any, variables: list) -> None:
        optimizer.apply(gradients, variables)


class ByBackward:
    """By a backward pass that leaves gradients on the parameters, which FSDP2 needs: it reduces them there.

    Arguments:
        split: whether the model computes on parts. A forward pass that is run again does so, too.
    """

    def __init__(self, split: bool):
        self.split = split

    def __call__(self, loss: Tensor, parameters: list[Tensor], variables: list) -> list:
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

    def update(self, optimizer: Any, gradients: list, variables: list) -> None:
        optimizer.apply(gradients, variables)


BY_VALUE = ByValue()
