"""Gradients that are averaged over the processes while the backward pass still computes others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kdist.backend.torch import buckets
from kdist.backend.torch.buckets import Bucket, together
from kdist.backend.torch.gradients import BY_VALUE
from kdist.backend.torch.replicas import ProcessReplicas, update_cuts
from kdist.core.replicas import local


class _Averaged:
    """The replicas while an optimizer takes gradients that are means already."""

    def __init__(self, replicas: ProcessReplicas):
        self.count, self.index, self.all_sum = replicas.count, replicas.index, replicas.all_sum

    def mean_gradients(self, gradients: list, variables: Sequence = ()) -> list:
        return gradients


class Overlap:
    """Gradients by value, whose buckets leave from hooks on the parameters.

    Gradients arrive roughly in the opposite order of the parameters, so buckets hold them in that order. A bucket
    leaves when it is complete and those before it have left, so that all processes send the same ones in the same
    order. What a process has no gradient for leaves as zeros at the end of the backward pass.

    Arguments:
        replicas: over which processes.
    """

    def __init__(self, replicas: ProcessReplicas):
        self._replicas, self._averaged = replicas, _Averaged(replicas)
        self._parameters: list[Tensor] | None = None
        self._hooks: list[Any] = []
        self._running = False

    def __call__(self, loss: Tensor, parameters: list[Tensor], variables: list) -> list:
        """The gradients, on their way: `update` waits for their means."""
        if parameters is not self._parameters:
            self._attach(parameters, variables)
        self._open = [len(members) for members in self._members]
        self._sent, self._came, self._running = 0, [False] * len(parameters), True
        try:
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        finally:
            self._running = False
        for members, bucket in list(zip(self._members, self._buckets, strict=True))[self._sent :]:
            bucket.send([k for k, i in enumerate(members) if not self._came[i]])
        return list(gradients)

    def update(self, optimizer: Any, gradients: list, variables: list) -> None:
        """Let `optimizer` apply the means."""
        for members, bucket in zip(self._members, self._buckets, strict=True):
            bucket.wait()
            for k, i in enumerate(members):
                if gradients[i] is not None or bucket.came(k):
                    gradients[i] = bucket.means[k]
        outer, local.replicas = local.replicas, self._averaged
        try:
            optimizer.apply(gradients, variables)
        finally:
            local.replicas = outer

    def _attach(self, parameters: list[Tensor], variables: list) -> None:
        self.close()
        order = list(range(len(parameters)))[::-1]
        cuts = update_cuts(variables)
        routes = [self._replicas.route(cut, aside=True) for cut in cuts]
        groups = together(
            [parameters[i] for i in order], [routes[i] for i in order], buckets.FIRST_BYTES
        )
        self._members = [[order[j] for j in group] for group in groups]
        self._buckets = [
            Bucket([parameters[i] for i in m], [cuts[i] for i in m], routes[m[0]])
            for m in self._members
        ]
        for b, members in enumerate(self._members):
            for k, i in enumerate(members):
                self._hooks.append(
                    parameters[i].register_hook(self._hook(b, k, i, cuts[i] is None))
                )
        self._parameters = parameters

    def _hook(self, b: int, k: int, i: int, whole: bool) -> Any:
        bucket = self._buckets[b]

        def arrived(gradient: Tensor) -> Tensor | None:
            if not self._running:
                return None
            bucket.put(k, gradient)
            self._came[i] = True
            self._open[b] -= 1
            if not self._open[b]:
                self._send_complete()
            # In the gradient's place, whose memory is free now.
            return bucket.means[k] if whole else None

        return arrived

    def _send_complete(self) -> None:
        while self._sent < len(self._open) and not self._open[self._sent]:
            self._buckets[self._sent].send()
            self._sent += 1

    def close(self) -> None:
        """Take the hooks off, and let the buffers go."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._members, self._buckets = [], [], []
        self._parameters = None


def begin(model: Any, replicas: ProcessReplicas) -> None:
    """Until `end`, `model`'s own train step overlaps, if its update takes the means of every step's gradients.

    Not if the optimizer adds up this process's own gradients, nor if a user's `apply` is to see these.
    """
    optimizer = model.optimizer
    if (
        optimizer is not None
        and not optimizer.gradient_accumulation_steps
        and type(optimizer).apply.__module__.startswith("kdist.")
        and model.__dict__.get("_torch_gradients", BY_VALUE) is BY_VALUE
        and all(v._storage.cut is None for v in model.trainable_variables)
    ):
        object.__setattr__(model, "_torch_gradients", Overlap(replicas))


def end(model: Any) -> None:
    found = model.__dict__.get("_torch_gradients")
    if isinstance(found, Overlap):
        found.close()
        object.__setattr__(model, "_torch_gradients", BY_VALUE)
