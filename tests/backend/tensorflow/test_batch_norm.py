"""Batch normalisation by TensorFlow's kernel: the composite's values and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kdist.backend import bound as backend
from kdist.ops.declare import DECLARED

KERNEL = backend.OPS["batch_normalization_training"]
COMPOSITE = DECLARED["batch_normalization_training"]  # the declaration's own body


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("open_batch", [True, False])
@pytest.mark.parametrize(
    "shape, axis, epsilon",
    [
        ((6, 3), -1, 1e-3),
        ((4, 5, 3), -1, 1e-3),
        ((4, 5, 6, 3), 3, 1e-3),
        ((4, 5, 6, 3), -1, 1e-6),
        ((4, 3, 5, 6), 1, 1e-3),
        ((2, 3, 4, 5, 2), -1, 1e-3),
        ((1, 3), -1, 1e-3),
    ],
)
def test_the_kernel_is_the_composite(shape, axis, epsilon, scaled, open_batch):
    rng, n = np.random.default_rng(0), shape[axis]
    x = tf.constant(rng.normal(size=shape, loc=2.0).astype("float32"))
    upstream = tf.constant(rng.normal(size=shape).astype("float32"))
    parameters = [tf.linspace(0.5, 2.0, n), tf.linspace(-1.0, 1.0, n)] if scaled else []

    def run(fn):
        def traced(x, *parameters):
            scale, offset = parameters or (None, None)
            with tf.GradientTape() as tape:
                tape.watch([x, *parameters])
                out, mean, variance = fn(x, axis, offset, scale, epsilon)
            return [out, mean, variance, *tape.gradient(out, [x, *parameters], upstream)]

        specs = [tf.TensorSpec((None, *shape[1:]) if open_batch else shape)]
        specs += [tf.TensorSpec((n,)) for _ in parameters]
        return tf.function(traced, input_signature=specs, autograph=False)(x, *parameters)

    for got, expected in zip(run(KERNEL), run(COMPOSITE), strict=True):
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5)


def test_a_variance_far_below_epsilon_is_kept():
    x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32") * 1e-4
    _, _, variance = KERNEL(tf.constant(x), -1)
    np.testing.assert_allclose(variance, x.astype("float64").var(0), rtol=1e-4)
