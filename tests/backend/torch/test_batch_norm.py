"""Batch normalisation by torch's kernel: the composite's values and gradients in any memory format."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kdist.backend import bound as backend
from kdist.layers import BatchNormalization
from kdist.ops.declare import DECLARED

KERNEL = backend.OPS["batch_normalization_training"]
COMPOSITE = DECLARED["batch_normalization_training"]  # the declaration's own body


def draw(shape, channels_in_memory):
    """Normal values with dim `channels_in_memory` the last in memory."""
    x = np.random.default_rng(0).normal(size=shape, loc=2.0).astype("float32")
    x = torch.from_numpy(x)
    return x.movedim(channels_in_memory, -1).contiguous().movedim(-1, channels_in_memory)


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize(
    "shape, axis, in_memory",
    [
        ((6, 3), -1, -1),
        ((6, 3), 0, -1),
        ((4, 5, 3), -1, -1),
        ((4, 5, 3), -1, 1),
        ((4, 5, 6, 3), -1, -1),
        ((4, 3, 5, 6), 1, 1),
        ((4, 3, 5, 6), 1, -1),
        ((4, 5, 3, 6), 2, -1),
        ((2, 3, 4, 5, 2), -1, -1),
        ((1, 3), -1, -1),
    ],
)
def test_the_kernel_is_the_composite(shape, axis, in_memory, scaled):
    n = shape[axis]
    upstream = torch.from_numpy(np.random.default_rng(1).normal(size=shape).astype("float32"))

    def run(fn):
        x = draw(shape, in_memory).requires_grad_()
        parameters = [torch.linspace(0.5, 2, n), torch.linspace(-1, 1, n)] if scaled else []
        scale, offset = (p.requires_grad_() for p in parameters) if scaled else (None, None)
        out, mean, variance = fn(x, axis, offset, scale, 1e-3)
        assert out.shape == x.shape and mean.shape == variance.shape == (n,)
        gradients = torch.autograd.grad(out, [x, *parameters], upstream)
        return [t.detach().numpy() for t in (out, mean, variance, *gradients)]

    for got, expected in zip(run(KERNEL), run(COMPOSITE), strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5)


def test_moving_statistics_are_of_the_mean_squared_deviation():
    x = draw((5, 2), -1)
    layer = BatchNormalization(momentum=0.9)
    layer(x, training=True)
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    np.testing.assert_allclose(mean, 0.1 * x.numpy().mean(0), rtol=1e-6)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * x.numpy().var(0), rtol=1e-6)
    assert not layer.moving_variance.value.requires_grad


def test_a_variance_far_below_epsilon_is_kept():
    x = draw((64, 2), -1) * 1e-4
    _, _, variance = KERNEL(x, -1)
    np.testing.assert_allclose(variance.numpy(), x.double().numpy().var(0), rtol=1e-4)


def test_the_gradient_has_a_gradient():
    x = draw((4, 2), -1).double().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda v: KERNEL(v, -1)[0], (x,))
