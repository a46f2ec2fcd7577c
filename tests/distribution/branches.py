"""Models whose branches lie side by side: what reads a layer's output is not what the model holds next."""

from __future__ import annotations

import numpy as np


def models(kdist, n) -> dict:
    """Name -> function of an input's tensor, which gives `n` features, as many as it has."""
    layers, ops = kdist.layers, kdist.ops

    def dense(units, act="tanh"):
        return layers.Dense(units, activation=act)

    def chain(x, units):
        return dense(n)(dense(units)(x))

    def add(*branches):
        return layers.LayerNormalization()(layers.Add()(branches))

    def block():
        inputs = kdist.Input((n,))
        return kdist.Model(inputs, layers.Add()([chain(inputs, 3 * n // 2), chain(inputs, 2 * n)]))

    def beside_a_gate(x):
        gated = layers.Multiply()([dense(2 * n)(x), dense(2 * n)(x)])
        return add(dense(n)(gated), chain(x, 2 * n))

    def read_twice(x):
        x = dense(2 * n)(x)
        return add(dense(n)(x), dense(n)(x))

    def read_whole_too(x):
        x = dense(n)(x)
        return add(x, chain(x, 2 * n))

    def half_gated(x):
        return dense(n)(layers.Multiply()([dense(2 * n)(x), layers.Concatenate()([x, x])]))

    def operations(x):
        hidden = ops.silu(dense(2 * n, None)(x)) * dense(2 * n, None)(x) + dense(2 * n)(x)
        return layers.LayerNormalization()(dense(n)(hidden) + x)

    def called_twice(x):
        up, down = dense(2 * n), dense(n)
        return add(down(up(x)), down(up(dense(n)(x))))

    def called_twice_apart(x):
        up = dense(2 * n)
        return add(dense(n)(up(x)), layers.LayerNormalization()(up(dense(n)(x)))[..., :n])

    return {
        "two_chains": lambda x: add(chain(x, 3 * n // 2), chain(x, 2 * n)),
        "two_chains_alike": lambda x: add(chain(x, 2 * n), chain(x, 2 * n)),
        "long_and_short": lambda x: add(chain(chain(x, 2 * n), 2 * n), dense(n)(x)),
        "added": lambda x: dense(n)(
            layers.Add()([dense(2 * n)(x), dense(2 * n)(x), dense(2 * n)(x)])
        ),
        "joined": lambda x: dense(n)(
            layers.Concatenate()([dense(3 * n // 2)(x), dense(n // 2)(x)])
        ),
        "beside_a_gate": beside_a_gate,
        "half_gated": half_gated,
        "read_twice": read_twice,
        "read_whole_too": read_whole_too,
        "operations": operations,
        "nested": lambda x: block()(chain(x, 2 * n)),
        "called_twice": called_twice,
        "called_twice_apart": called_twice_apart,
    }


def compiled(name, kdist, rows=16, shape=(64,)):
    """(model, x, y) of samples of `shape`. Products of 64 features are large enough to be cut alone, of 16 not."""
    inputs = kdist.Input(shape)
    x = kdist.layers.LayerNormalization()(inputs)
    x = models(kdist, shape[-1])[name](x)
    model = kdist.Model(inputs, kdist.layers.Dense(3)(kdist.layers.Flatten()(x)))
    model.compile(kdist.optimizers.SGD(0.1), "mse")
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((rows, *size)).astype("float32") for size in (shape, (3,)))
    return model, x, y


NAMES = ("two_chains", "two_chains_alike", "long_and_short", "added", "joined", "beside_a_gate", "half_gated",
         "read_twice", "read_whole_too", "operations", "nested", "called_twice", "called_twice_apart")  # fmt: skip
