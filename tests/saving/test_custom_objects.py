"""Classes and functions of one's own in files: registered in both libraries under one name."""

from __future__ import annotations

import numpy as np
import pytest

import kdist


def define(k):
    """A model of one's own, with a layer, a function and state in every kind of place."""
    layers, register = k.layers, k.saving.register_keras_serializable("tests")

    @register
    def bent(x):
        return k.ops.maximum(x, 0.1 * x)

    @register
    class Gated(layers.Layer):
        def __init__(self, units, inner=None, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.inner = inner or layers.Dense(units, activation=bent)

        def build(self, input_shape):
            self.inner.build(input_shape)
            self.gate = self.add_weight(shape=(self.units,), initializer="uniform", name="gate")
            self.seen = self.add_weight(shape=(), trainable=False, initializer="ones")
            self.built = True

        def call(self, x):
            return self.inner(x) * self.gate + self.seen

        def get_config(self):
            inner = k.saving.serialize_keras_object(self.inner)
            return {**super().get_config(), "units": self.units, "inner": inner}

        @classmethod
        def from_config(cls, config):
            inner = k.saving.deserialize_keras_object(config.pop("inner"))
            return cls(inner=inner, **config)

    @register
    class Custom(k.Model):
        def __init__(self, width=4, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.zed = Gated(width)
            self._private = layers.Dense(width)
            self.blocks = [layers.Dense(width), [layers.Dense(width)], {"q": layers.Dense(2)}]
            self.pair = (layers.Dense(width), layers.Dense(width))
            self.norm = layers.BatchNormalization()
            self.drop = layers.Dropout(0.1, seed=1)
            self.tracker = k.metrics.Mean("tracker")
            self.seeds = k.random.SeedGenerator(5)

        @property
        def alias(self):
            return self._private

        @property
        def unavailable(self):
            raise RuntimeError("this property cannot be computed")

        def call(self, x, training=False):
            x = self.norm(self._private(self.zed(x)), training=training)
            x = self.drop(self.pair[1](self.pair[0](x)), training=training)
            return self.blocks[2]["q"](self.blocks[1][0](self.blocks[0](x)))

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    return Custom


@pytest.fixture(scope="module")
def classes(request):
    keras = request.getfixturevalue("keras")
    return {kdist: define(kdist), keras: define(keras)}


@pytest.fixture
def data(rng):
    return rng.normal(size=(12, 6)).astype("float32"), rng.normal(size=(12, 2)).astype("float32")


def test_subclassed_model(ways, classes, data, tmp_path, outputs):
    writer, reader = ways
    x, y = data
    model = classes[writer](5)
    model.compile("adam", writer.losses.MeanSquaredError(), metrics=["mae"])
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is classes[reader] and loaded.width == 5
    np.testing.assert_allclose(outputs(loaded, x), outputs(model, x), atol=1e-5)
    for v, w in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(v.numpy()), np.asarray(w.numpy()))
    loaded.fit(x, y, verbose=0)
    assert np.abs(outputs(loaded, x) - outputs(model, x)).max() > 1e-4
    model.save_weights(tmp_path / "model.weights.h5")
    loaded.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(outputs(loaded, x), outputs(model, x), atol=1e-5)


def test_sharded_weights(ways, classes, data, tmp_path, outputs):
    writer, reader = ways
    x, _ = data
    model, other = classes[writer](5), classes[reader](5)
    model(x), other(x)
    model.save_weights(tmp_path / "model.weights.json", max_shard_size=300 / 2**30)
    assert len(list(tmp_path.glob("model_*.weights.h5"))) > 2
    other.load_weights(tmp_path / "model.weights.json")
    np.testing.assert_allclose(outputs(other, x), outputs(model, x), atol=1e-5)
    if writer is kdist:
        model.save_weights(tmp_path / "model.weights.json", max_shard_size=1)
        assert [p.name for p in tmp_path.glob("*.h5")] == ["model_00000.weights.h5"]
        other.load_weights(tmp_path / "model.weights.json")
        with pytest.raises(ValueError, match="max_shard_size"):
            model.save_weights(tmp_path / "model.weights.json", max_shard_size=4 / 2**30)
        other.load_weights(tmp_path / "model.weights.json")


def test_custom_objects_argument(data, tmp_path, outputs):
    class Doubled(kdist.layers.Layer):
        def call(self, x):
            return x * 2

    x, _ = data
    model = kdist.Sequential([kdist.Input((6,)), Doubled(), kdist.layers.Dense(2)])
    model.save(tmp_path / "model.keras")
    with pytest.raises(TypeError, match=r"(?s)'Doubled'.*register_keras_serializable"):
        kdist.saving.load_model(tmp_path / "model.keras")
    loaded = kdist.saving.load_model(tmp_path / "model.keras", {"Doubled": Doubled})
    np.testing.assert_array_equal(outputs(loaded, x), outputs(model, x))
    with kdist.saving.custom_object_scope({"Doubled": Doubled}):
        kdist.saving.load_model(tmp_path / "model.keras")


def test_assets(tmp_path):
    @kdist.saving.register_keras_serializable("tests")
    class Worded(kdist.layers.Layer):
        words = ()

        def call(self, x):
            return x

        def save_assets(self, dir_path):
            with open(f"{dir_path}/words.txt", "w") as f:
                f.write("\n".join(self.words))

        def load_assets(self, dir_path):
            with open(f"{dir_path}/words.txt") as f:
                self.words = tuple(f.read().split("\n"))

    model = kdist.Sequential([kdist.Input((6,)), Worded(), kdist.layers.Dense(1)])
    model.layers[0].words = ("one", "two")
    for path, zipped in (("model.keras", True), ("folder", False)):
        model.save(tmp_path / path, zipped=zipped)
        loaded = kdist.saving.load_model(tmp_path / path)
        assert loaded.layers[0].words == ("one", "two")


def test_own_storing(tmp_path):
    @kdist.saving.register_keras_serializable("tests")
    class Named(kdist.layers.Dense):
        def save_own_variables(self, store):
            store["the_kernel"] = self.kernel

        def load_own_variables(self, store):
            self.kernel.assign(store["the_kernel"])

    model = kdist.Sequential([kdist.Input((3,)), Named(2)])
    model.save(tmp_path / "model.keras")
    loaded = kdist.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.layers[0].kernel.numpy(), model.layers[0].kernel.numpy())


