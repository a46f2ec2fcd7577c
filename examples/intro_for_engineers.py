"""A walk through kdist for engineers: unchanged on JAX, PyTorch and TensorFlow.

KDIST_BACKEND=jax python examples/intro_for_engineers.py            the whole walk
KDIST_BACKEND=torch python examples/intro_for_engineers.py --short  a few batches of everything
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import pathlib
import sys
import tempfile

import numpy as np

import kdist
from kdist import layers, ops

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import digits
import training_steps


def convnet() -> kdist.Model:
    """Images of digits to probabilities of classes: 260,298 parameters."""
    return kdist.Sequential(
        [
            kdist.Input(shape=(28, 28, 1)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(128, kernel_size=(3, 3), activation="relu"),
            layers.Conv2D(128, kernel_size=(3, 3), activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def first_model(x, y, x_test, y_test, batch_size: int, epochs: int) -> None:
    """Build, train, evaluate, save, load, predict."""
    model = convnet()
    model.summary()
    model.compile(
        loss=kdist.losses.SparseCategoricalCrossentropy(),
        optimizer=kdist.optimizers.Adam(learning_rate=1e-3),
        metrics=[kdist.metrics.SparseCategoricalAccuracy(name="acc")],
    )
    history = model.fit(
        x,
        y,
        batch_size=batch_size,
        epochs=epochs,
        validation_split=0.15,
        callbacks=[
            kdist.callbacks.ModelCheckpoint(filepath="model_at_epoch_{epoch}.keras"),
            kdist.callbacks.EarlyStopping(monitor="val_loss", patience=2),
        ],
    )
    print("history:", {k: [round(v, 4) for v in values] for k, values in history.history.items()})
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test loss {loss:.4f}, accuracy {accuracy:.4f}")
    model.save("final_model.keras")
    again = kdist.saving.load_model("final_model.keras")
    difference = np.abs(again.predict(x_test, verbose=0) - model.predict(x_test, verbose=0)).max()
    print(f"saved, loaded, same predictions: largest difference {difference:.1e}")


@kdist.saving.register_keras_serializable(package="intro")
class MyDense(layers.Layer):
    """A layer of one's own: variables, and a computation by `kdist.ops`."""

    def __init__(self, units: int, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = kdist.activations.get(activation)

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=kdist.initializers.GlorotNormal(),
            name="kernel",
            trainable=True,
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, inputs):
        return self.activation(ops.matmul(inputs, self.w) + self.b)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": kdist.activations.serialize(self.activation),
        }


