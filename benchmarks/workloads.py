"""The three models, in the words that Keras and kdist share, and their data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Workload:
    """`samples` makes an epoch long enough for the fixed cost of a fit to vanish beside the steps."""

    batch: int
    samples: int
    predict_samples: int


WORKLOADS = {
    "mlp": Workload(32, 32 * 400, 32 * 400),
    "convnet": Workload(32, 32 * 12, 32 * 12),
    "transformer": Workload(16, 16 * 16, 16 * 16),
}
VOCABULARY, LENGTH, WIDTH, HEADS, HIDDEN, CLASSES = 1000, 64, 128, 4, 256, 10


def data(name: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, n).astype("int32")
    if name == "mlp":
        return rng.standard_normal((n, 64)).astype("float32"), y
    if name == "convnet":
        return rng.standard_normal((n, 28, 28, 1)).astype("float32"), y
    return rng.integers(0, VOCABULARY, (n, LENGTH)).astype("int32"), y


def model(lib: Any, name: str) -> Any:
    """The model in `lib`, which is kdist or keras."""
    layers = lib.layers
    if name == "mlp":
        return lib.Sequential(
            [
                lib.Input((64,)),
                layers.Dense(256, activation="relu"),
                layers.Dense(256, activation="relu"),
                layers.Dense(CLASSES),
            ]
        )
    if name == "convnet":
        return lib.Sequential(
            [
                lib.Input((28, 28, 1)),
                layers.Conv2D(32, 3, activation="relu"),
                layers.Conv2D(32, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(64, 3, activation="relu"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(CLASSES),
            ]
        )
    x = inputs = lib.Input((LENGTH,), dtype="int32")
    x = layers.Embedding(VOCABULARY, WIDTH)(x)
    for _ in range(2):
        h = layers.LayerNormalization(epsilon=1e-5)(x)
        x = layers.Add()([x, layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(h, h)])
        h = layers.LayerNormalization(epsilon=1e-5)(x)
        h = layers.Dense(HIDDEN, activation="relu")(h)
        x = layers.Add()([x, layers.Dense(WIDTH)(h)])
    x = layers.GlobalAveragePooling1D()(x)
    return lib.Model(inputs, layers.Dense(CLASSES)(x))


def compiled(lib: Any, name: str) -> Any:
    m = model(lib, name)
    m.compile(
        optimizer=lib.optimizers.Adam(1e-3),
        loss=lib.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return m
