"""Activations: values against NumPy, names and configs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kdist import activations
from kdist.backend import bound as backend
from kdist.core import registry
from kdist.core.graph import KerasTensor

x = np.linspace(-4, 4, 24, dtype="float32").reshape(4, 6)
sigmoid = 1 / (1 + np.exp(-x))
softmax = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
erf = np.vectorize(math.erf)
EXPECTED = {
    "celu": np.where(x > 0, x, np.expm1(x)),
    "elu": np.where(x > 0, x, np.expm1(x)),
    "exponential": np.exp(x),
    "gelu": 0.5 * x * (1 + erf(x / np.sqrt(2))),
    "glu": x[:, :3] * sigmoid[:, 3:],
    "hard_shrink": np.where(np.abs(x) > 0.5, x, 0),
    "hard_sigmoid": np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": x * np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": np.clip(x, -1, 1),
    "leaky_relu": np.where(x > 0, x, 0.2 * x),
    "linear": x,
    "log_sigmoid": np.log(sigmoid),
    "log_softmax": np.log(softmax),
    "mish": x * np.tanh(np.log1p(np.exp(x))),
    "relu": np.maximum(x, 0),
    "relu6": np.clip(x, 0, 6),
    "selu": 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "sigmoid": sigmoid,
    "silu": x * sigmoid,
    "soft_shrink": np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "softmax": softmax,
    "softplus": np.log1p(np.exp(x)),
    "softsign": x / (1 + np.abs(x)),
    "sparse_plus": np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse_sigmoid": np.clip((x + 1) / 2, 0, 1),
    "squareplus": (x + np.sqrt(x * x + 4)) / 2,
    "swish": x * sigmoid,
    "tanh": np.tanh(x),
    "tanh_shrink": x - np.tanh(x),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_values(name):
    got = backend.convert_to_numpy(activations.get(name)(backend.convert_to_tensor(x)))
    np.testing.assert_allclose(got, EXPECTED[name], rtol=2e-5, atol=2e-6)


def relu_by_definition(x, negative_slope, max_value, threshold):
    """max_value where x reaches it, x from threshold on, else negative_slope * (x - threshold)."""
    y = np.where(x >= threshold, x, negative_slope * (x - threshold))
    return y if max_value is None else np.where(x >= max_value, max_value, y)


@pytest.mark.parametrize("negative_slope", [0.0, 0.3])
@pytest.mark.parametrize("max_value", [None, 2.5, 6.0])
@pytest.mark.parametrize("threshold", [0.0, 1.1])
def test_options_of_relu(negative_slope, max_value, threshold):
    options = {"negative_slope": negative_slope, "max_value": max_value, "threshold": threshold}
    got = backend.convert_to_numpy(activations.relu(backend.convert_to_tensor(x * 2), **options))
    np.testing.assert_allclose(got, relu_by_definition(x * 2, **options), rtol=1e-6, atol=1e-6)


def test_threshold_and_sparsemax():
    got = activations.threshold(backend.convert_to_tensor(x), 1.0, -7.0)
    np.testing.assert_allclose(backend.convert_to_numpy(got), np.where(x > 1, x, -7))
    p = backend.convert_to_numpy(activations.sparsemax(backend.convert_to_tensor(x)))
    np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-6)
    assert (p >= 0).all() and (p == 0).any()


def test_symbolic():
    assert activations.relu(KerasTensor((None, 3)), max_value=6).shape == (None, 3)
    assert activations.mish(KerasTensor((None, 3))).shape == (None, 3)


def test_names_and_configs():
    assert activations.get(None) is activations.linear
    assert activations.get(activations.relu) is activations.relu
    assert activations.serialize(activations.relu) == "relu"
    assert activations.deserialize("gelu") is activations.gelu
    assert registry.find_builtin("keras.activations", "tanh") is activations.tanh
    with pytest.raises(ValueError, match="activation='rleu' is not known"):
        activations.get("rleu")
    with pytest.raises(ValueError, match="interpreted"):
        activations.get(3)
    with pytest.raises(ValueError, match="lambda"):
        activations.serialize(lambda x: x)


def test_custom_activation():
    @registry.register_keras_serializable(package="test_activations")
    def doubled(x):
        return x * 2

    config = activations.serialize(doubled)
    assert activations.deserialize(config) is doubled
    assert activations.get("test_activations>doubled") is doubled
