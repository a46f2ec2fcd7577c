"""Programs: against loops written by hand in torch, on one process."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import kdist
from kdist import layers, losses, optimizers

RNG = np.random.default_rng(5)
X = RNG.normal(size=(96, 6)).astype("float32")
Y = RNG.integers(0, 3, 96)


def make(metrics=("accuracy",), **compiled):
    kdist.utils.set_random_seed(1)
    model = kdist.Sequential(
        [kdist.Input((6,)), layers.Dense(8, activation="tanh"), layers.Dense(3)]
    )
    model.compile(
        optimizers.Adam(0.01),
        losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=list(metrics),
        **compiled,
    )
    return model


def by_hand(model, epochs, batch=32):
    """The same training with torch alone, from the model's present weights; its losses and weights."""
    p = [torch.tensor(w, requires_grad=True) for w in model.get_weights()]
    m, v = ([torch.zeros_like(w) for w in p] for _ in range(2))
    seen, t = [], 0
    for _ in range(epochs):
        total = 0.0
        for i in range(0, len(X), batch):
            x, y = torch.tensor(X[i : i + batch]), torch.tensor(Y[i : i + batch])
            logits = torch.tanh(x @ p[0] + p[1]) @ p[2] + p[3]
            loss = torch.nn.functional.cross_entropy(logits, y)
            grads = torch.autograd.grad(loss, p)
            t += 1
            rate = 0.01 * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
            with torch.no_grad():
                for w, g, a, b in zip(p, grads, m, v, strict=True):
                    a.add_((g - a) * 0.1)
                    b.add_((g * g - b) * 0.001)
                    w.sub_(rate * a / (b.sqrt() + 1e-7))
            total += loss.item() * len(x)
        seen.append(total / len(X))
    return seen, [w.detach().numpy() for w in p]


def test_fit_is_the_loop_written_by_hand():
    model = make()
    expected_losses, expected = by_hand(model, 3)
    history = model.fit(X, Y, batch_size=32, epochs=3, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], expected_losses, rtol=1e-5)
    for w, e in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(w, e, rtol=1e-4, atol=1e-6)
    assert all(v.value.grad is None for v in model.trainable_variables)


def test_evaluate_and_predict_agree_with_the_weights():
    model = make()
    w = model.get_weights()
    logits = np.tanh(X @ w[0] + w[1]) @ w[2] + w[3]
    np.testing.assert_allclose(
        model.predict(X, batch_size=20, verbose=0), logits, rtol=1e-4, atol=1e-5
    )
    out = model.evaluate(X, Y, batch_size=20, verbose=0, return_dict=True)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    assert out["loss"] == pytest.approx(-log_p[np.arange(96), Y].mean(), rel=1e-5)
    assert out["accuracy"] == pytest.approx((logits.argmax(-1) == Y).mean())


class ByHand(kdist.Sequential):
    """The step of Keras's guide for custom training with torch."""

    def train_step(self, data):
        x, y = data
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        loss.backward()
        weights = list(self.trainable_weights)
        gradients = [v.value.grad for v in weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


def test_a_train_step_of_ones_own():
    kdist.utils.set_random_seed(1)
    model = ByHand([kdist.Input((6,)), layers.Dense(8, activation="tanh"), layers.Dense(3)])
    model.compile(optimizers.Adam(0.01), losses.SparseCategoricalCrossentropy(from_logits=True))
    _, expected = by_hand(model, 2)
    history = model.fit(X, Y, batch_size=32, epochs=2, shuffle=False, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    for w, e in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(w, e, rtol=1e-4, atol=1e-6)


def test_frozen_variables_get_no_gradient_and_stay():
    model = make()
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(X, Y, batch_size=32, epochs=1, verbose=0)
    after = model.get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(before[:2], after[:2], strict=True))
    assert not np.allclose(before[2], after[2])


class Wrapped(layers.Layer):
    """A layer around torch's own modules."""

    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.Dropout(0.5))
        self.seen = []

    def call(self, x):
        self.seen.append(self.inner.training)
        return self.inner(x)


def test_plain_modules_know_whether_they_train():
    layer = Wrapped()
    model = kdist.Sequential([layer, layers.Dense(3)])
    model(torch.tensor(X[:2]))
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
    assert "inner.0.weight" in layer.state_dict()
    layer.seen.clear()
    model.fit(X[:32], Y[:32], batch_size=32, epochs=1, validation_data=(X[:32], Y[:32]), verbose=0)
    model.predict(X[:32], verbose=0)
    assert layer.seen[-3:] == [True, False, False]
    a, b = (model.predict(X, verbose=0) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_a_strategy_without_its_processes_is_refused():
    from_two = kdist.distribution.DataParallel(devices=["cpu:0", "cpu:1"])
    with from_two.scope(), pytest.raises(ValueError, match="one device from each"):
        make()


def test_gradients_of_the_built_in_step_reach_hooks():
    model, seen = make(), []
    model.layers[0].register_forward_hook(
        lambda module, inputs, output: seen.append(tuple(output.shape))
    )
    model.fit(X, Y, batch_size=32, epochs=1, verbose=0)
    assert seen == [(32, 8)] * 3
