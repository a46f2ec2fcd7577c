"""Steps of one's own, overrides of the loss, pure functions, eager runs, and runs that repeat."""

from __future__ import annotations

import importlib.util
import pathlib

import numpy as np
import pytest

import kdist
from kdist import layers, ops
from kdist.backend import bound as backend

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "training_steps.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("training_steps", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def digits(rng):
    y = rng.integers(0, 10, 128)
    x = rng.uniform(0, 0.1, size=(128, 28, 28, 1)).astype("float32")
    x[np.arange(128), y, :, 0] = 1.0  # the label is the row that is lit
    return x, y


def regression(rng, n=24):
    x = rng.normal(size=(n, 5)).astype("float32")
    return x, x @ rng.normal(size=(5, 1)).astype("float32")


def small(seed=0, model=kdist.Model):
    kdist.utils.set_random_seed(seed)
    x = kdist.Input((5,))
    return model(x, layers.Dense(1)(layers.Dropout(0.5)(layers.Dense(8, activation="relu")(x))))


def test_the_guide_s_train_step_of_one_s_own(example, digits):
    kdist.utils.set_random_seed(1)
    history = example.custom_train_step(*digits)
    assert set(history) == {"loss", "accuracy"}
    assert history["loss"][1] < history["loss"][0]


def test_the_guide_s_loop_from_scratch(example, digits):
    kdist.utils.set_random_seed(1)
    x, y = digits
    first = example.LOOPS[backend.name](x[:64], y[:64])
    assert example.loop_from_scratch(np.concatenate([x] * 6), np.concatenate([y] * 6)) < first


def test_a_train_step_that_uses_the_built_in_one(rng):
    calls = []

    class Counting(kdist.Model):
        def train_step(self, *args):
            calls.append(len(args))
            return super().train_step(*args)

        def test_step(self, *args):
            calls.append(-len(args))
            return super().test_step(*args)

    x, y = regression(rng)
    plain, counting = small(), small(model=Counting)
    for model in (plain, counting):
        model.compile("sgd", "mse", metrics=["mae"])
    expected = plain.fit(
        x, y, validation_data=(x, y), batch_size=8, shuffle=False, verbose=0
    ).history
    given = counting.fit(
        x, y, validation_data=(x, y), batch_size=8, shuffle=False, verbose=0
    ).history
    assert set(given) == {"loss", "mae", "val_loss", "val_mae"}
    for name in given:
        np.testing.assert_allclose(given[name], expected[name], rtol=1e-6)
    arguments = 2 if backend.name == "jax" else 1  # (state, data), or data
    assert set(calls) == {arguments, -arguments}


