"""Fused optimizer updates: all variables in one call of torch's foreach or fused kernels.

The formulas are those of the optimizers' own `update_step`. What changes rarely (which tensors there are, the
learning rate) is remembered between steps, so that a step does no Python for each variable and asks the device for no
number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdist.backend.torch import update_shards as shards
from kdist.backend.torch.sharded_storage import SplitUpdateStorage, publish
from kdist.backend.torch.storage import Storage, running


class _Number:
    """A variable's value as a Python number, read from the device only when the variable was written to since."""

    __slots__ = ("tensor", "value", "version")

    def __init__(self) -> None:
        self.tensor: Tensor | None = None
        self.version, self.value = -1, 0.0

    def of(self, tensor: Tensor) -> float:
        if tensor is not self.tensor or tensor._version != self.version:
            self.tensor, self.version, self.value = tensor, tensor._version, tensor.item()
        return self.value

    def count(self, tensor: Tensor) -> int:
        """For a counter that its owner increments once after each call.

        One write since the last call is that increment.
        """
        if tensor is self.tensor and tensor._version == self.version + 1:
            self.version, self.value = tensor._version, self.value + 1
        return int(self.of(tensor))


class _Plan:
    """The tensors of one optimizer's update, in lists that line up, and its numbers."""

    def __init__(self, variables: list):
        self.variables, self.run = variables, running.number
        self.storages = [v._storage for v in variables]
        self.parameters = [s.updated() for s in self.storages]
        # Where some process keeps or updates a part alone, gradients are cut to it.
        self.cut = any(type(s) is not Storage for s in self.storages)
        self.published = [
            (s, p)
            for s, p in zip(self.storages, self.parameters, strict=True)
            if isinstance(s, SplitUpdateStorage)
        ]
        self.dtypes = [p.dtype for p in self.parameters]
        self.dense = all(p.is_contiguous() for p in self.parameters)
        self._slots: dict[str, list[Tensor]] = {}
        # The fused kernels want tensors of one dtype and device together, and a step counter for each.
        kinds = {(p.dtype, p.device): None for p in self.parameters}
        same = lambda kind: [
            i for i, p in enumerate(self.parameters) if (p.dtype, p.device) == kind
        ]
        self.groups = [same(kind) for kind in kinds]
        self.steps = [
            [torch.zeros((), device=device)] * len(g)
            for g, (_, device) in zip(self.groups, kinds, strict=True)
        ]

    def slots(self, optimizer: Any, name: str) -> list[Tensor]:
        found = self._slots.get(name)
        if found is None:
            aligned = optimizer.aligned(getattr(optimizer, name), self.variables)
            found = self._slots[name] = [v._storage.held() for v in aligned]
        return found


class _Memory:
    """What is remembered for an optimizer between steps."""

    def __init__(self) -> None:
        self.plan: _Plan | None = None
        self.rate, self.step = _Number(), _Number()


def _memory(optimizer: Any) -> _Memory:
    memory = optimizer.__dict__.get("_torch_memory")
    if memory is None:
        memory = _Memory()
        object.__setattr__(optimizer, "_torch_memory", memory)
    return memory


def _plan(memory: _Memory, variables: list) -> _Plan:
    plan = memory.plan
    # Within one run of a program nobody swaps a module's tensors; outside of programs somebody may, so there they are
    # looked up each time.
    if (
        plan is None
        or plan.variables is not variables
        or running.number == 0
        or plan.run != running.number
    ):
        plan = memory.plan = _Plan(variables)
    return plan


def _rate(optimizer: Any, memory: _Memory, learning_rate: Any) -> float:
    if not isinstance(learning_rate, Tensor):
        return float(learning_rate)
    own = optimizer._learning_rate
    if hasattr(own, "_storage") and learning_rate is own._storage.read():
        return memory.rate.of(learning_rate)
    return learning_rate.item()  # a schedule's: a new tensor each step


