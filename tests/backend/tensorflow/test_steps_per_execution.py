"""Several steps in one call of a graph: which graphs are made, and a step of the user's own among them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import kdist
from kdist import layers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((16 * 7 + 5, 8)).astype("float32")  # 8 batches, the last one short
Y = RNG.integers(0, 3, len(X)).astype("int32")
W = RNG.uniform(0.5, 2.0, len(X)).astype("float32")


class OwnStep(kdist.Sequential):
    def train_step(self, data):
        x, y, w = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True), sample_weight=w)
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables))
        return {"mine": loss}


def fit(k, kind=kdist.Sequential, **options):
    kdist.utils.set_random_seed(3)
    model = kind([kdist.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(3)])
    model.compile(
        kdist.optimizers.Adam(0.01),
        kdist.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=k,
        **options,
    )
    history = model.fit(X, Y, sample_weight=W, batch_size=16, epochs=2, verbose=0).history
    return model, history, [v.numpy() for v in model.variables]


@pytest.mark.parametrize(
    "options", [{"kind": OwnStep}, {"jit_compile": True}], ids=["own_step", "jit"]
)
def test_several_steps_in_one_call_train_as_one_by_one(options):
    _, one, first = fit(1, **options)
    _, many, second = fit(3, **options)
    assert one.keys() == many.keys()
    for name in one:
        np.testing.assert_allclose(one[name], many[name], rtol=1e-5)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_equal_batches_share_one_graph():
    model, _, _ = fit(3)
    program = model._programs["train"]
    # One graph for any number of equal batches, and one for the two that are alone.
    assert (len(program._loops.traces()), len(program._graphs.traces())) == (1, 2)
