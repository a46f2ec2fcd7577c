"""Initializers: values, variances, seeds, names and configs."""

from __future__ import annotations

import numpy as np
import pytest

from kdist import initializers, ops, random
from kdist.backend import bound as backend
from kdist.backend.variable import Variable
from kdist.initializers.random import compute_fans
from kdist.random.set_seed import set_random_seed

RANDOM = [
    initializers.RandomNormal,
    initializers.RandomUniform,
    initializers.TruncatedNormal,
    initializers.VarianceScaling,
    initializers.GlorotNormal,
    initializers.GlorotUniform,
    initializers.HeNormal,
    initializers.HeUniform,
    initializers.LecunNormal,
    initializers.LecunUniform,
    initializers.Orthogonal,
]
FIXED = [initializers.Zeros, initializers.Ones, initializers.Constant, initializers.Identity]
numpy = backend.convert_to_numpy


@pytest.mark.parametrize("cls", RANDOM)
def test_seeds(cls):
    draw = lambda init: numpy(init((4, 5)))
    init = cls(seed=3)
    np.testing.assert_array_equal(draw(init), draw(init))
    np.testing.assert_array_equal(draw(init), draw(cls(seed=3)))
    assert (draw(init) != draw(cls(seed=4))).any()
    unseeded = cls()
    np.testing.assert_array_equal(draw(unseeded), draw(unseeded))
    assert (draw(unseeded) != draw(cls())).any()
    generated = cls(seed=random.SeedGenerator(3))
    assert (draw(generated) != draw(generated)).any()
    set_random_seed(5)
    first = draw(cls())
    set_random_seed(5)
    np.testing.assert_array_equal(first, draw(cls()))


@pytest.mark.parametrize("cls", RANDOM + FIXED)
@pytest.mark.parametrize("dtype", [None, "float16", "bfloat16"])
def test_dtype_and_shape(cls, dtype):
    if cls is initializers.Orthogonal and dtype is not None:
        pytest.skip("frameworks factorise matrices of 32 bits and more")
    value = cls()((4, 5), dtype=dtype)
    assert ops.dtype(value) == (dtype or "float32")
    assert tuple(value.shape) == (4, 5)


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        (initializers.RandomNormal(1.0, 0.3, seed=1), 0.09),
        (initializers.TruncatedNormal(1.0, 0.3, seed=1), (0.3 * 0.8796256) ** 2),
        (initializers.RandomUniform(0.0, 2.0, seed=1), 4 / 12),
        (initializers.GlorotNormal(seed=1), 2 / 500),
        (initializers.GlorotUniform(seed=1), 2 / 500),
        (initializers.HeNormal(seed=1), 2 / 300),
        (initializers.HeUniform(seed=1), 2 / 300),
        (initializers.LecunNormal(seed=1), 1 / 300),
        (initializers.LecunUniform(seed=1), 1 / 300),
        (initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal", seed=1), 3 / 200),
    ],
)
def test_variance(init, variance):
    x = numpy(init((300, 200)))
    assert abs(x.var() / variance - 1) < 0.03
    mean = getattr(init, "mean", 1.0 if isinstance(init, initializers.RandomUniform) else 0.0)
    assert abs(x.mean() - mean) < 4 * (variance / x.size) ** 0.5


def test_fans():
    assert compute_fans((3, 3, 16, 32)) == (144, 288)
    assert compute_fans((7,)) == (7, 7)
    assert compute_fans(()) == (1, 1)
    assert compute_fans((8, 4, 16), input_axes=(0,), output_axes=(1, 2)) == (8, 64)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (2, 3, 4)])
def test_orthogonal(shape):
    q = numpy(initializers.Orthogonal(gain=2.0, seed=1)(shape)).reshape(-1, shape[-1]) / 2
    q = q if q.shape[0] >= q.shape[1] else q.T
    np.testing.assert_allclose(q.T @ q, np.eye(q.shape[1]), atol=1e-5)