def _step(optimizer: Any, memory: _Memory) -> int:
    """The number of this update, from 1."""
    done = memory.step.count(optimizer._iterations._storage.read())
    each = optimizer.gradient_accumulation_steps
    return (done // each if each else done) + 1


class Update:
    """What one call of a row has to work with.

    Arguments:
        optimizer, grads, variables, learning_rate: the row's own arguments.
    """

    def __init__(self, optimizer: Any, grads: list, variables: list, learning_rate: Any):
        memory = _memory(optimizer)
        self.optimizer, self._plan, self._memory = optimizer, _plan(memory, variables), memory
        self.parameters, self.dense = self._plan.parameters, self._plan.dense
        self.rate = _rate(optimizer, memory, learning_rate)
        for storage, part in self._plan.published:
            part.copy_(storage.current_part())
        if self._plan.cut:
            grads = [s.gradient(g) for s, g in zip(self._plan.storages, grads, strict=True)]
        self.grads = grads
        if [g.dtype for g in grads] != self._plan.dtypes:
            self.grads = [g.to(p.dtype) for g, p in zip(grads, self.parameters, strict=True)]

    @property
    def step(self) -> int:
        return _step(self.optimizer, self._memory)

    def groups(self, *lists: list[Tensor]) -> list[tuple[list[Tensor], tuple]]:
        """The lists split into groups of one dtype and device, each with its step counters.

        An empty list stays empty.
        """
        plan = self._plan
        if len(plan.groups) == 1:
            return [(plan.steps[0], lists)]
        pick = lambda values, g: [values[i] for i in g] if values else []
        return [
            (s, tuple(pick(values, g) for values in lists))
            for g, s in zip(plan.groups, plan.steps, strict=True)
        ]

    def slots(self, name: str) -> list[Tensor]:
        return self._plan.slots(self.optimizer, name)

    def publish(self) -> None:
        """Give the other processes what this one alone has updated."""
        if self._plan.published:
            storages, parts = zip(*self._plan.published, strict=True)
            publish(list(storages), list(parts))

    @property
    def contiguous_grads(self) -> list[Tensor]:
        """The gradients in their parameters' memory order.

        torch's fused kernels walk over the memory of both without a look at the strides, and
        autograd gives a gradient the order in which it was computed: a convolution's is a permuted
        view.
        """
        return [g if g.is_contiguous() else g.contiguous() for g in self.grads]


def row(body: Callable[[Update], None]) -> Callable:
    """A row of UPDATES from a function of an `Update` that changes its tensors in place."""

    @torch.no_grad()
    def update(optimizer: Any, grads: list, variables: list, learning_rate: Any) -> None:
        u = Update(optimizer, grads, variables, learning_rate)
        body(u)
        u.publish()

    return update


@row
def adam(u: Update) -> None:
    o, t = u.optimizer, u.step
    second_left = 1.0 - o.beta_2**t
    # torch adds epsilon to sqrt(v / second_left), Keras to sqrt(v): the two agree if epsilon is scaled alike.
    epsilon = o.epsilon / math.sqrt(second_left)
    hats = u.slots("_velocity_hats") if o.amsgrad else []
    m, v = u.slots("_momentums"), u.slots("_velocities")
    if not u.dense:
        _adam_by_steps(u, m, v, hats, u.rate * math.sqrt(second_left) / (1 - o.beta_1**t))
        return
    for steps, (parameters, grads, m_, v_, largest) in u.groups(
        u.parameters, u.contiguous_grads, m, v, hats
    ):
        steps[0].fill_(t)
        torch._fused_adam_(
            parameters, grads, m_, v_, largest, steps, lr=u.rate, beta1=o.beta_1, beta2=o.beta_2,
            weight_decay=0.0, eps=epsilon, amsgrad=bool(o.amsgrad), maximize=False,
        )  # fmt: skip


def _adam_by_steps(u: Update, m: list, v: list, largest: list, rate: float) -> None:
    """The same update for parameters in any memory format."""
    o = u.optimizer
    torch._foreach_lerp_(m, u.grads, 1 - o.beta_1)
    torch._foreach_mul_(v, o.beta_2)
    torch._foreach_addcmul_(v, u.grads, u.grads, value=1 - o.beta_2)
    if largest:
        torch._foreach_maximum_(largest, v)
    denominator = torch._foreach_sqrt(largest or v)
    torch._foreach_add_(denominator, o.epsilon)
    torch._foreach_addcdiv_(u.parameters, m, denominator, value=-rate)


@row
def sgd(u: Update) -> None:
    o = u.optimizer
    if not o.momentum:
        torch._foreach_add_(u.parameters, u.grads, alpha=-u.rate)
        return
    velocities = u.slots("momentums")
    torch._foreach_mul_(velocities, o.momentum)
    torch._foreach_add_(velocities, u.grads, alpha=-u.rate)
    if o.nesterov:
        torch._foreach_add_(u.parameters, velocities, alpha=o.momentum)
        torch._foreach_add_(u.parameters, u.grads, alpha=-u.rate)
    else:
        torch._foreach_add_(u.parameters, velocities)


@row
def rmsprop(u: Update) -> None:
    o, v = u.optimizer, u.slots("_velocities")
    torch._foreach_mul_(v, o.rho)
    torch._foreach_addcmul_(v, u.grads, u.grads, value=1 - o.rho)
    if o.centered:
        mean = u.slots("_average_gradients")
        torch._foreach_lerp_(mean, u.grads, 1 - o.rho)
        denominator = torch._foreach_addcmul(v, mean, mean, value=-1)
        torch._foreach_add_(denominator, o.epsilon)
    else:
        denominator = torch._foreach_add(v, o.epsilon)
    torch._foreach_sqrt_(denominator)
    if o.momentum > 0:
        momentums = u.slots("_momentums")
        torch._foreach_mul_(momentums, o.momentum)
        torch._foreach_addcdiv_(momentums, u.grads, denominator, value=u.rate)
        torch._foreach_sub_(u.parameters, momentums)
    else:
        torch._foreach_addcdiv_(u.parameters, u.grads, denominator, value=-u.rate)


@row
def adagrad(u: Update) -> None:
    sums = u.slots("_accumulators")
    torch._foreach_addcmul_(sums, u.grads, u.grads)
    denominator = torch._foreach_add(sums, u.optimizer.epsilon)
    torch._foreach_sqrt_(denominator)
    torch._foreach_addcdiv_(u.parameters, u.grads, denominator, value=-u.rate)


@row
def adadelta(u: Update) -> None:
    o = u.optimizer
    squares, deltas = u.slots("_accumulated_grads"), u.slots("_accumulated_delta_vars")
    torch._foreach_mul_(squares, o.rho)
    torch._foreach_addcmul_(squares, u.grads, u.grads, value=1 - o.rho)
    delta = torch._foreach_add(deltas, o.epsilon)
    torch._foreach_div_(delta, torch._foreach_add(squares, o.epsilon))
    torch._foreach_sqrt_(delta)
    torch._foreach_mul_(delta, u.grads)
    torch._foreach_mul_(deltas, o.rho)
    torch._foreach_addcmul_(deltas, delta, delta, value=1 - o.rho)
    torch._foreach_add_(u.parameters, delta, alpha=-u.rate)


@row
def adamax(u: Update) -> None:
    o, m, norms = u.optimizer, u.slots("_m"), u.slots("_u")
    torch._foreach_lerp_(m, u.grads, 1 - o.beta_1)
    torch._foreach_mul_(norms, o.beta_2)
    torch._foreach_maximum_(norms, torch._foreach_abs(u.grads))
    rate = u.rate / (1 - o.beta_1**u.step)
    torch._foreach_addcdiv_(u.parameters, m, torch._foreach_add(norms, o.epsilon), value=-rate)


@row
def nadam(u: Update) -> None:
    o, t = u.optimizer, u.step
    m, v = u.slots("_momentums"), u.slots("_velocities")
    mu, mu_next = (o.beta_1 * (1.0 - 0.5 * 0.96**n) for n in (t, t + 1))
    stored = o._u_product._storage
    product = stored.read().item() * mu
    stored.write(torch.full_like(stored.read(), product))
    torch._foreach_lerp_(m, u.grads, 1 - o.beta_1)
    torch._foreach_mul_(v, o.beta_2)
    torch._foreach_addcmul_(v, u.grads, u.grads, value=1 - o.beta_2)
    denominator = torch._foreach_div(v, 1 - o.beta_2**t)
    torch._foreach_sqrt_(denominator)
    torch._foreach_add_(denominator, o.epsilon)
    torch._foreach_addcdiv_(
        u.parameters, m, denominator, value=-u.rate * mu_next / (1 - product * mu_next)
    )
    torch._foreach_addcdiv_(
        u.parameters, u.grads, denominator, value=-u.rate * (1 - mu) / (1 - product)
    )


@row
def lion(u: Update) -> None:
    o, m = u.optimizer, u.slots("_momentums")
    direction = torch._foreach_mul(m, o.beta_1)
    torch._foreach_add_(direction, u.grads, alpha=1 - o.beta_1)
    torch._foreach_sign_(direction)
    torch._foreach_add_(u.parameters, direction, alpha=-u.rate)
    torch._foreach_mul_(m, o.beta_2)
    torch._foreach_add_(m, u.grads, alpha=1 - o.beta_2)


@torch.no_grad()
def weight_decay(optimizer: Any, variables: list, learning_rate: Any) -> None:
    """w -= w * weight_decay * learning_rate, before the update."""
    rate = _rate(optimizer, _memory(optimizer), learning_rate)
    if variables:
        torch._foreach_mul_(
            [v._storage.held() for v in variables], 1.0 - optimizer.weight_decay * rate
        )


@torch.no_grad()
def accumulate(optimizer: Any, grads: list, sums: list, update: Callable[[list], None]) -> None:
    """sums += grads; in the step that makes the sums complete, update by the means and clear them."""
    storages = [s._storage for s in sums]
    totals = [s.held() for s in storages]
    grads = [s.gradient(g) for s, g in zip(storages, grads, strict=True)]
    torch._foreach_add_(totals, [g.to(t.dtype) for g, t in zip(grads, totals, strict=True)])
    steps = optimizer.gradient_accumulation_steps
    done = _memory(optimizer).step.count(optimizer._iterations._storage.read())
    if (done + 1) % steps == 0:
        means = torch._foreach_div(totals, steps)
        update([s.wrap(m) for s, m in zip(storages, means, strict=True)])
        torch._foreach_zero_(totals)


UPDATES = {
    "average": shards.average,
    "accumulate": accumulate,
    "adadelta": adadelta,
    "adagrad": adagrad,
    "adam": adam,
    "adamax": adamax,
    "adamw": adam,
    "lion": lion,
    "nadam": nadam,
    "rmsprop": rmsprop,
    "sgd": sgd,
    "square_sums": shards.square_sums,
    "weight_decay": weight_decay,
    "whole": shards.whole,
}
