"""Several steps in one dispatch: which programs are compiled, and that devices share them."""

from __future__ import annotations

import jax
import numpy as np

import kdist
from kdist import layers
from kdist.distribution import FSDP

RNG = np.random.default_rng(0)
X = RNG.standard_normal((16 * 7 + 5, 8)).astype("float32")  # 7 whole batches and a short one
Y = RNG.integers(0, 3, len(X)).astype("int32")


def fit(k: int) -> tuple:
    kdist.utils.set_random_seed(3)
    model = kdist.Sequential(
        [
            kdist.Input((8,)),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(8),
        ]
    )
    model.compile(
        kdist.optimizers.Adam(0.01),
        kdist.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=k,
    )
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    return model, [np.asarray(v.value) for v in model.variables]


def test_a_full_group_is_one_dispatch_and_smaller_ones_go_one_by_one():
    model, _ = fit(3)
    program = model._programs["train"]
    sent = []

    def counted(name, function):
        def call(*arguments):
            sent.append(name)
            return function(*arguments)

        return call

    program._many, program._step = counted("many", program._many), counted("one", program._step)
    model.fit(X, Y, batch_size=16, epochs=1, verbose=0, shuffle=False)
    # Of one by one: the seventh batch, and the padded eighth.
    assert sent == ["many", "many", "one", "one"]


def test_a_loop_over_sharded_steps_is_the_steps():
    with FSDP(min_size=1).scope():
        model, sharded = fit(3)
        kernel = model.layers[0].kernel.value
        assert not kernel.sharding.is_fully_replicated and len(kernel.devices()) == 8
    _, single = fit(1)
    for a, b in zip(sharded, single, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_state_that_a_test_step_changes_goes_through_the_loop():
    class Counting(kdist.Sequential):
        def build(self, input_shape=None):
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)
            super().build(input_shape)

        def call(self, x, training=None):
            self.count.assign_add(1.0)
            return super().call(x, training=training)

    model = Counting([layers.Dense(8)])
    model.compile("sgd", "mse", steps_per_execution=3)
    model.build((None, 8))
    before = float(model.count.value)
    model.evaluate(X[:96], np.zeros((96, 8), "float32"), batch_size=16, verbose=0)
    assert float(model.count.value) - before == 6
    assert jax.numpy.asarray(model.count.value).dtype == "float32"