def test_a_loss_of_one_s_own(rng):
    class Halved(kdist.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return 0.5 * ops.mean(ops.square(y - y_pred))

    x, y = regression(rng)
    plain, own = small(), small(model=Halved)
    plain.compile("sgd", "mse")
    own.compile("sgd")
    expected = plain.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(own.evaluate(x, y, verbose=0), 0.5 * expected, rtol=1e-5)
    before = own.get_weights()
    own.fit(x, y, verbose=0)
    assert not np.allclose(before[0], own.get_weights()[0])


def test_metrics_of_one_s_own(rng):
    class Reporting(kdist.Model):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return {
                **super().compute_metrics(x, y, y_pred, sample_weight),
                "largest": ops.max(y_pred),
            }

    x, y = regression(rng)
    model = small(model=Reporting)
    model.compile("sgd", "mse", metrics=["mae"])
    logs = model.evaluate(x, y, batch_size=len(x), verbose=0, return_dict=True)
    assert set(logs) == {"loss", "mae", "largest"}
    np.testing.assert_allclose(logs["largest"], model.predict(x, verbose=0).max(), rtol=1e-5)


def test_metrics_in_attributes_are_reported_and_reset(rng):
    class Tracking(kdist.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.seen = kdist.metrics.Sum(name="seen")

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            self.seen.update_state(ops.ones_like(y))
            return super().compute_loss(x, y, y_pred, sample_weight, training)

    x, y = regression(rng)
    model = small(model=Tracking)
    model.compile("sgd", "mse")
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0).history
    assert history["seen"] == [24.0, 24.0]


def test_stateless_calls_change_nothing_and_agree_with_stateful_ones(rng):
    x, y = regression(rng)
    model = small()
    model.compile(kdist.optimizers.SGD(0.1), "mse")
    before = model.get_weights()
    trainable = [v.value + 1.0 for v in model.trainable_variables]
    non_trainable = [v.value for v in model.non_trainable_variables]
    y_pred, after = model.stateless_call(trainable, non_trainable, x, training=False)
    loss, _ = model.stateless_compute_loss(
        trainable,
        after,
        [v.value for v in model.metrics_variables],
        x=x,
        y=ops.convert_to_tensor(y),
        y_pred=y_pred,
    )
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.set_weights([w + 1.0 for w in before])
    np.testing.assert_allclose(
        backend.convert_to_numpy(y_pred), model.predict(x, verbose=0), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        backend.convert_to_numpy(loss),
        model.evaluate(x, y, batch_size=len(x), verbose=0),
        rtol=1e-5,
    )


def test_stateless_dropout_moves_the_seed_it_returns(rng):
    x, _ = regression(rng)
    model = small()
    trainable = [v.value for v in model.trainable_variables]
    seeds = [v.value for v in model.non_trainable_variables]
    assert seeds
    first, moved = model.stateless_call(trainable, seeds, x, training=True)
    again, _ = model.stateless_call(trainable, seeds, x, training=True)
    other, _ = model.stateless_call(trainable, moved, x, training=True)
    first, again, other = (backend.convert_to_numpy(a) for a in (first, again, other))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_run_eagerly_gives_the_same_run(rng):
    x, y = regression(rng, 16)
    runs = []
    for eager in (False, True):
        model = small()
        model.compile(kdist.optimizers.SGD(0.01), "mse", run_eagerly=eager)
        history = model.fit(x, y, batch_size=8, shuffle=False, verbose=0).history
        runs.append([history["loss"], *model.get_weights()])
    for compiled, eager in zip(*runs, strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-5, atol=1e-6)


def test_one_seed_is_one_run(rng):
    """The order of samples, the initial weights and the dropout masks follow from it."""
    x, y = regression(rng)
    weights = []
    for seed in (7, 7, 8):
        model = small(seed)
        model.compile("sgd", "mse")
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(weights[0], weights[1], strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.allclose(weights[0][0], weights[2][0])


def test_callbacks_hear_of_the_validation_inside_fit(rng):
    heard = []

    class Listening(kdist.callbacks.Callback):
        def on_train_begin(self, logs=None):
            heard.append("train")

        def on_test_begin(self, logs=None):
            heard.append("test")

        def on_test_batch_end(self, batch, logs=None):
            heard.append(batch)

        def on_test_end(self, logs=None):
            heard.append(sorted(logs))

        def on_epoch_end(self, epoch, logs=None):
            heard.append(sorted(logs))

        def on_train_end(self, logs=None):
            heard.append("end")

    x, y = regression(rng, 16)
    model = small()
    model.compile("sgd", "mse")
    model.fit(x, y, batch_size=8, validation_data=(x, y), callbacks=[Listening()], verbose=0)
    assert heard == ["train", "test", 0, 1, ["loss"], ["loss", "val_loss"], "end"]


def test_callbacks_may_stop_and_change_a_run(rng):
    class Meddling(kdist.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.0 if epoch else 0.1

        def on_epoch_end(self, epoch, logs=None):
            self.weights = [*getattr(self, "weights", []), self.model.get_weights()[0].copy()]
            self.model.stop_training = epoch == 2

    x, y = regression(rng, 16)
    model, meddling = small(), Meddling()
    before = model.get_weights()[0]
    model.compile(kdist.optimizers.SGD(0.5), "mse")
    history = model.fit(x, y, epochs=9, callbacks=[meddling], verbose=0)
    assert history.epoch == [0, 1, 2]
    assert not np.allclose(before, meddling.weights[0])
    np.testing.assert_array_equal(meddling.weights[0], meddling.weights[2])
