"""fit, evaluate and predict give Keras's numbers from the same weights on the same batches."""

from __future__ import annotations

import numpy as np
import pytest

import kdist
from kdist.backend import bound as backend

N = 22  # in batches of 8: the last one is short


def classifier(k):
    return k.Sequential(
        [
            k.Input((6,)),
            k.layers.Dense(8, activation="tanh", name="hidden"),
            k.layers.BatchNormalization(name="norm"),
            k.layers.Dense(3, activation="softmax", name="out"),
        ]
    )


def compiled(k):
    return {
        "optimizer": k.optimizers.Adam(0.05),
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy", k.metrics.SparseTopKCategoricalAccuracy(2, name="top2")],
        "weighted_metrics": ["sparse_categorical_crossentropy"],
    }


@pytest.fixture
def data(rng):
    x = rng.normal(size=(N, 6)).astype("float32")
    return x, rng.integers(0, 3, N), rng.uniform(0.2, 2, N).astype("float32")


def test_sample_weights_and_a_validation_split(twins, data):
    x, y, w = data
    both = twins(classifier, compiled)
    both.same(
        "fit",
        x,
        y,
        sample_weight=w,
        batch_size=8,
        epochs=2,
        validation_split=0.25,
        shuffle=False,
        verbose=0,
    )
    both.same_weights()
    both.same("evaluate", x, y, sample_weight=w, batch_size=8, verbose=0)
    both.same("evaluate", x, y, sample_weight=w, batch_size=8, verbose=0, return_dict=True)
    both.same("predict", x, batch_size=8, verbose=0)


def test_class_weights_and_validation_every_second_epoch(twins, data):
    x, y, _ = data
    both = twins(classifier, compiled)
    history = both.same(
        "fit",
        x,
        y,
        batch_size=11,
        epochs=2,
        class_weight={0: 1.0, 1: 3.0, 2: 0.5},
        validation_data=(x[:10], y[:10]),
        validation_freq=2,
        validation_batch_size=10,
        shuffle=False,
        verbose=0,
    )
    both.same_weights()
    assert len(history["loss"]) == 2
    assert len(history["val_loss"]) == 1


def test_single_batches(twins, data):
    x, y, w = data
    both = twins(classifier, compiled)
    both.same("train_on_batch", x[:8], y[:8])
    both.same("train_on_batch", x[8:16], y[8:16], sample_weight=w[8:16])
    both.same(
        "train_on_batch", x[:8], y[:8], class_weight={0: 1.0, 1: 2.0, 2: 3.0}, return_dict=True
    )
    both.same_weights()
    for model in (both.ours, both.theirs):
        model.reset_metrics()
    both.same("test_on_batch", x[:8], y[:8], sample_weight=w[:8], return_dict=True)
    both.same("predict_on_batch", x[:8])


def two_heads(k):
    a, b = k.Input((6,), name="a"), k.Input((4,), name="b")
    h = k.layers.Concatenate(name="join")([k.layers.Dense(5, activation="relu", name="left")(a), b])
    return k.Model(
        {"a": a, "b": b},
        {
            "number": k.layers.Dense(1, name="n")(h),
            "kind": k.layers.Dense(3, activation="softmax", name="k")(h),
        },
    )


def two_losses(k):
    return {
        "optimizer": k.optimizers.SGD(0.1, momentum=0.9),
        "loss": {"number": "mse", "kind": k.losses.SparseCategoricalCrossentropy()},
        "loss_weights": {"number": 0.3, "kind": 2.0},
        "metrics": {"number": ["mae"], "kind": ["accuracy"]},
        "weighted_metrics": {"kind": ["sparse_categorical_crossentropy"]},
    }


def test_dicts_of_inputs_outputs_losses_and_weights(twins, data, rng):
    x, y, w = data
    inputs = {"a": x, "b": rng.normal(size=(N, 4)).astype("float32")}
    targets = {"number": rng.normal(size=(N, 1)).astype("float32"), "kind": y}
    weights = {"number": w, "kind": w[::-1].copy()}
    both = twins(two_heads, two_losses)
    both.same(
        "fit",
        inputs,
        targets,
        sample_weight=weights,
        batch_size=8,
        epochs=2,
        shuffle=False,
        verbose=0,
    )
    both.same_weights()
    both.same(
        "evaluate",
        inputs,
        targets,
        sample_weight=weights,
        batch_size=8,
        verbose=0,
        return_dict=True,
    )
    both.same("predict", inputs, batch_size=8, verbose=0)


def lists(k):
    a, b = k.Input((6,), name="a"), k.Input((4,), name="b")
    one = k.layers.Dense(2, name="one")(k.layers.Concatenate(name="join")([a, b]))
    return k.Model([a, b], [one, k.layers.Dense(1, name="two")(a)])


