"""Small models of sequences and images, whose positions are cut between the layers that are split."""

from __future__ import annotations

import numpy as np

TIMES, IMAGES = (8, 4), (8, 8, 4)


def _pair(layer, act=None, *options, **more):
    """Two products, which are cut by columns and by rows."""
    return [
        layer(16, *options, activation="tanh", **more),
        layer(8, *options, activation=act, **more),
    ]


def models(layers) -> dict:
    """Name -> (shape of a sample, layers before the last one)."""
    dense, flat = layers.Dense, layers.Flatten
    same, conv1, conv2 = {"padding": "same"}, layers.Conv1D, layers.Conv2D
    norm, average = layers.LayerNormalization, layers.GlobalAveragePooling2D
    return {
        "dense": (TIMES, [*_pair(dense), norm(), *_pair(dense), norm(), flat()]),
        "dense_that_activates": (TIMES, [*_pair(dense, "tanh"), flat()]),
        "activated_between": (
            TIMES,
            [dense(16), layers.Activation("tanh"), dense(8), norm(), *_pair(dense), flat()],
        ),
        "dense_normalised": (TIMES, [*_pair(dense, "tanh"), norm(), flat()]),
        "pooled": (TIMES, [*_pair(dense), norm(), *_pair(dense), layers.GlobalAveragePooling1D()]),
        "whole_between": (TIMES, [*_pair(dense), layers.Permute((1, 2)), *_pair(dense), flat()]),
        "conv1d": (TIMES, [*_pair(conv1, "tanh", 3, **same), flat()]),
        "conv2d": (IMAGES, [*_pair(conv2, None, 3, **same), flat()]),
        "conv2d_without_bias": (IMAGES, [*_pair(conv2, None, 3, use_bias=False), flat()]),
        "conv2d_pooled": (
            IMAGES,
            [
                *_pair(conv2, "tanh", 3, **same),
                layers.MaxPooling2D(),
                *_pair(conv2, "tanh", 3, **same),
                average(),
            ],
        ),
        "conv2d_normalised": (
            IMAGES,
            [*_pair(conv2, None, 3, **same), norm(), *_pair(conv2, None, 3, **same), average()],
        ),
    }  # fmt: skip


def compiled(name, kdist, rows=8):
    """(model, x, y)."""
    shape, before = models(kdist.layers)[name]
    model = kdist.Sequential([kdist.Input(shape), *before, kdist.layers.Dense(3)])
    model.compile(kdist.optimizers.SGD(0.1), "mse")
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((rows, *size)).astype("float32") for size in (shape, (3,)))
    return model, x, y


NAMES = ("dense", "dense_that_activates", "activated_between", "dense_normalised", "pooled", "whole_between",
         "conv1d", "conv2d", "conv2d_without_bias", "conv2d_pooled", "conv2d_normalised")  # fmt: skip


def in_regions(kdist, rows=16, blocks=1):
    """(model, x, y) of blocks of several layers, which `RematScope` computes again as one."""
    layers = kdist.layers

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.norms = [layers.LayerNormalization(), layers.LayerNormalization()]
            self.attention = layers.MultiHeadAttention(4, 4)
            self.up, self.down = layers.Dense(64, activation="gelu"), layers.Dense(16)

        def build(self, shape):
            for layer in (*self.norms, self.up):
                layer.build(shape)
            self.attention.build(shape, shape)
            self.down.build((*shape[:-1], 64))

        def call(self, x):
            h = self.norms[0](x)
            x = x + self.attention(h, h)
            return x + self.down(self.up(self.norms[1](x)))

    tokens = kdist.Input((8,), dtype="int32")
    x = layers.Embedding(32, 16)(tokens)
    for _ in range(blocks):
        x = Block()(x)
    model = kdist.Model(tokens, layers.Dense(32)(layers.LayerNormalization()(x)))
    model.compile("adam", kdist.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, np.zeros((rows, 8), "int32"), np.zeros((rows, 8), "int32")


def joined_images(kdist, rows=16):
    """(model, x, y) of images that lie otherwise in memory than the ones they are joined with."""
    layers = kdist.layers

    def conv(x, filters, size, act=None):
        return layers.Conv2D(filters, size, padding="same", activation=act)(x)

    images = kdist.Input((8, 8, 4))
    x = conv(conv(conv(images, 16, 3, "tanh"), 8, 1, "relu"), 8, 3)
    x = layers.Concatenate()([layers.ReLU()(images), x])
    x = layers.Flatten()(conv(conv(x, 16, 3, "relu"), 8, 1, "relu"))
    model = kdist.Model(images, layers.Dense(5)(x))
    model.compile("sgd", "mse")
    return model, np.ones((rows, 8, 8, 4), "float32"), np.ones((rows, 5), "float32")


def sums_of_three(kdist, rows=16):
    """(model, x, y) of sums of a sequence that is cut in time and of two that are whole."""
    layers = kdist.layers

    def whole(x):
        return layers.Permute((1, 2))(layers.Dense(8)(x))

    x = inputs = kdist.Input(TIMES)
    for layer in _pair(layers.Dense):
        x = layer(x)
    x = layers.Add()([x, whole(inputs), whole(inputs)])
    model = kdist.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    model.compile("sgd", "mse")
    return model, np.ones((rows, *TIMES), "float32"), np.ones((rows, 3), "float32")
