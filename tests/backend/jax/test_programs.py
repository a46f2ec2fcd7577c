"""Running programs: what variables show meanwhile, donation, custom steps, and steps that fail."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kdist import callbacks, layers, metrics, models, optimizers
from kdist.backend.jax import programs
from kdist.data import Batch

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 4)).astype("float32")
Y = RNG.integers(0, 3, 20)


def make(cls=models.Model, **compile_args):
    inputs = layers.Input((4,))
    h = layers.Dense(5, activation="relu")(inputs)
    h = layers.Dropout(0.5, seed=1)(layers.BatchNormalization()(h))
    model = cls(inputs, layers.Dense(3, activation="softmax")(h))
    weights = np.random.default_rng(1)
    model.set_weights([weights.uniform(0.1, 0.5, v.shape) for v in model.weights])
    arguments = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["acc"]}
    model.compile(**{**arguments, **compile_args})
    return model


def fit(model, **kwargs):
    arguments = {"batch_size": 8, "epochs": 2, "verbose": 0, "shuffle": False}
    return model.fit(X, Y, **{**arguments, **kwargs}).history


def close(a, b):
    for p, q in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(p, q, rtol=2e-5, atol=2e-6)


def test_variables_read_through_while_a_fit_runs():
    model, seen = make(), []

    class Look(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(model.get_weights()[0])

    before = model.get_weights()[0]
    fit(model, epochs=1, callbacks=[Look()])
    assert len(seen) == 3
    assert all(not np.array_equal(a, b) for a, b in zip([before, *seen], seen, strict=False))
    np.testing.assert_array_equal(seen[-1], model.get_weights()[0])


def test_what_a_callback_assigns_is_what_the_next_step_uses():
    model = make()

    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            model.optimizer.learning_rate = 0.0
            model.layers[1].kernel.assign(np.full((4, 5), 7.0))

    fit(model, callbacks=[Stop()])
    np.testing.assert_array_equal(model.layers[1].kernel.numpy(), np.full((4, 5), 7.0))
    assert float(model.optimizer.learning_rate) == 0.0


def test_arrays_that_others_hold_survive_donation():
    model = make()
    held = [v.value for v in model.weights]
    twin = model.layers[1].bias
    model.layers[2].gamma.assign(twin.value)  # two variables, one array
    fit(model)
    assert all(np.isfinite(np.asarray(x)).all() for x in held)
    assert not np.array_equal(model.layers[2].gamma.numpy(), twin.numpy())


def test_nobody_elses_arrays_are_copied(monkeypatch):
    model = make()
    fit(model)
    monkeypatch.setattr(programs.jnp, "copy", lambda x: pytest.fail("copied without need"))
    fit(model)


def test_validation_within_a_fit_leaves_the_training_alone():
    a, b = make(), make()
    history = fit(a, validation_data=(X[:6], Y[:6]))
    fit(b)
    close(a, b)
    loss, accuracy = a.evaluate(X[:6], Y[:6], verbose=0)
    assert history["val_loss"][-1] == pytest.approx(loss, rel=1e-6)
    assert history["val_acc"][-1] == pytest.approx(accuracy)


def test_without_jit_a_fit_is_the_same():
    a, b = make(run_eagerly=True), make()
    arguments = {"batch_size": 20, "epochs": 1}
    assert fit(a, **arguments)["loss"] == pytest.approx(fit(b, **arguments)["loss"], rel=1e-5)
    close(a, b)


class OwnStep(models.Model):
    """The step of Keras's guide to custom steps on jax."""

    def loss_and_updates(self, trainable, non_trainable, x, y):
        y_pred, non_trainable = self.stateless_call(trainable, non_trainable, x, training=True)
        return self.compute_loss(x, y, y_pred), (y_pred, non_trainable)

    def train_step(self, state, data):
        trainable, non_trainable, optimizer, metric_values = state
        x, y = data
        grad = jax.value_and_grad(self.loss_and_updates, has_aux=True)
        (loss, (y_pred, non_trainable)), grads = grad(trainable, non_trainable, x, y)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, grads, trainable)
        new, logs, taken = [], {}, 0
        for metric in self.metrics:
            own = metric_values[taken : taken + len(metric.variables)]
            taken += len(own)
            if metric.name == "loss":
                own = metric.stateless_update_state(own, loss, sample_weight=x.shape[0])
                logs["loss"] = metric.stateless_result(own)
            else:
                own = metric.stateless_update_state(own, y, y_pred)
                logs |= metric.stateless_result(own)
            new += own
        return logs, (trainable, non_trainable, optimizer, new)


