"""Random rows: same seed, same numbers; and the distributions they claim."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kdist.backend import bound as backend
from kdist.core.replicas import step_scope
from kdist.core.spec import Spec

OPS = backend.OPS
SEED = torch.tensor([12, 34])
N = 40_000


def draw(name, *args, seed=SEED, **kwargs):
    return backend.convert_to_numpy(OPS[name](*args, seed=seed, **kwargs)).astype("float64")


def close(sample, mean, std):
    """Within five standard errors: one false alarm in two million."""
    assert abs(sample.mean() - mean) < 5 * std / math.sqrt(sample.size)
    assert sample.std() == pytest.approx(std, rel=0.05)


def test_moments_of_the_distributions():
    close(draw("random_normal", (N,), 2.0, 3.0), 2, 3)
    close(draw("random_uniform", (N,), -1.0, 3.0), 1, 4 / math.sqrt(12))
    cut = draw("random_truncated_normal", (N,), 1.0, 2.0)
    assert abs(cut - 1).max() <= 4.00001
    close(cut, 1, 2 * 0.8796256610342398)  # standard deviation of a normal cut at two sigma
    close(draw("random_randint", (N,), 2, 6), 3.5, math.sqrt(15 / 12))
    close(draw("random_gamma", (N,), 4.0), 4, 2)
    close(draw("random_beta", (N,), 2.0, 3.0), 0.4, 0.2)
    close(draw("random_binomial", (N,), 10.0, 0.3), 3, math.sqrt(2.1))
    close(draw("random_bernoulli", (N,), 0.3), 0.3, math.sqrt(0.21))


def test_categorical_follows_the_logits():
    p = np.array([0.1, 0.2, 0.7])
    out = draw("random_categorical", np.log(p)[None].astype("float32"), N)
    np.testing.assert_allclose(np.bincount(out[0].astype(int)) / N, p, atol=0.02)


def test_dropout_keeps_the_mean_and_follows_the_noise_shape():
    x = np.ones((200, 200), "float32")
    out = draw("random_dropout", x, 0.25)
    assert set(np.unique(out)) == {0.0, np.float32(1 / 0.75)}
    close(out, 1, math.sqrt(1 / 3))
    rows = draw("random_dropout", x, 0.5, noise_shape=(None, 1))
    assert (rows.std(axis=1) == 0).all()
    assert rows.std() > 0


def test_shuffle_permutes_along_its_axis():
    x = np.arange(60).reshape(3, 20)
    out = draw("random_shuffle", x, 1)
    assert not (out == x).all()
    np.testing.assert_array_equal(np.sort(out, 1), x)


def test_seeds_and_replicas_tell_the_numbers_apart():
    first = draw("random_normal", (8,))
    np.testing.assert_array_equal(first, draw("random_normal", (8,)))
    assert not np.allclose(first, draw("random_normal", (8,), seed=torch.tensor([12, 35])))

    class Second:
        count, index = 2, 1

    with step_scope(Second()):
        assert not np.allclose(first, draw("random_normal", (8,)))


def test_abstract_evaluation_needs_no_generator():
    out = backend.abstract_eval(
        lambda x, s: OPS["random_dropout"](x, 0.5, seed=s), (Spec((2, 3)), Spec((2,), "int64")), {}
    )
    assert out == Spec((2, 3), "float32")