def test_lambda_needs_trust(tmp_path, rng, outputs):
    x = rng.normal(size=(2, 3)).astype("float32")
    layer = kdist.layers.Lambda(lambda t: t * 3.0)
    model = kdist.Sequential([kdist.Input((3,)), layer])
    with pytest.warns(UserWarning, match="lambda"):
        model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="safe_mode=False"):
        kdist.saving.load_model(tmp_path / "model.keras")
    loaded = kdist.saving.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_array_equal(outputs(loaded, x), outputs(model, x))


def test_functions(ways, data, tmp_path):
    """Functions, the library's and one's own, as losses, metrics and activations."""
    writer, reader = ways
    x, y = data
    for k in {writer, reader}:

        @k.saving.register_keras_serializable("tests")
        def distance(y_true, y_pred, k=k):
            return k.ops.sum(k.ops.abs(y_true - y_pred), axis=-1)

        if k is writer:
            own = distance
    model = writer.Sequential(
        [writer.Input((6,)), writer.layers.Dense(2, activation=writer.activations.softplus)]
    )
    model.compile("sgd", own, metrics=[writer.losses.mean_absolute_error, own])
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    before = model.evaluate(x, y, verbose=0, return_dict=True)
    after = loaded.evaluate(x, y, verbose=0, return_dict=True)
    assert before.keys() == after.keys() == {"loss", "mean_absolute_error", "distance"}
    for name in before:
        assert after[name] == pytest.approx(before[name], abs=1e-5)