@kdist.saving.register_keras_serializable(package="intro")
class MyDropout(layers.Layer):
    """Randomness in a layer: a seed generator whose state is saved with the model."""

    def __init__(self, rate: float, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.seed_generator = kdist.random.SeedGenerator(1337)

    def call(self, inputs, training=None):
        return (
            kdist.random.dropout(inputs, self.rate, seed=self.seed_generator)
            if training
            else inputs
        )

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


@kdist.saving.register_keras_serializable(package="intro")
class MyModel(kdist.Model):
    """A model of one's own, by subclassing."""

    def __init__(self, num_classes: int, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.base = kdist.Sequential(
            [
                layers.Conv2D(16, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(32, 3, activation="relu"),
                layers.GlobalAveragePooling2D(),
            ]
        )
        self.dropout = MyDropout(0.5)
        self.dense = MyDense(num_classes, activation="softmax")

    def call(self, x):
        return self.dense(self.dropout(self.base(x)))

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


def own_layers(x, y, batch_size: int) -> None:
    model = MyModel(num_classes=10)
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["acc"])
    model.fit(x, y, batch_size=batch_size, epochs=1, verbose=2)
    model.save("my_model.keras")
    again = kdist.saving.load_model("my_model.keras")
    print(
        "own layers, saved and loaded:",
        np.allclose(again.predict(x[:64], verbose=0), model.predict(x[:64], verbose=0), atol=1e-6),
    )


class Digits(kdist.utils.PyDataset):
    """Batches computed in Python, by workers ahead of the training."""

    def __init__(self, x, y, batch_size: int, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self):
        return -(-len(self.x) // self.batch_size)

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.x[rows], self.y[rows]


def small_model() -> kdist.Model:
    model = kdist.Sequential(
        [
            kdist.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["acc"])
    return model


def sources(x, y, batch_size: int):
    """(name, arguments of fit) for every kind of data whose library is installed. Any of them goes with any backend."""
    yield "numpy", {"x": x, "y": y, "batch_size": batch_size}
    weights = np.where(y == 0, 2.0, 1.0)
    yield (
        "numpy with sample weights",
        {"x": x, "y": y, "sample_weight": weights, "batch_size": batch_size},
    )
    yield (
        "numpy with class weights",
        {"x": x, "y": y, "class_weight": {0: 2.0}, "batch_size": batch_size},
    )
    yield "PyDataset", {"x": Digits(x, y, batch_size, workers=2)}

    def generator():
        for start in range(0, len(x), batch_size):
            yield x[start : start + batch_size], y[start : start + batch_size]

    yield "generator", {"x": generator()}
    if importlib.util.find_spec("tensorflow"):
        import tensorflow as tf

        yield "tf.data", {"x": tf.data.Dataset.from_tensor_slices((x, y)).batch(batch_size)}
    if importlib.util.find_spec("torch"):
        import torch

        data = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
        yield "DataLoader", {"x": torch.utils.data.DataLoader(data, batch_size=batch_size)}


def data_sources(x, y, batch_size: int) -> None:
    for name, data in sources(x, y, batch_size):
        history = small_model().fit(**data, epochs=1, verbose=0)
        print(f"{name}: loss {history.history['loss'][0]:.4f}")
    if importlib.util.find_spec("pandas"):
        import pandas

        table = pandas.DataFrame(x[:, 14, :, 0])  # the middle row of pixels
        model = kdist.Sequential([layers.Dense(10, activation="softmax")])
        model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd")
        history = model.fit(table, pandas.Series(y), batch_size=batch_size, epochs=1, verbose=0)
        print(f"pandas: loss {history.history['loss'][0]:.4f}")


def functional(x, y, batch_size: int) -> None:
    """Several inputs and outputs, a layer used twice, a model inside a model."""
    upper, lower = x[:, :14], x[:, 14:]
    encoder_input = kdist.Input((14, 28, 1), name="half")
    h = layers.Conv2D(8, 3, activation="relu")(encoder_input)
    encoder = kdist.Model(encoder_input, layers.GlobalMaxPooling2D()(h), name="encoder")
    top, bottom = kdist.Input((14, 28, 1), name="top"), kdist.Input((14, 28, 1), name="bottom")
    both = layers.concatenate([encoder(top), encoder(bottom)])
    digit = layers.Dense(10, activation="softmax", name="digit")(both)
    even = layers.Dense(1, activation="sigmoid", name="even")(both)
    model = kdist.Model({"top": top, "bottom": bottom}, {"digit": digit, "even": even})
    model.summary()
    model.compile(
        optimizer="adam",
        loss={"digit": "sparse_categorical_crossentropy", "even": "binary_crossentropy"},
        loss_weights={"digit": 1.0, "even": 0.5},
        metrics={"digit": ["acc"]},
    )
    targets = {"digit": y, "even": (y % 2 == 0).astype("float32")[:, None]}
    model.fit({"top": upper, "bottom": lower}, targets, batch_size=batch_size, epochs=1, verbose=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="a few batches of everything")
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    train, test = (512, 256) if options.short else (digits.TRAIN, 1500)
    (x, y), (x_test, y_test) = digits.load(train, test)
    kdist.utils.set_random_seed(0)
    print(f"backend: {kdist.config.backend()}; x {x.shape}, y {y.shape}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            first_model(
                x, y, x_test, y_test, batch_size=128, epochs=1 if options.short else options.epochs
            )
            own_layers(x[:2048], y[:2048], batch_size=128)
            data_sources(x[:2048], y[:2048], batch_size=64)
            functional(x[:2048], y[:2048], batch_size=128)
            training_steps.custom_train_step(x[:2048], y[:2048])
            training_steps.loop_from_scratch(x[:2048], y[:2048])
        finally:
            os.chdir(pathlib.Path(__file__).parent)


if __name__ == "__main__":
    main()
