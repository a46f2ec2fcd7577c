"""Whole models with their optimizers, to a file and back, in kdist and in Keras."""

from __future__ import annotations

import numpy as np
import pytest

import kdist

TOLERANCE = 1e-5


def chain(k, rate=0.2):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Dropout(rate, seed=3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, kernel_regularizer="l2"),
        ],
        name="chain",
    )


def graph(k):
    layers = k.layers
    a, b = k.Input((8,), name="a"), k.Input((8,), name="b")
    shared = layers.Dense(5, activation="tanh")
    inside = k.Input((5,))
    nested = k.Model(inside, layers.Dense(4)(layers.Dense(5)(inside)))
    stack = k.Sequential([k.Input((4,)), layers.Dense(4)])
    left, right = nested(shared(a)), nested(shared(b))
    left = stack(stack(left)) + left
    joined = layers.Concatenate()([left, right, layers.Add()([left, right])])
    outputs = {"u": layers.Dense(2, name="u")(joined), "v": layers.Dense(2, name="v")(right)}
    return k.Model({"a": a, "b": b}, outputs)


def operations(k):
    o = k.ops
    inputs = k.Input((4, 6))
    h = k.layers.Dense(6)(inputs)
    x = o.relu(h) + inputs * 2 - 1
    x = o.concatenate([x, h], axis=-1)[:, 1:, ::2]
    x = o.transpose(o.reshape(x, (-1, 6, 3)), (0, 2, 1))
    x = o.softmax(x, axis=1)
    x = o.where(o.greater(x, o.mean(x, axis=1, keepdims=True)), x, 1 - x)
    x = o.clip(o.einsum("bij,bkj->bik", x, x), -1.0, 1.0)
    x = o.squeeze(o.expand_dims(o.stack([x, o.sqrt(o.abs(x))], axis=1), 1), 1)
    x, y = o.split(x, 2, axis=1)
    x = o.sum(o.matmul(x, y) / 2 + o.exp(-y), axis=(1, 2))
    x = o.pad(x, ((0, 0), (1, 1)), constant_values=2.0)
    x = o.cast(o.cast(x, "int32"), "float32") + x
    x = o.max(o.take(x, [0, 2], axis=1), axis=-1, keepdims=True)
    x = 1 / (o.power(x, 2) + o.tile(x, (1, 1)))
    return k.Model(inputs, o.logsumexp(o.repeat(o.maximum(x, 0.1), 3, axis=1), axis=1))


OPTIMIZERS = {
    "adam": lambda k: k.optimizers.Adam(1e-2, amsgrad=True),
    "sgd": lambda k: k.optimizers.SGD(1e-2, momentum=0.9, nesterov=True),
    "adamw": lambda k: k.optimizers.AdamW(1e-2, weight_decay=1e-3),
    "rmsprop": lambda k: k.optimizers.RMSprop(
        k.optimizers.schedules.ExponentialDecay(1e-2, 10, 0.9), momentum=0.5, centered=True
    ),
}


def optimizer_state(model) -> list:
    return [np.asarray(v.numpy(), "float64") for v in model.optimizer.variables]


def same_state(a, b) -> None:
    first, second = optimizer_state(a), optimizer_state(b)
    assert len(first) == len(second)
    assert max(np.abs(v).max() for v in first) > 0
    for v, w in zip(first, second, strict=True):
        np.testing.assert_array_equal(v, w)