def test_lists_of_inputs_outputs_losses_and_metrics(twins, data, rng):
    x = [data[0], rng.normal(size=(N, 4)).astype("float32")]
    y = [rng.normal(size=(N, 2)).astype("float32"), rng.normal(size=(N, 1)).astype("float32")]
    arguments = lambda k: {
        "optimizer": "sgd",
        "loss": ["mse", "mae"],
        "loss_weights": [1.0, 0.5],
        "metrics": [["mae"], ["mse"]],
    }
    both = twins(lists, arguments)
    both.same("fit", x, y, batch_size=8, shuffle=False, verbose=0)
    both.same_weights()


def penalised(k):
    class Shrink(k.layers.Layer):
        def call(self, x):
            self.add_loss(0.1 * k.ops.mean(k.ops.square(x)))
            return x

    x = k.Input((6,))
    h = k.layers.Dense(
        8,
        activation="relu",
        kernel_regularizer="l2",
        activity_regularizer=k.regularizers.L1(0.01),
        name="hidden",
    )(x)
    return k.Model(
        x, k.layers.Dense(1, bias_regularizer="l1", name="out")(Shrink(name="shrink")(h))
    )


def test_penalties_of_weights_activities_and_add_loss(twins, data):
    x, y, _ = data
    both = twins(penalised, lambda k: {"optimizer": k.optimizers.SGD(0.1), "loss": "mse"})
    # Whole batches: Keras divides an activity's penalty by the batch on some backends before the mean, on others after.
    both.same(
        "fit", x[:16], y[:16].astype("float32"), batch_size=8, epochs=2, shuffle=False, verbose=0
    )
    both.same_weights()


def test_frozen_layers_stay(twins, data):
    x, y, _ = data

    def frozen(k):
        model = classifier(k)
        model.get_layer("hidden").trainable = False
        model.get_layer("norm").trainable = False
        return model

    both = twins(frozen, compiled)
    before = [
        w.copy() for layer in ("hidden", "norm") for w in both.ours.get_layer(layer).get_weights()
    ]
    both.same("fit", x, y, batch_size=8, shuffle=False, verbose=0)
    both.same_weights()
    after = [w for layer in ("hidden", "norm") for w in both.ours.get_layer(layer).get_weights()]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(both.ours.trainable_variables) == 2


def test_a_generator_with_steps(twins, data):
    x, y, _ = data

    def batches():
        while True:
            for i in range(0, 16, 8):
                yield x[i : i + 8], y[i : i + 8]

    both = twins(classifier, compiled)
    with_keras = both.theirs.fit(
        batches(), steps_per_epoch=3, epochs=2, shuffle=False, verbose=0
    ).history
    ours = both.ours.fit(batches(), steps_per_epoch=3, epochs=2, verbose=0).history
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(ours[name], with_keras[name], rtol=2e-5)
    both.same_weights()


def test_the_gradients_of_four_batches_make_one_update():
    """Accumulation over k batches is one step on the k times larger batch."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(32, 6)).astype("float32"), rng.normal(size=(32, 1)).astype("float32")
    trained = []
    for batch_size, accumulate in ((32, None), (8, 4)):
        kdist.utils.set_random_seed(5)
        model = kdist.Sequential(
            [kdist.Input((6,)), kdist.layers.Dense(4, activation="tanh"), kdist.layers.Dense(1)]
        )
        model.compile(
            kdist.optimizers.SGD(0.1, momentum=0.9, gradient_accumulation_steps=accumulate), "mse"
        )
        model.fit(x, y, batch_size=batch_size, epochs=3, shuffle=False, verbose=0)
        trained.append(model.get_weights())
    for a, b in zip(*trained, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_mixed_bfloat16_trains_in_float32_variables(rng):
    x = rng.normal(size=(32, 6)).astype("float32")
    y = (x[:, 0] > 0).astype("int64")
    kdist.utils.set_random_seed(0)
    make = lambda: kdist.Sequential(
        [
            kdist.Input((6,)),
            kdist.layers.Dense(8, activation="relu", dtype="mixed_bfloat16"),
            kdist.layers.Dense(2, dtype="mixed_bfloat16"),
            kdist.layers.Activation("softmax", dtype="float32"),
        ]
    )
    model = make()
    assert {v.dtype for v in model.variables} == {"float32"}
    assert backend.convert_to_numpy(model.layers[1](model.layers[0](x))).dtype.name == "bfloat16"
    model.compile(kdist.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    losses = model.fit(x, y, batch_size=16, epochs=6, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    assert model.predict(x, verbose=0).dtype == np.float32