class AroundStep(models.Model):
    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {**logs, "twice": 2 * logs["loss"]}, state

    def test_step(self, state, data):
        logs, state = super().test_step(state, data)
        return {**logs, "rows": jnp.float32(data[0].shape[0])}, state

    def predict_step(self, state, data):
        outputs, non_trainable = super().predict_step(state, data)
        return {"y": outputs, "x": data}, non_trainable


def test_a_step_of_ones_own():
    a, b = make(OwnStep), make()
    rows = X[:16], Y[:16]
    arguments = {"batch_size": 8, "verbose": 0, "shuffle": False, "epochs": 2}
    ours, theirs = (m.fit(*rows, **arguments).history for m in (a, b))
    assert set(ours) == {"loss", "acc"}
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
    close(a, b)


def test_steps_around_the_built_in_ones():
    a, b = make(AroundStep), make()
    ours, theirs = fit(a), fit(b)
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
    assert ours["twice"] == pytest.approx(2 * np.array(theirs["loss"]), rel=1e-5)
    results = a.evaluate(X, Y, batch_size=10, verbose=0, return_dict=True)
    assert results["rows"] == 10 and set(results) == {"loss", "acc", "rows"}
    outputs = a.predict(X, batch_size=8, verbose=0)
    np.testing.assert_array_equal(outputs["x"], X)
    np.testing.assert_allclose(outputs["y"], b.predict(X, verbose=0), atol=1e-5)


def test_metrics_of_ones_own():
    class Own(models.Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return {**super().compute_metrics(x, y, y_pred, sample_weight), "one": jnp.float32(1)}

    history = fit(make(Own))
    assert history["one"] == [1.0, 1.0] and set(history) == {"loss", "acc", "one"}


def test_predictions_are_ones_own_arrays():
    outputs = make().predict(X, verbose=0)
    outputs[0] = 0
    assert outputs.flags.writeable and outputs.shape == (20, 3)


def test_train_on_batch_counts_on():
    model = make()
    first = model.train_on_batch(X, Y, return_dict=True)
    second = model.train_on_batch(X, Y, return_dict=True)
    assert first["loss"] != second["loss"] and int(model.optimizer.iterations) == 2
    assert set(model.test_on_batch(X, Y, return_dict=True)) == {"loss", "acc"}


def test_a_state_of_a_layer_that_evaluation_changes_is_kept():
    class Count(layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.calls.assign_add(1.0)
            return x

    counter = Count()
    inputs = layers.Input((4,))
    model = models.Model(inputs, layers.Dense(1)(counter(inputs)))
    model.compile("sgd", "mse")
    model.evaluate(X, X[:, :1], batch_size=5, verbose=0)
    assert float(counter.calls) == 4
    model.predict(X, batch_size=10, verbose=0)
    assert float(counter.calls) == 6


def test_an_interrupt_right_after_a_step_loses_nothing(monkeypatch):
    model = make()
    program = programs.compile_step(model, "train", model.plan())
    model.optimizer.build(model.trainable_variables)
    model._compile_metrics.build(Y, jnp.zeros((20, 3)))
    state = program.begin()
    batch = Batch(x=X, y=Y, sample_weight=None, mask=None, size=20, end=20)
    state, _ = program(state, batch)

    class Interrupted(list):
        def extend(self, results):
            super().extend(results)
            raise KeyboardInterrupt

    state.results = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        program(state, batch)
    program.end(state)
    assert all(np.isfinite(v.numpy()).all() for v in model.weights)
    assert int(model.optimizer.iterations) == 2
    fit(model)


def test_a_failing_step_leaves_the_values_of_before():
    class Fails(layers.Layer):
        def call(self, x, training=False):
            if training:
                raise RuntimeError("not in training")
            return x

    inputs = layers.Input((4,))
    model = models.Model(inputs, layers.Dense(1)(Fails()(inputs)))
    model.compile(optimizers.SGD(0.1), "mse", metrics=[metrics.MeanAbsoluteError()])
    before = model.get_weights()
    with pytest.raises(RuntimeError, match="not in training"):
        model.fit(X, X[:, :1], verbose=0)
    for p, q in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(p, q)
    assert model.predict(X, verbose=0).shape == (20, 1)