@pytest.fixture
def image_data(rng):
    return rng.normal(size=(12, 8, 8, 1)).astype("float32"), rng.normal(size=(12, 2)).astype("f4")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizer(crossing, optimizer, rng, tmp_path, outputs):
    writer, reader = crossing
    x, y = rng.normal(size=(8, 4)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")
    layers = writer.layers
    model = writer.Sequential([writer.Input((4,)), layers.Dense(3), layers.Dense(2)])
    model.compile(OPTIMIZERS[optimizer](writer), "mse")
    model.fit(x, y, batch_size=4, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(outputs(loaded, x), outputs(model, x), atol=TOLERANCE)
    same_state(model, loaded)


def test_chain_trains_on(ways, image_data, tmp_path, outputs):
    """The model that was read trains on, from where the other one stood."""
    writer, reader = ways
    x, y = image_data
    model = chain(writer, rate=0.0)
    model.compile(
        OPTIMIZERS["adam"](writer),
        loss=writer.losses.MeanSquaredError(reduction="sum"),
        metrics=["mae", writer.metrics.MeanSquaredError("squares")],
    )
    model.fit(x, y, batch_size=12, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(outputs(loaded, x), outputs(model, x), atol=TOLERANCE)
    same_state(model, loaded)
    before = model.evaluate(x, y, verbose=0, return_dict=True)
    after = loaded.evaluate(x, y, verbose=0, return_dict=True)
    assert before.keys() == after.keys()
    for name in before:
        assert after[name] == pytest.approx(before[name], abs=1e-5)
    for m in (model, loaded):
        m.fit(x, y, batch_size=12, shuffle=False, verbose=0)
    np.testing.assert_allclose(outputs(loaded, x), outputs(model, x), atol=1e-4)


def test_graph_with_dicts_shared_and_nested_layers(ways, rng, tmp_path, outputs):
    writer, reader = ways
    data = {n: rng.normal(size=(8, 8)).astype("float32") for n in "ab"}
    targets = {n: rng.normal(size=(8, 2)).astype("float32") for n in "uv"}
    model = graph(writer)
    model.compile("adam", loss={"u": "mse", "v": "mae"}, loss_weights={"u": 1.0, "v": 0.5})
    model.fit(data, targets, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(outputs(loaded, data), outputs(model, data), atol=TOLERANCE)
    same_state(model, loaded)
    loaded.save(tmp_path / "again.keras")
    again = writer.saving.load_model(tmp_path / "again.keras")
    np.testing.assert_allclose(outputs(again, data), outputs(model, data), atol=TOLERANCE)


def test_graph_of_ops(crossing, rng, tmp_path, outputs):
    writer, reader = crossing
    x = rng.normal(size=(5, 4, 6)).astype("float32")
    model = operations(writer)
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(outputs(loaded, x), outputs(model, x), atol=TOLERANCE)
    loaded.save(tmp_path / "again.keras")
    again = writer.saving.load_model(tmp_path / "again.keras")
    np.testing.assert_allclose(outputs(again, x), outputs(model, x), atol=TOLERANCE)


def random_graph(k, seed: int):
    """A graph of 4 to 10 layers and ops whose wiring the seed decides."""
    r = np.random.default_rng(seed)
    pool = [k.Input((6,)) for _ in range(r.integers(1, 3))]
    inputs = list(pool)
    reused = [k.layers.Dense(6), k.Sequential([k.Input((6,)), k.layers.Dense(6, "relu")])]
    for _ in range(r.integers(4, 11)):
        x, y = (pool[i] for i in r.integers(0, len(pool), 2))
        kind = r.integers(0, 7)
        if kind == 0:
            x = k.layers.Dense(6, activation=["relu", "tanh", None][r.integers(3)])(x)
        elif kind == 1:
            x = reused[r.integers(2)](x)
        elif kind == 2:
            x = k.layers.Add()([x, y])
        elif kind == 3:
            x = x * 0.5 + k.ops.tanh(y)
        elif kind == 4:
            x = k.layers.Dense(6)(k.layers.Concatenate()([x, y]))
        elif kind == 5:
            x = k.layers.LayerNormalization()(x)
        else:
            inside = k.Input((6,))
            x = k.Model(inside, k.layers.Dense(6)(inside) + inside)(x)
        pool.append(x)
    made = pool[len(inputs) :]
    ends = [made[-1], *(made[i] for i in sorted({*r.integers(0, len(made), 2)}))]
    ends = list({id(t): t for t in ends}.values())
    total = ends[0]
    for t in inputs:
        total = total + t
    return k.Model(inputs, [k.layers.Dense(3)(total), *ends[1:]])


@pytest.mark.parametrize("seed", range(8))
def test_random_graphs(crossing, seed, rng, tmp_path, outputs):
    writer, reader = crossing
    model = random_graph(writer, seed)
    x = [rng.normal(size=(3, 6)).astype("float32") for _ in model.inputs]
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(outputs(loaded, x), outputs(model, x), atol=TOLERANCE)
    # Weights alone, into a model that the other library's code made.
    model.save_weights(tmp_path / "model.weights.h5")
    made = random_graph(reader, seed)
    made.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(outputs(made, x), outputs(model, x), atol=TOLERANCE)


def test_uncompiled_and_compiled_but_untrained(ways, image_data, tmp_path, outputs):
    writer, reader = ways
    x, _ = image_data
    model = chain(writer)
    model.save(tmp_path / "model.keras")
    assert not reader.saving.load_model(tmp_path / "model.keras").compiled
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.optimizer.learning_rate = 0.25
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    assert float(loaded.optimizer.learning_rate) == 0.25
    np.testing.assert_allclose(outputs(loaded, x), outputs(model, x), atol=TOLERANCE)
    assert not reader.saving.load_model(tmp_path / "model.keras", compile=False).compiled


def test_optimizer_saved_before_its_first_step(tmp_path):
    model = chain(kdist)
    model.compile(kdist.optimizers.Adam(0.125), "mse")
    model.save(tmp_path / "model.keras")
    loaded = kdist.saving.load_model(tmp_path / "model.keras")
    assert float(loaded.optimizer.learning_rate) == 0.125
    assert loaded.optimizer.built


def test_seeds_go_on_where_they_stood(image_data, tmp_path):
    x, _ = image_data
    model = chain(kdist)
    model(x, training=True)
    model.save(tmp_path / "model.keras")
    loaded = kdist.saving.load_model(tmp_path / "model.keras")
    draw = lambda m: kdist.ops.convert_to_numpy(m.layers[3](np.ones((2, 64), "f4"), training=True))
    first = draw(model)
    np.testing.assert_array_equal(first, draw(loaded))
    assert not np.array_equal(first, draw(loaded))


def test_loss_scale_optimizer(crossing, image_data, tmp_path):
    writer, reader = crossing
    x, y = image_data
    model = chain(writer)
    model.compile(writer.optimizers.LossScaleOptimizer(writer.optimizers.Adam(1e-2)), "mse")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    inner = lambda m: [np.asarray(v.numpy()) for v in m.optimizer.inner_optimizer.variables]
    for v, w in zip(inner(model), inner(loaded), strict=True):
        np.testing.assert_array_equal(v, w)
    assert float(loaded.optimizer.dynamic_scale.numpy()) == float(
        model.optimizer.dynamic_scale.numpy()
    )


def test_bfloat16_weights(ways, tmp_path):
    writer, reader = ways
    make = lambda k: k.Sequential([k.Input((3,)), k.layers.Dense(2, dtype="bfloat16")])
    model = make(writer)
    model.save_weights(tmp_path / "m.weights.h5")
    loaded = make(reader)
    loaded.load_weights(tmp_path / "m.weights.h5")
    for v, w in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(
            np.asarray(v.numpy(), "float32"), np.asarray(w.numpy(), "float32")
        )