def test_fixed_values():
    np.testing.assert_array_equal(numpy(initializers.Zeros()((2, 3))), np.zeros((2, 3)))
    np.testing.assert_array_equal(numpy(initializers.Ones()((2, 3))), np.ones((2, 3)))
    np.testing.assert_array_equal(numpy(initializers.Constant(0.5)((2, 3))), np.full((2, 3), 0.5))
    np.testing.assert_array_equal(numpy(initializers.Identity(2.0)((2, 3))), 2 * np.eye(2, 3))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(8) / 7)
    kernel = numpy(initializers.STFT("real", "hann", "density")((8, 1, 5)))
    angle = 2 * np.pi * np.outer(np.arange(8), np.arange(5)) / 8
    np.testing.assert_allclose(
        kernel[:, 0], np.cos(angle) * window[:, None] / np.sqrt((window**2).sum()), atol=1e-6
    )


@pytest.mark.parametrize("cls", RANDOM + FIXED)
def test_configs(cls):
    init = cls()
    saved = initializers.serialize(init)
    assert (saved["module"], saved["class_name"]) == ("keras.initializers", cls.__name__)
    again = initializers.deserialize(saved)
    assert type(again) is cls and again.get_config() == init.get_config()
    assert type(init.clone()) is cls


def test_config_with_a_generator():
    init = initializers.HeNormal(seed=random.SeedGenerator(3))
    again = initializers.deserialize(initializers.serialize(init))
    np.testing.assert_array_equal(numpy(init((2, 3))), numpy(again((2, 3))))


def test_get():
    assert initializers.get(None) is None
    for name in ("glorot_uniform", "GlorotUniform", initializers.GlorotUniform):
        assert type(initializers.get(name)) is initializers.GlorotUniform
    for name, cls in {
        "zeros": "Zeros",
        "zero": "Zeros",
        "normal": "RandomNormal",
        "orthogonal": "Orthogonal",
    }.items():
        assert type(initializers.get(name)) is getattr(initializers, cls)
    config = {"class_name": "Constant", "config": {"value": 3.0}}
    assert initializers.get(config).value == 3.0
    custom = lambda shape, dtype=None: ops.zeros(shape, dtype)
    assert initializers.get(custom) is custom
    value = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(numpy(initializers.get(value)((2, 3), "float32")), value)
    with pytest.raises(ValueError, match=r"`shape` to be \(2, 3\)"):
        initializers.get(value)((3, 2))
    with pytest.raises(ValueError, match="initializer='zeroes' is not known"):
        initializers.get("zeroes")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: initializers.VarianceScaling(scale=-1.0), "scale=-1.0"),
        (lambda: initializers.VarianceScaling(mode="fan"), "mode='fan'"),
        (lambda: initializers.VarianceScaling(distribution="cauchy"), "distribution='cauchy'"),
        (lambda: initializers.RandomNormal(seed="a"), "seed='a'"),
        (lambda: initializers.Identity()((2, 2, 2)), "Identity makes matrices"),
        (lambda: initializers.Orthogonal()((2,)), "Orthogonal makes matrices"),
        (lambda: initializers.STFT(side="left"), "side='left'"),
        (lambda: initializers.STFT(scaling="loud"), "scaling='loud'"),
        (lambda: initializers.STFT(window=np.ones(3))((8, 1, 5)), "window of STFT"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_base_class():
    with pytest.raises(NotImplementedError, match="must define __call__"):
        initializers.Initializer()((2,))


def test_a_variable_takes_the_name_of_an_initializer():
    variable = Variable("ones", shape=(2, 3), dtype="int32")
    assert variable.dtype == "int32" and variable.numpy().tolist() == [[1, 1, 1]] * 2
    with pytest.raises(ValueError, match="no_such"):
        Variable("no_such", shape=(2,))
    with pytest.raises(ValueError, match="no shape. Pass shape="):
        Variable("zeros")
