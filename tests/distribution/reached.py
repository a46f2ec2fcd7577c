"""Models of which a step's gradients reach only a part: what else there is has none, or is not even read."""

from __future__ import annotations

import numpy as np

WIDTH = 24


def models(kdist) -> dict:
    """Name -> function of an input's tensor and another one's."""
    layers = kdist.layers

    def dense(units, act=None):
        return layers.Dense(units, activation=act)

    class Held(layers.Layer):
        """Calls one layer, stops the gradient of the second, and leaves the third."""

        def __init__(self):
            super().__init__()
            self.parts = [dense(WIDTH, "tanh") for _ in range(3)]

        def build(self, shape):
            for part in self.parts:
                part.build(shape)

        def call(self, x):
            used, stopped, _ = self.parts
            return used(x) + kdist.ops.stop_gradient(stopped(x))

    class Container(kdist.Model):
        """Does so with layers that are gathered one by one."""

        def __init__(self):
            super().__init__()
            self.parts = [dense(WIDTH, "tanh") for _ in range(3)]

        build, call = Held.build, Held.call

    class Stopped(layers.Layer):
        def call(self, x):
            return kdist.ops.stop_gradient(x)

    def gated(x, other):
        gate, up = dense(16, "tanh"), dense(16, "tanh")
        return dense(8)(layers.Multiply()([gate(x), up(other)]))

    def gated_alike(x, other):
        x = layers.Add()([dense(WIDTH)(dense(16, "tanh")(x)), other])
        x = layers.LayerNormalization()(x)
        return gated(x, x)

    def gated_twice(x, other):
        x = layers.LayerNormalization()(dense(WIDTH)(dense(16, "tanh")(x)))
        return gated(x, other)

    def attends(x, other):
        keys = layers.Reshape((6, 4))(other)
        queries = layers.Reshape((6, 4))(dense(WIDTH)(x))
        return layers.Flatten()(layers.MultiHeadAttention(2, 4)(queries, keys))

    return {
        "gated": gated,
        "gated_twice": gated_twice,
        "gated_alike": gated_alike,
        "attends": attends,
        "unused": lambda x, other: dense(8)(layers.Add()([Held()(x), other])),
        "unused_layers": lambda x, other: dense(8)(layers.Add()([Container()(x), other])),
        "stopped": lambda x, other: dense(8)(layers.Add()([Stopped()(dense(WIDTH)(x)), other])),
    }


def compiled(name, kdist, rows=16):
    """(model, x, y)."""
    inputs = [kdist.Input((WIDTH,)), kdist.Input((WIDTH,))]
    model = kdist.Model(inputs, models(kdist)[name](*inputs))
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    x = [rng.standard_normal((rows, WIDTH)).astype("float32") for _ in inputs]
    y = rng.standard_normal((rows, *model.output_shape[1:])).astype("float32")
    return model, x, y


# For strategies that cut computations, and for those that gather parameters.
CUT, GATHERED = (
    ("gated", "gated_twice", "gated_alike", "attends"),
    ("unused", "unused_layers", "stopped"),
)
NAMES = (*CUT, *GATHERED)
