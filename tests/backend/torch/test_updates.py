"""The fused updates against the optimizers' own `update_step`, variable by variable."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kdist import optimizers
from kdist.backend import bound as backend
from kdist.backend.torch.storage import running
from kdist.backend.variable import Variable

CASES = {
    "sgd": lambda **k: optimizers.SGD(0.1, **k),
    "sgd momentum": lambda **k: optimizers.SGD(0.1, momentum=0.9, **k),
    "sgd nesterov": lambda **k: optimizers.SGD(0.1, momentum=0.9, nesterov=True, **k),
    "adam": lambda **k: optimizers.Adam(0.01, **k),
    "adam, large epsilon": lambda **k: optimizers.Adam(0.01, epsilon=0.1, **k),
    "amsgrad": lambda **k: optimizers.Adam(0.01, amsgrad=True, **k),
    "adamw": lambda **k: optimizers.AdamW(0.01, weight_decay=0.1, **k),
    "rmsprop": lambda **k: optimizers.RMSprop(0.01, **k),
    "rmsprop centered": lambda **k: optimizers.RMSprop(0.01, centered=True, momentum=0.5, **k),
    "adagrad": lambda **k: optimizers.Adagrad(0.1, **k),
    "adadelta": lambda **k: optimizers.Adadelta(1.0, **k),
    "adamax": lambda **k: optimizers.Adamax(0.01, **k),
    "nadam": lambda **k: optimizers.Nadam(0.01, **k),
    "lion": lambda **k: optimizers.Lion(0.01, **k),
    "sgd clipped": lambda **k: optimizers.SGD(0.1, global_clipnorm=0.5, **k),
}


def variables():
    rng = np.random.default_rng(3)
    shapes = [((3, 4), "float32"), ((5,), "float32"), ((2, 2), "float64"), ((), "float32")]
    return [Variable(rng.normal(size=s), dtype=d) for s, d in shapes]


def gradients(step):
    rng = np.random.default_rng(step)
    return [backend.convert_to_tensor(rng.normal(size=v.shape), v.dtype) for v in variables()]


@pytest.mark.parametrize("program", [False, True], ids=["outside a program", "in a program"])
@pytest.mark.parametrize("make", CASES.values(), ids=list(CASES))
def test_row_is_update_step(make, program):
    fused, plain = make(), make()
    assert fused._row is not None
    plain._row = None
    a, b = variables(), variables()
    if program:
        running.enter()
    try:
        for step in range(6):
            if step == 3:
                fused.learning_rate = plain.learning_rate = 0.05
            fused.apply(gradients(step), a)
            plain.apply(gradients(step), b)
    finally:
        if program:
            running.leave()
    for x, y in zip([*a, *fused.variables], [*b, *plain.variables], strict=True):
        # Two orders of float32 operations, six steps.
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=3e-5, atol=1e-6)
    assert int(fused.iterations.numpy()) == 6


@pytest.mark.parametrize("format_", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("make", CASES.values(), ids=list(CASES))
def test_memory_formats_do_not_matter(make, format_):
    """A convolution's kernel has a permuted gradient, and a user may have permuted the kernel itself."""
    fused, plain = make(), make()
    plain._row = None
    start = np.random.default_rng(1).normal(size=(2, 3, 4, 5))
    a, b = Variable(start, dtype="float32"), Variable(start, dtype="float32")
    a._storage._store(torch.nn.Parameter(a.value.detach().contiguous(memory_format=format_)))
    for step in range(3):
        gradient = torch.tensor(
            np.random.default_rng(step).normal(size=(5, 4, 2, 3)), dtype=torch.float32
        ).permute(2, 3, 1, 0)
        fused.apply([gradient], [a])
        plain.apply([gradient], [b])
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=3e-5, atol=1e-6)


def test_a_restored_step_counter_is_noticed():
    a, b = variables(), variables()
    one, two = optimizers.Adam(0.1), optimizers.Adam(0.1)
    running.enter()
    try:
        one.apply(gradients(0), a)
        one.apply(gradients(1), a)
        for v in (*one.variables, *a):
            v.assign(np.zeros(v.shape) if v is not one._learning_rate else 0.1)
        one.apply(gradients(2), a)
    finally:
        running.leave()
    for v in b:
        v.assign(np.zeros(v.shape))
    two.apply(gradients(2), b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-6)


def test_a_schedule_is_followed():
    v = Variable(np.zeros(2))
    optimizer = optimizers.SGD(optimizers.schedules.PiecewiseConstantDecay([1], [1.0, 10.0]))
    for _ in range(3):
        optimizer.apply([torch.ones(2)], [v])
    assert v.numpy().tolist() == [-12.0, -12.0]


def test_parameters_replaced_between_steps_are_updated():
    layer = backend.LayerBase()
    v = Variable(np.zeros(2), name="w")
    layer._attach_variable("w", v)
    optimizer = optimizers.SGD(1.0)
    optimizer.apply([torch.ones(2)], [v])
    layer._parameters["w"] = torch.nn.Parameter(torch.full((2,), 5.0))
    optimizer.apply([torch.ones(2)], [v])
    assert v.numpy().tolist() == [4.0, 4.0]
