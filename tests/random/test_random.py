"""Random draws: same seed, same numbers; the right distributions; and what seeds come from."""

from __future__ import annotations

import random as python_random

import numpy as np
import pytest

from kdist import ops, random
from kdist.backend import bound as backend
from kdist.core import scopes, serialization
from kdist.random.set_seed import get_random_seed, set_random_seed

numpy = backend.convert_to_numpy
N = 20_000
DRAWS = {
    "normal": lambda seed: random.normal((N,), 1.0, 2.0, seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((N,), 1.0, 2.0, seed=seed),
    "uniform": lambda seed: random.uniform((N,), -1.0, 3.0, seed=seed),
    "randint": lambda seed: random.randint((N,), 0, 10, seed=seed),
    "categorical": lambda seed: random.categorical(np.log([[0.2, 0.8]]), N, seed=seed)[0],
    "dropout": lambda seed: random.dropout(np.ones(N, "float32"), 0.25, seed=seed),
    "shuffle": lambda seed: random.shuffle(np.arange(N), seed=seed),
    "gamma": lambda seed: random.gamma((N,), 3.0, seed=seed),
    "beta": lambda seed: random.beta((N,), 2.0, 6.0, seed=seed),
    "binomial": lambda seed: random.binomial((N,), 10.0, 0.3, seed=seed),
}
# (mean, standard deviation) of each.
MOMENTS = {
    "normal": (1.0, 2.0),
    "truncated_normal": (1.0, 2 * 0.8796256),
    "uniform": (1.0, 4 / 12**0.5),
    "randint": (4.5, (99 / 12) ** 0.5),
    "categorical": (0.8, 0.4),
    "dropout": (1.0, (1 / 3) ** 0.5),
    "shuffle": ((N - 1) / 2, ((N**2 - 1) / 12) ** 0.5),
    "gamma": (3.0, 3**0.5),
    "beta": (0.25, (0.25 * 0.75 / 9) ** 0.5),
    "binomial": (3.0, 2.1**0.5),
}


@pytest.mark.parametrize("name", DRAWS)
def test_moments(name):
    x = numpy(DRAWS[name](7)).astype("float64")
    mean, std = MOMENTS[name]
    assert abs(x.mean() - mean) < 5 * std / N**0.5
    assert abs(x.std() / std - 1) < 0.05


@pytest.mark.parametrize("name", DRAWS)
def test_seeds(name):
    """An int repeats; a generator does not; two generators of one seed agree."""
    draw = lambda seed: numpy(DRAWS[name](seed))
    np.testing.assert_array_equal(draw(3), draw(3))
    assert (draw(3) != draw(4)).any()
    a, b = random.SeedGenerator(5), random.SeedGenerator(5)
    first = draw(a)
    np.testing.assert_array_equal(first, draw(b))
    second = draw(a)
    np.testing.assert_array_equal(second, draw(b))
    assert (first != second).any()


def test_draws_are_independent_of_each_other():
    seeds = random.SeedGenerator(0)
    a, b = (numpy(random.normal((N,), seed=seeds)) for _ in range(2))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.03
    assert abs(np.corrcoef(a[:-1], a[1:])[0, 1]) < 0.03


def test_truncated_normal_is_cut_at_two_deviations():
    x = numpy(random.truncated_normal((N,), 1.0, 2.0, seed=0))
    assert x.min() >= -3.0 and x.max() <= 5.0


def test_dropout():
    x = np.ones((4, 6, 5), "float32")
    kept = numpy(random.dropout(x, 0.5, seed=1))
    assert set(np.unique(kept)) == {0.0, 2.0}
    np.testing.assert_array_equal(numpy(random.dropout(x, 0.0, seed=1)), x)
    shared = numpy(random.dropout(x, 0.5, noise_shape=(4, 1, 5), seed=1))
    np.testing.assert_array_equal(shared, np.repeat(shared[:, :1], 6, axis=1))
    filled = numpy(random.dropout(x, 0.5, noise_shape=(None, 1, None), seed=1))
    np.testing.assert_array_equal(filled, shared)


def test_shuffle_permutes_slices():
    x = np.arange(12).reshape(3, 4)
    got = numpy(random.shuffle(x, axis=1, seed=2))
    np.testing.assert_array_equal(np.sort(got, axis=1), x)
    assert len({tuple(row - row[0]) for row in got}) == 1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtypes(dtype):
    for fn in (random.normal, random.uniform, random.truncated_normal):
        assert ops.dtype(fn((2,), dtype=dtype, seed=0)) == dtype
    if dtype == "float16":
        assert ops.dtype(random.gamma((2,), 1.0, dtype=dtype, seed=0)) == dtype
    assert ops.dtype(random.dropout(ops.ones((2,), dtype), 0.5, seed=0)) == dtype
    assert ops.dtype(random.randint((2,), 0, 3, dtype="uint8", seed=0)) == "uint8"


def test_errors():
    with pytest.raises(ValueError, match="must be a float"):
        random.uniform((2,), dtype="int32")
    with pytest.raises(ValueError, match="must be an integer"):
        random.randint((2,), 0, 3, dtype="float32")
    with pytest.raises(ValueError, match=r"logits must be \(batch, classes\)"):
        random.categorical(np.zeros(3), 2)
    with pytest.raises(ValueError, match="seed='a'"):
        random.normal((2,), seed="a")
    with pytest.raises(ValueError, match="seed='a'"):
        random.SeedGenerator("a")
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        random.SeedGenerator(1, nmae="x")


def test_state_of_a_generator():
    seeds = random.SeedGenerator(9, name="mine")
    assert (seeds.state.shape, seeds.state.dtype) == ((2,), backend.RANDOM_SEED_DTYPE)
    assert not seeds.state.trainable
    assert seeds.state.path.endswith("mine/seed_generator_state")
    np.testing.assert_array_equal(numpy(seeds.next()), [9, 0])
    np.testing.assert_array_equal(numpy(seeds.next()), [9, 1])
    np.testing.assert_array_equal(numpy(seeds.state.value), [9, 2])
    taken = seeds.next(ordered=False)
    np.testing.assert_array_equal(numpy(taken), [9, 2])
    np.testing.assert_array_equal(numpy(seeds.state.value), [10 * 5387 % 933199, 3 * 5387 % 933199])


def test_a_taken_seed_is_a_value_of_its_own():
    seeds = random.SeedGenerator(9)
    taken = seeds.next()
    for _ in range(3):
        seeds.next()
    np.testing.assert_array_equal(numpy(taken), [9, 0])


def test_a_stateless_scope_leaves_the_generator_alone():
    seeds = random.SeedGenerator(9)
    with scopes.StatelessScope() as scope:
        seeds.next()
        np.testing.assert_array_equal(numpy(seeds.next()), [9, 1])
        np.testing.assert_array_equal(numpy(scope.get_current_value(seeds.state)), [9, 2])
    np.testing.assert_array_equal(numpy(seeds.next()), [9, 0])


@pytest.mark.parametrize("seed", [0, 2**31, 2**32 - 1, 2**40 + 5, -1])
def test_large_seeds(seed):
    assert numpy(random.draw_seed(seed)).astype("uint32")[0] == seed % 2**32
    x = numpy(random.normal((3,), seed=seed))
    np.testing.assert_array_equal(x, numpy(random.normal((3,), seed=seed)))


def test_config():
    seeds = random.SeedGenerator(9, name="mine")
    assert seeds.get_config() == {"seed": 9, "name": "mine"}
    saved = serialization.serialize_keras_object(seeds)
    assert (saved["module"], saved["class_name"]) == ("keras.random", "SeedGenerator")
    again = serialization.deserialize_keras_object(saved)
    assert (again.name, again.get_config()) == ("mine", seeds.get_config())


def test_set_random_seed():
    draws = []
    for _ in range(2):
        set_random_seed(1234)
        draws.append(
            (
                python_random.random(),
                np.random.random(),
                numpy(random.normal((3,))).tolist(),
                numpy(random.normal((3,))).tolist(),
                numpy(random.SeedGenerator().next()).tolist(),
            )
        )
    assert draws[0] == draws[1]
    assert draws[0][2] != draws[0][3]
    assert get_random_seed() == 1234
    with pytest.raises(ValueError, match="seed=-1"):
        set_random_seed(-1)
    with pytest.raises(ValueError, match="seed='x'"):
        set_random_seed("x")


def test_no_unseeded_draw_inside_a_function_that_jax_traces():
    if backend.name != "jax":
        pytest.skip("other frameworks draw anew at each run of a compiled function")
    import jax

    with pytest.raises(ValueError, match="SeedGenerator"):
        jax.jit(lambda: random.normal((2,)))()
    assert random.normal((2,)).shape == (2,)
    assert jax.jit(lambda: random.normal((2,), seed=3))().shape == (2,)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_draws_in_half_precision(dtype):
    for x, low, high in (
        (random.beta((2000,), 2.0, np.float32(3.0), dtype=dtype, seed=1), 0.38, 0.42),
        (random.binomial((500,), 9000, 0.5, dtype=dtype, seed=1), 4480, 4520),
    ):
        assert ops.dtype(x) == dtype
        assert low < numpy(x).astype("float64").mean() < high


def test_a_seed_of_ones_own():
    seed = random.SeedGenerator(5).next()
    draw = lambda: numpy(random.uniform((3,), seed=seed)).tolist()
    assert draw() == draw()
    with pytest.raises(ValueError, match="a tensor of shape"):
        random.uniform((3,), seed=ops.ones((3,)))
