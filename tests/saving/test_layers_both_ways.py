"""Every built-in layer alone, to a file and back, in kdist and in Keras."""

from __future__ import annotations

import numpy as np
import pytest

import kdist

IMAGE, SEQUENCE, VOLUME = (8, 8, 3), (6, 4), (4, 4, 4, 2)
PAIR = "two sequences"

CASES = {
    "Dense": ((5,), {"units": 3, "activation": "gelu", "kernel_constraint": "max_norm"}),
    "EinsumDense": (
        SEQUENCE,
        {"equation": "abc,cd->abd", "output_shape": (None, 7), "bias_axes": "d"},
    ),
    "Embedding": ("integers", {"input_dim": 10, "output_dim": 3, "mask_zero": True}),
    "Activation": (SEQUENCE, {"activation": "relu"}),
    "ReLU": (SEQUENCE, {"max_value": 1.0, "negative_slope": 0.1}),
    "ELU": (SEQUENCE, {}),
    "LeakyReLU": (SEQUENCE, {}),
    "Softmax": (SEQUENCE, {}),
    "PReLU": (SEQUENCE, {}),
    "Conv1D": (SEQUENCE, {"filters": 3, "kernel_size": 2, "padding": "causal"}),
    "Conv2D": (IMAGE, {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}),
    "Conv3D": (VOLUME, {"filters": 2, "kernel_size": 2}),
    "Conv1DTranspose": (SEQUENCE, {"filters": 3, "kernel_size": 2}),
    "Conv2DTranspose": (IMAGE, {"filters": 3, "kernel_size": 3, "strides": 2}),
    "Conv3DTranspose": (VOLUME, {"filters": 2, "kernel_size": 2}),
    "DepthwiseConv1D": (SEQUENCE, {"kernel_size": 2}),
    "DepthwiseConv2D": (IMAGE, {"kernel_size": 3, "depth_multiplier": 2}),
    "SeparableConv1D": (SEQUENCE, {"filters": 3, "kernel_size": 2}),
    "SeparableConv2D": (IMAGE, {"filters": 3, "kernel_size": 2}),
    "BatchNormalization": (SEQUENCE, {}),
    "LayerNormalization": (SEQUENCE, {}),
    "GroupNormalization": (IMAGE, {"groups": 3}),
    "RMSNormalization": (SEQUENCE, {}),
    "UnitNormalization": (SEQUENCE, {}),
    "Normalization": (SEQUENCE, {}),
    "Dropout": (SEQUENCE, {"rate": 0.5, "seed": 3}),
    "SpatialDropout1D": (SEQUENCE, {"rate": 0.5}),
    "SpatialDropout2D": (IMAGE, {"rate": 0.5}),
    "SpatialDropout3D": (VOLUME, {"rate": 0.5}),
    "GaussianNoise": (SEQUENCE, {"stddev": 0.5}),
    "GaussianDropout": (SEQUENCE, {"rate": 0.5}),
    "AlphaDropout": (SEQUENCE, {"rate": 0.5}),
    "ActivityRegularization": (SEQUENCE, {"l2": 0.1}),
    "Flatten": (SEQUENCE, {}),
    "Reshape": (SEQUENCE, {"target_shape": (4, 6)}),
    "Permute": (SEQUENCE, {"dims": (2, 1)}),
    "RepeatVector": ((5,), {"n": 3}),
    "Cropping1D": (SEQUENCE, {}),
    "Cropping2D": (IMAGE, {}),
    "Cropping3D": (VOLUME, {}),
    "ZeroPadding1D": (SEQUENCE, {}),
    "ZeroPadding2D": (IMAGE, {}),
    "ZeroPadding3D": (VOLUME, {}),
    "UpSampling1D": (SEQUENCE, {}),
    "UpSampling2D": (IMAGE, {}),
    "UpSampling3D": (VOLUME, {}),
    "MaxPooling1D": (SEQUENCE, {}),
    "MaxPooling2D": (IMAGE, {}),
    "MaxPooling3D": (VOLUME, {}),
    "AveragePooling1D": (SEQUENCE, {"pool_size": 2}),
    "AveragePooling2D": (IMAGE, {"pool_size": 2}),
    "AveragePooling3D": (VOLUME, {"pool_size": 2}),
    "GlobalMaxPooling1D": (SEQUENCE, {}),
    "GlobalMaxPooling2D": (IMAGE, {}),
    "GlobalMaxPooling3D": (VOLUME, {}),
    "GlobalAveragePooling1D": (SEQUENCE, {}),
    "GlobalAveragePooling2D": (IMAGE, {}),
    "GlobalAveragePooling3D": (VOLUME, {}),
    "Identity": (SEQUENCE, {}),
    "Masking": (SEQUENCE, {}),
    "Rescaling": (IMAGE, {"scale": 0.5, "offset": 1.0}),
    "Add": (PAIR, {}),
    "Subtract": (PAIR, {}),
    "Multiply": (PAIR, {}),
    "Average": (PAIR, {}),
    "Maximum": (PAIR, {}),
    "Minimum": (PAIR, {}),
    "Concatenate": (PAIR, {}),
    "Dot": (PAIR, {"axes": 2}),
    "Attention": (PAIR, {"use_scale": True}),
    "AdditiveAttention": (PAIR, {}),
    "MultiHeadAttention": (
        "query and value",
        {"num_heads": 2, "key_dim": 3, "dropout": 0.1, "seed": 1},
    ),
}
# Bases, the beginning of graphs, and those that have tests of their own.
NOT_ALONE = {"Layer", "InputLayer", "InputSpec", "Wrapper", "Lambda"}


def build(k, name, rng):
    kind, arguments = CASES[name]
    layer = getattr(k.layers, name)(**arguments)
    draw = lambda *shape: rng.normal(size=(3, *shape)).astype("float32")
    if kind == "integers":
        x = k.Input((4,), dtype="int32")
        return k.Model(x, layer(x)), rng.integers(0, 10, (3, 4)).astype("int32")
    if kind == PAIR:
        pair = [k.Input(SEQUENCE), k.Input(SEQUENCE)]
        return k.Model(pair, layer(pair)), [draw(*SEQUENCE), draw(*SEQUENCE)]
    if kind == "query and value":
        query, value = k.Input(SEQUENCE), k.Input((5, 4))
        return k.Model([query, value], layer(query, value)), [draw(*SEQUENCE), draw(5, 4)]
    x = k.Input(kind)
    return k.Model(x, layer(x)), draw(*kind)


@pytest.mark.parametrize("name", CASES)
def test_layer(crossing, name, rng, tmp_path, outputs):
    writer, reader = crossing
    model, x = build(writer, name, rng)
    if name == "Normalization":
        model.layers[-1].adapt(x)
    else:
        model.set_weights([w + 0.1 * rng.normal(size=w.shape) for w in model.get_weights()])
    before = outputs(model, x)
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(outputs(loaded, x), before, atol=1e-5)
    for v, w in zip(model.weights, loaded.weights, strict=True):
        assert tuple(v.shape) == tuple(w.shape)


def test_every_layer_has_a_case():
    public = {n: getattr(kdist.layers, n) for n in kdist.layers.__all__}
    # An alias, such as MaxPool2D, is its class.
    classes = {c.__name__ for c in public.values() if isinstance(c, type)}
    assert classes - NOT_ALONE == set(CASES)
