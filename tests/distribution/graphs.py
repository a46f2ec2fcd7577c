"""Random graphs of layers: whatever a plan says must hold for any model."""

from __future__ import annotations

import numpy as np

WIDTH, CLASSES = 16, 5
ACTIVATIONS = (None, None, "relu", "gelu", "tanh")


class Graph:
    """Draws a model.

    Arguments:
        layers: kdist's.
        seed: the same number, the same model.
        length: of sequences, and how many rows an image has.
    """

    def __init__(self, layers, seed: int, length: int = 8):
        self.layers, self.rng, self.length = layers, np.random.default_rng(seed), length
        self.kind = self.one_of("vectors", "sequences", "tokens", "images")

    def one_of(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def model(self, kdist):
        shape = {"vectors": (WIDTH,), "sequences": (self.length, WIDTH), "tokens": (self.length,)}
        inputs = kdist.Input(
            shape.get(self.kind, (self.length, 8, 4)),
            dtype="int32" if self.kind == "tokens" else "float32",
        )
        x = inputs if self.kind != "tokens" else self.layers.Embedding(24, WIDTH)(inputs)
        x = self.several(x, most=3, branches=True)
        ends = [self.layers.Flatten()]
        if self.kind == "images":
            ends.append(self.layers.GlobalAveragePooling2D())
        elif self.kind != "vectors":
            ends += [self.layers.GlobalAveragePooling1D(), self.layers.Identity()]
        return kdist.Model(inputs, self.layers.Dense(CLASSES)(self.one_of(*ends)(x)))

    def several(self, x, most: int, branches: bool):
        kinds = [self.product, self.pair, self.alone]
        if self.kind in ("sequences", "tokens"):
            kinds += [self.attention] * 2
        if branches:
            kinds += [self.residual, self.joined, self.gated]
        for _ in range(self.rng.integers(1, most + 1)):
            x = self.one_of(*kinds)(x)
        return x

    def linear(self, units: int, activation=None, size: int = 1):
        if self.kind == "images":
            return self.layers.Conv2D(units, size, padding="same", activation=activation)
        return self.layers.Dense(units, activation=activation)

    def product(self, x):
        return self.linear(self.one_of(16, 32), self.one_of(*ACTIVATIONS), size=3)(x)

    def pair(self, x):
        up = self.linear(32, self.one_of(*ACTIVATIONS), size=3)
        return self.linear(WIDTH, self.one_of(*ACTIVATIONS))(up(x))

    def alone(self, x):
        if self.kind == "images":
            return self.layers.ReLU()(x)
        return self.layers.LayerNormalization()(x)

    def attention(self, x):
        return self.layers.MultiHeadAttention(2, 8)(x, x)

    def branch(self, x):
        return self.several(x, most=2, branches=False)

    def residual(self, x):
        out = self.branch(x)
        if out.shape[-1] != x.shape[-1]:
            out = self.linear(x.shape[-1])(out)
        return self.layers.Add()([x, out])

    def joined(self, x):
        return self.layers.Concatenate()([self.branch(x), self.branch(x)])

    def gated(self, x):
        a, b = self.branch(x), self.branch(x)
        join = self.layers.Multiply() if a.shape == b.shape else self.layers.Concatenate()
        return join([a, b])


def compiled(seed: int, kdist, rows: int = 16, length: int = 8):
    """(model, x, y)."""
    model = Graph(kdist.layers, seed, length).model(kdist)
    model.compile("adam", "mse")
    rng = np.random.default_rng(seed)
    [inputs] = model.inputs
    x = rng.integers(0, 24, (rows, *inputs.shape[1:])).astype(inputs.dtype)
    return model, x, np.zeros((rows, *model.output.shape[1:]), "float32")
