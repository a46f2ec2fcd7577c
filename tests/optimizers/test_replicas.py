"""Replicas that each have a part of the gradient stay together, and where one replica would be."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
import pytest

from kdist import losses, ops, optimizers
from kdist.backend import bound as backend
from kdist.backend.variable import Variable

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "losses"))
from replica_threads import run_replicas

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 3)).astype("float32"), RNG.normal(size=(8, 1)).astype("float32")


def gradient(w, x, y, count):
    """Of `count * mean over this replica's share of the global mean squared error`, by hand."""
    return 2 * x.T @ (x @ w - y) / (len(X) / count)


@pytest.mark.parametrize(
    "arguments", [{}, {"global_clipnorm": 0.3}, {"gradient_accumulation_steps": 2}], ids=str
)
def test_two_replicas_are_one(arguments):
    def train(x, y, count):
        w = Variable(np.zeros((3, 1), "float32"), name="w")
        optimizer = optimizers.Adam(0.1, **arguments)
        for _ in range(4):
            g = gradient(w.numpy(), x, y, count).astype("float32")
            optimizer.apply([ops.convert_to_tensor(g)], [w])
        return w.numpy()

    alone = train(X, Y, 1)
    both, _ = run_replicas(2, lambda i: train(X[i * 4 : i * 4 + 4], Y[i * 4 : i * 4 + 4], 2))
    np.testing.assert_array_equal(both[0], both[1])
    np.testing.assert_allclose(both[0], alone, rtol=1e-5)
    # And the convention is the losses' own: the mean over replicas is the global loss.
    loss = losses.MeanSquaredError()
    each, _ = run_replicas(
        2, lambda i: float(loss(Y[i * 4 : i * 4 + 4], X[i * 4 : i * 4 + 4] @ alone))
    )
    np.testing.assert_allclose(np.mean(each), float(loss(Y, X @ alone)), rtol=1e-6)


@pytest.mark.skipif(backend.name != "tensorflow", reason="only TensorFlow has sparse gradients")
@pytest.mark.parametrize("name", ["SGD", "Adam", "Nadam"])
@pytest.mark.parametrize(
    "arguments", [{}, {"clipnorm": 0.5}, {"gradient_accumulation_steps": 2}], ids=str
)
def test_sparse_gradients(name, arguments):
    tf = sys.modules["tensorflow"]
    rows, at, shape = (
        tf.constant([[1.0], [2.0], [3.0]]),
        tf.constant([1, 1, 3]),
        tf.constant([4, 1]),
    )
    sparse = tf.IndexedSlices(rows, at, shape)
    ends = []
    for g in (sparse, tf.convert_to_tensor(sparse)):
        w = Variable(np.ones((4, 1), "float32"), name="w")
        optimizer = getattr(optimizers, name)(0.1, **arguments)
        for _ in range(2):
            optimizer.apply([g], [w])
        ends.append(w.numpy())
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)
    assert (ends[0][[1, 3]] < 1).all()
