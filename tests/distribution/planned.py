"""Models whose step's memory is planned and measured: activations weigh more than variables."""

from __future__ import annotations

import graphs
import numpy as np


def mlp(kdist, layers):
    model = kdist.Sequential(
        [
            kdist.Input((256,)),
            layers.Dense(512, activation="relu"),
            layers.Dense(512, activation="gelu"),
            layers.Dense(256, activation="tanh"),
            layers.Dense(10),
        ]
    )
    return model, np.zeros((2048, 256), "float32"), np.zeros((2048,), "int32")


def deep_mlp(kdist, layers, widths, rows, activation="gelu", time=()):
    """Products of the given widths, of which pairs are split, and one more by itself."""
    hidden = [layers.Dense(width, activation=activation) for width in widths]
    model = kdist.Sequential([kdist.Input((*time, 256)), *hidden, layers.Dense(10)])
    return model, np.zeros((rows, *time, 256), "float32"), np.zeros((rows, *time), "int32")


def convnet(kdist, layers, synchronized=False):
    model = kdist.Sequential(
        [
            kdist.Input((16, 16, 3)),
            layers.Conv2D(32, 3, padding="same"),
            layers.BatchNormalization(synchronized=synchronized),
            layers.Activation("relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )
    return model, np.zeros((128, 16, 16, 3), "float32"), np.zeros((128,), "int32")


def transformer(kdist, layers, blocks=2, width=64, heads=4, words=500, length=32, rows=64):
    tokens = kdist.Input((length,), dtype="int32")
    x = layers.Embedding(words, width)(tokens)
    for i in range(blocks):
        x = block(layers, x, width, heads, 4 * width, f"block_{i}")
    model = kdist.Model(tokens, layers.Dense(words, name="head")(layers.LayerNormalization()(x)))
    return model, np.zeros((rows, length), "int32"), np.zeros((rows, length), "int32")


def block(layers, x, width, heads, inner, name):
    h = layers.LayerNormalization(name=f"{name}_norm1")(x)
    attention = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")
    x = layers.Add(name=f"{name}_add1")([x, attention(h, h, use_causal_mask=True)])
    h = layers.LayerNormalization(name=f"{name}_norm2")(x)
    h = layers.Dense(inner, activation="gelu", name=f"{name}_up")(h)
    return layers.Add(name=f"{name}_add2")([x, layers.Dense(width, name=f"{name}_down")(h)])


def residual(kdist, layers, width=255, inner=512, rows=512, norm=True, act=None, blocks=2):
    """Pairs of products beside which their input goes on. A first one is whole if its features do not divide."""
    tensor = kdist.Input((256,))
    x = layers.Dense(width, activation=act)(tensor)
    for _ in range(blocks):
        h = layers.LayerNormalization()(x) if norm else x
        h = layers.Dense(inner, activation="gelu")(h)
        x = layers.Add()([x, layers.Dense(width)(h)])
    model = kdist.Model(tensor, layers.Dense(9)(x))
    return model, np.zeros((rows, 256), "float32"), np.zeros((rows,), "int32")


def gated(kdist, layers, width=255, inner=512, rows=512):
    """Two products of the same input, which is a whole one's output."""
    tensor = kdist.Input((256,))
    x = layers.Dense(width)(tensor)
    gate, up = layers.Dense(inner, activation="silu"), layers.Dense(inner)
    x = layers.Dense(width)(layers.Multiply()([gate(x), up(x)]))
    model = kdist.Model(tensor, layers.Dense(9)(x))
    return model, np.zeros((rows, 256), "float32"), np.zeros((rows,), "int32")


def gated_transformer(
    kdist, layers, blocks=2, width=128, inner=384, heads=4, words=64, length=128, rows=8
):
    """Blocks with a gate: what is normalised is read by several products, beside which it is added to."""
    tokens = kdist.Input((length,), dtype="int32")
    x = layers.Embedding(words, width)(tokens)
    for _ in range(blocks):
        h = layers.RMSNormalization()(x)
        attention = layers.MultiHeadAttention(heads, width // heads)
        x = layers.Add()([x, attention(h, h, use_causal_mask=True)])
        h = layers.RMSNormalization()(x)
        h = layers.Multiply()([layers.Dense(inner, "silu")(h), layers.Dense(inner)(h)])
        x = layers.Add()([x, layers.Dense(width)(h)])
    model = kdist.Model(tokens, layers.Dense(words)(layers.RMSNormalization()(x)))
    return model, np.zeros((rows, length), "int32"), np.zeros((rows, length), "int32")


def alone(kdist, layers, width=128, inner=512, act=None, length=128, rows=8):
    """A product that is cut, and gathered: none that takes parts of features follows."""
    tensor = kdist.Input((length, width))
    x = layers.Dense(inner, act)(layers.LayerNormalization()(tensor))
    model = kdist.Model(tensor, layers.Dense(9)(layers.LayerNormalization()(x)))
    return model, np.zeros((rows, length, width), "float32"), np.zeros((rows, length), "int32")


def whole_before(
    kdist, layers, width=127, inner=256, act=None, normed=False, embedded=False, length=128, rows=8
):
    """A trained product whose features do not divide, before a pair that is split."""
    inputs = kdist.Input((length,) if embedded else (length, 128))
    x = layers.Embedding(64, 128)(inputs) if embedded else inputs
    x = layers.Dense(width, act)(x)
    x = layers.LayerNormalization()(x) if normed else x
    x = layers.Dense(128)(layers.Dense(inner, "gelu")(x))
    model = kdist.Model(inputs, layers.Dense(9)(x))
    return model, np.zeros((rows, *inputs.shape[1:]), "float32"), np.zeros((rows, length), "int32")


def graph(kdist, layers, seed, rows=512):
    """One of the random graphs."""
    model, x, _ = graphs.compiled(seed, kdist, rows)
    return model, x, np.zeros((rows, *model.output.shape[1:-1]), "int32")


MODELS = {f.__name__: f for f in (mlp, convnet, transformer)}
SIZED = {
    f.__name__: f
    for f in (deep_mlp, residual, gated, gated_transformer, alone, whole_before, graph)
}


def compiled(name, kdist, layers, optimizer="adam", **sizes):
    """(model, x, y), the model compiled."""
    model, x, y = {**MODELS, **SIZED}[name](kdist, layers, **sizes)
    model.compile(optimizer, kdist.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, x, y
