"""Distributions of the random rows, and what their seeds promise."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from kdist.backend import bound as backend

OPS = backend.OPS
N = (40000,)


def draw(name, *args, seed=(7, 9), **kwargs):
    return np.asarray(
        OPS[f"random_{name}"](*args, **kwargs, seed=np.asarray(seed, "uint32")), "float64"
    )


def test_moments():
    for x, mean, std in [
        (draw("normal", N, 1.0, 2.0), 1.0, 2.0),
        (draw("uniform", N, -1.0, 3.0), 1.0, 4 / 12**0.5),
        (draw("truncated_normal", N, 1.0, 2.0), 1.0, 2 * 0.8796),
        (draw("randint", N, 2, 6), 3.5, 1.118),
        (draw("categorical", np.log([[0.2, 0.8]]).astype("float32"), N[0])[0], 0.8, 0.4),
    ]:
        assert x.mean() == pytest.approx(mean, abs=4 * std / N[0] ** 0.5)
        assert x.std() == pytest.approx(std, rel=0.03)


def test_bounds_and_dtypes():
    assert np.abs(draw("truncated_normal", N)).max() <= 2
    x = OPS["random_randint"]((9,), 0, 5, seed=[1, 2])
    assert x.dtype == jnp.int32 and int(x.min()) >= 0 and int(x.max()) < 5
    assert OPS["random_normal"]((2,), 0.0, 1.0, "bfloat16", seed=[1, 2]).dtype == jnp.bfloat16
    assert OPS["random_categorical"](jnp.zeros((3, 4)), 5, seed=[1, 2]).shape == (3, 5)


def test_a_seed_gives_its_numbers_again_and_another_gives_others():
    assert np.array_equal(draw("normal", (5,)), draw("normal", (5,)))
    assert not np.array_equal(draw("normal", (5,)), draw("normal", (5,), seed=(7, 10)))


def test_dropout():
    x = np.full(N, 3.0, "float32")
    out = draw("dropout", x, 0.25)
    assert set(np.unique(out)) == {0.0, 4.0}
    assert (out == 0).mean() == pytest.approx(0.25, abs=0.02)
    rows = draw("dropout", np.ones((50, 8), "float32"), 0.5, (None, 1))
    assert all(len(set(r)) == 1 for r in rows)
    assert np.array_equal(draw("dropout", x, 0.0), x) and not draw("dropout", x, 1.0).any()


def test_padding_a_batch_leaves_the_masks_of_its_rows_alone():
    x = np.ones((8, 5), "float32")
    assert np.array_equal(draw("dropout", x, 0.5)[:6], draw("dropout", x[:6], 0.5))


def test_shuffle_moves_whole_rows():
    x = np.arange(40).reshape(20, 2)
    out = draw("shuffle", x)
    assert not np.array_equal(out, x)
    assert np.array_equal(out[np.argsort(out[:, 0])], x)
