"""Training steps of one's own: an overridden `train_step`, and a loop from scratch, each in the words of the
backend.
"""

from __future__ import annotations

import numpy as np

import kdist
from kdist import layers


def _layers() -> list:
    return [
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10),
    ]


def _loss():
    return kdist.losses.SparseCategoricalCrossentropy(from_logits=True)


# ---- an overridden train_step ----------------------------------------------------------------------------------------
class JaxStep(kdist.Model):
    """On JAX a step is a pure function of the state: a gradient of `stateless_call`, a `stateless_apply`."""

    def __init__(self):
        super().__init__()
        self.body = kdist.Sequential(_layers())

    def call(self, x, training=None):
        return self.body(x, training=training)

    def compute_loss_and_updates(self, trainable, non_trainable, x, y, training=False):
        y_pred, non_trainable = self.stateless_call(trainable, non_trainable, x, training=training)
        return self.compute_loss(x, y, y_pred), (y_pred, non_trainable)

    def train_step(self, state, data):
        import jax

        trainable, non_trainable, optimizer, metrics = state
        x, y = data
        gradient = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
        (loss, (y_pred, non_trainable)), grads = gradient(
            trainable, non_trainable, x, y, training=True
        )
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
        updated, logs = [], {}
        for metric in self.metrics:
            values = metrics[len(updated) : len(updated) + len(metric.variables)]
            if metric.name == "loss":
                values = metric.stateless_update_state(values, loss)
            else:
                values = metric.stateless_update_state(values, y, y_pred)
            result = metric.stateless_result(values)
            logs.update(result if isinstance(result, dict) else {metric.name: result})
            updated += values
        return logs, (trainable, non_trainable, optimizer, updated)


class TorchStep(kdist.Model):
    """On torch a step is what a torch loop does: forward, backward, and the optimizer on the gradients."""

    def __init__(self):
        super().__init__()
        self.body = kdist.Sequential(_layers())

    def call(self, x, training=None):
        return self.body(x, training=training)

    def train_step(self, data):
        import torch

        x, y = data
        self.zero_grad()
        y_pred = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=y_pred)
        loss.backward()
        with torch.no_grad():
            self.optimizer.apply(
                [v.value.grad for v in self.trainable_weights], self.trainable_weights
            )
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return self.get_metrics_result()


class TensorFlowStep(kdist.Model):
    """On TensorFlow a step is a gradient tape around the forward pass."""

    def __init__(self):
        super().__init__()
        self.body = kdist.Sequential(_layers())

    def call(self, x, training=None):
        return self.body(x, training=training)

    def train_step(self, data):
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, [v.handle for v in variables])
        self.optimizer.apply(gradients, variables)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return self.get_metrics_result()


STEPS = {"jax": JaxStep, "torch": TorchStep, "tensorflow": TensorFlowStep}


def custom_train_step(x, y) -> dict:
    model = STEPS[kdist.config.backend()]()
    model.compile(optimizer="adam", loss=_loss(), metrics=["accuracy"])
    history = model.fit(x, y, batch_size=64, epochs=2, verbose=0)
    print(
        f"custom train_step: loss {history.history['loss'][-1]:.4f}, accuracy {history.history['accuracy'][-1]:.4f}"
    )
    return history.history


# ---- a loop from scratch ---------------------------------------------------------------------------------------------
def _batches(x, y, size: int = 64):
    for start in range(0, len(x) - size + 1, size):
        yield x[start : start + size], y[start : start + size]


def jax_loop(x, y) -> float:
    import jax

    model, optimizer, loss_fn = (
        kdist.Sequential([kdist.Input((28, 28, 1)), *_layers()]),
        kdist.optimizers.Adam(1e-3),
        _loss(),
    )
    metric = kdist.metrics.SparseCategoricalAccuracy()
    optimizer.build(model.trainable_variables)

    def compute(trainable, non_trainable, x, y):
        logits, non_trainable = model.stateless_call(trainable, non_trainable, x, training=True)
        return loss_fn(y, logits), (non_trainable, logits)

    @jax.jit
    def step(state, x, y):
        trainable, non_trainable, opt, met = state
        (loss, (non_trainable, logits)), grads = jax.value_and_grad(compute, has_aux=True)(
            trainable, non_trainable, x, y
        )
        trainable, opt = optimizer.stateless_apply(opt, grads, trainable)
        met = metric.stateless_update_state(met, y, logits)
        return loss, (trainable, non_trainable, opt, met)

    values = lambda variables: [v.value for v in variables]
    state = (
        values(model.trainable_variables),
        values(model.non_trainable_variables),
        values(optimizer.variables),
        values(metric.variables),
    )
    for xb, yb in _batches(x, y):
        loss, state = step(state, xb, yb)
    for variable, value in zip(model.trainable_variables, state[0], strict=True):
        variable.assign(value)
    return float(loss)


def torch_loop(x, y) -> float:
    import torch

    model, loss_fn = (
        kdist.Sequential([kdist.Input((28, 28, 1)), *_layers()]),
        torch.nn.CrossEntropyLoss(),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for xb, yb in _batches(x, y):
        logits = model(torch.from_numpy(xb), training=True)
        loss = loss_fn(logits, torch.from_numpy(yb).long())
        model.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def tensorflow_loop(x, y) -> float:
    import tensorflow as tf

    model, optimizer, loss_fn = (
        kdist.Sequential([kdist.Input((28, 28, 1)), *_layers()]),
        kdist.optimizers.Adam(1e-3),
        _loss(),
    )
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        gradients = tape.gradient(loss, [v.handle for v in model.trainable_variables])
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    for xb, yb in _batches(x, y):
        loss = step(xb, yb)
    return float(loss)


LOOPS = {"jax": jax_loop, "torch": torch_loop, "tensorflow": tensorflow_loop}


def loop_from_scratch(x, y) -> float:
    loss = LOOPS[kdist.config.backend()](x, y)
    print(f"loop from scratch: loss {np.round(loss, 4)}")
    return loss
