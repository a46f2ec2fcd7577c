"""Every kind of data trains the same model, on every backend."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import kdist
from kdist import layers, ops
from kdist.core import dtypes

N, BATCH = 22, 8
RNG = np.random.default_rng(3)
X = RNG.normal(size=(N, 4)).astype("float32")
Y = RNG.normal(size=(N, 1)).astype("float32")
BATCHES = [(X[i : i + BATCH], Y[i : i + BATCH]) for i in range(0, N, BATCH)]


class Pairs(kdist.utils.PyDataset):
    def __len__(self):
        return len(BATCHES)

    def __getitem__(self, index):
        return BATCHES[index]


def arrays():
    return {"x": X, "y": Y, "batch_size": BATCH}


def pandas():
    return {"x": pd.DataFrame(X), "y": pd.DataFrame(Y), "batch_size": BATCH}


def tensors():
    return {"x": ops.convert_to_tensor(X), "y": ops.convert_to_tensor(Y), "batch_size": BATCH}


def tf_data():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages, at their import
        import tensorflow as tf
    return {"x": tf.data.Dataset.from_tensor_slices((X, Y)).batch(BATCH)}


def data_loader():
    torch = pytest.importorskip("torch")
    pairs = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return {"x": torch.utils.data.DataLoader(pairs, batch_size=BATCH)}


def py_dataset():
    return {"x": Pairs()}


def py_dataset_with_workers():
    return {"x": Pairs(workers=2, use_multiprocessing=False)}


def generator():
    return {"x": (batch for _ in range(2) for batch in BATCHES), "steps_per_epoch": len(BATCHES)}


def iterable():
    return {"x": list_of_batches()}


class list_of_batches:
    def __iter__(self):
        return iter(BATCHES)


SOURCES = [
    arrays,
    pandas,
    tensors,
    tf_data,
    data_loader,
    py_dataset,
    py_dataset_with_workers,
    generator,
    iterable,
]


@pytest.fixture(scope="module")
def model():
    """One model, trained anew from the same weights, so that a backend compiles one step."""
    made = kdist.Sequential(
        [kdist.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dense(1)]
    )
    made.compile(kdist.optimizers.SGD(0.1), "mse", metrics=["mae"])
    made.start = made.get_weights()
    return made


@pytest.fixture(scope="module")
def expected(model):
    return trained(model, arrays)


def trained(model, source):
    model.set_weights(model.start)
    history = model.fit(**source(), epochs=2, shuffle=False, verbose=0).history
    return history, model.get_weights()


@pytest.mark.parametrize("source", SOURCES, ids=lambda f: f.__name__)
def test_training_is_the_same(model, expected, source):
    history, weights = trained(model, source)
    assert set(history) == {"loss", "mae"}
    for name, values in expected[0].items():
        np.testing.assert_allclose(history[name], values, rtol=1e-6)
    for a, b in zip(weights, expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("source", [tf_data, data_loader, py_dataset], ids=lambda f: f.__name__)
def test_evaluation_and_prediction_are_the_same(model, source):
    model.set_weights(model.start)
    data = source()["x"]
    np.testing.assert_allclose(
        model.evaluate(data, verbose=0),
        model.evaluate(X, Y, batch_size=BATCH, verbose=0),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        model.predict(data, verbose=0), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )


STRUCTURES = {
    "list": [X[:, :1], X[:, 1:]],
    "tuple": (X[:, :1], X[:, 1:]),
    "dict": {"a": X[:, :1], "b": X[:, 1:]},
    "nested": {"a": [X[:, :1]], "b": (X[:, 1:],)},
}


class Joined(kdist.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        parts = x.values() if isinstance(x, dict) else x
        parts = [p[0] if isinstance(p, list | tuple) else p for p in parts]
        return self.dense(ops.concatenate(parts, axis=-1))


@pytest.mark.parametrize("form", STRUCTURES)
def test_structures_of_inputs_reach_the_model(form):
    x = STRUCTURES[form]
    model = Joined()
    model.compile("sgd", "mse")
    model.fit(x, Y, batch_size=11, verbose=0)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(
        model.predict(x, batch_size=11, verbose=0), X @ kernel + bias, rtol=1e-5, atol=1e-5
    )


def test_integers_and_booleans_arrive_as_they_are():
    seen = []

    class Looking(kdist.Model):
        def call(self, x):
            seen.append(tuple(dtypes.standardize_dtype(x[key].dtype) for key in ("i", "b", "f")))
            return x["f"]

    data = {"i": np.arange(4, dtype="int32"), "b": np.ones(4, bool), "f": np.ones(4, "float64")}
    model = Looking()
    assert model.predict(data, verbose=0).dtype == np.float32
    assert set(seen) == {("int32", "bool", "float32")}
