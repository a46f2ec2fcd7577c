"""Small models in which layers that are whole come before ones that are cut: their features do not divide."""

from __future__ import annotations

import numpy as np

WIDTH = 7


def models(kdist) -> dict:
    """Name -> function of an input's tensor, (times, features)."""
    layers = kdist.layers

    def dense(units, act=None):
        return layers.Dense(units, activation=act)

    def pair(x, act="gelu"):
        """Two products, which are cut by columns and by rows."""
        return dense(WIDTH)(dense(16, act)(x))

    def linear_path(x):
        return pair(layers.Rescaling(2.0)(dense(WIDTH)(dense(WIDTH)(x))))

    def residual(x):
        x = dense(WIDTH)(x)
        for _ in range(2):
            x = layers.Add()([x, pair(layers.LayerNormalization()(x))])
        return x

    def residual_of_sums(x):
        x = dense(WIDTH)(x)
        for _ in range(2):
            x = layers.Add()([x, pair(x)])
        return x

    def attention(x):
        x = dense(WIDTH)(x)
        return pair(layers.MultiHeadAttention(2, 4)(x, x))

    def read_twice(x):
        x = dense(WIDTH)(x)
        gate, up = dense(16, "tanh"), dense(16)
        return dense(WIDTH)(layers.Multiply()([gate(x), up(x)]))

    return {
        "whole_linear": lambda x: pair(dense(WIDTH)(x)),
        "whole_that_activates": lambda x: pair(dense(WIDTH, "relu")(x)),
        "whole_linear_path": linear_path,
        "whole_between_pairs": lambda x: pair(dense(WIDTH)(pair(x))),
        "whole_residual": residual,
        "whole_residual_of_sums": residual_of_sums,
        "whole_attention": attention,
        "whole_read_twice": read_twice,
    }


def compiled(name, kdist, rows=16):
    """(model, x, y)."""
    x = kdist.Input((6, WIDTH))
    model = kdist.Model(x, kdist.layers.Dense(3)(models(kdist)[name](x)))
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((rows, 6, size)).astype("float32") for size in (WIDTH, 3))
    return model, x, y


NAMES = ("whole_linear", "whole_that_activates", "whole_linear_path", "whole_between_pairs", "whole_residual",
         "whole_residual_of_sums", "whole_attention", "whole_read_twice")  # fmt: skip
