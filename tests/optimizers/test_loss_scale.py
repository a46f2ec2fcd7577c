"""The adaptive loss scale, against Keras's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from kdist import ops, optimizers
from kdist.backend import bound as backend
from kdist.backend.variable import Variable


def make():
    return optimizers.LossScaleOptimizer(
        optimizers.Adam(0.1), initial_scale=8.0, dynamic_growth_steps=2
    )


def gradients():
    """Scaled by 8: two finite, one that overflowed, two finite."""
    rng = np.random.default_rng(0)
    steps = [rng.normal(size=3).astype("float32") * 8 for _ in range(5)]
    steps[2][1] = np.inf
    return steps


def apply_keras(optimizer, gradient, variable):
    if backend.name != "jax":
        optimizer.apply([gradient], [variable])
        return
    # Under jax its stateful `apply` leaks tracers.
    own = optimizer.variables
    (w,), state = optimizer.stateless_apply([v.value for v in own], [gradient], [variable.value])
    for v, x in zip([variable, *own], [w, *state], strict=True):
        v.assign(x)


def test_equals_keras(keras):
    ours = make()
    theirs = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.1), initial_scale=8.0, dynamic_growth_steps=2
    )
    a, b = (
        Variable(np.ones(3, "float32"), name="w"),
        keras.Variable(np.ones(3, "float32"), name="w"),
    )
    theirs.build([b])
    for g in gradients():
        ours.apply([ops.convert_to_tensor(g)], [a])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            apply_keras(theirs, keras.ops.convert_to_tensor(g), b)
            right = [np.array(v.numpy()) for v in [b, *theirs.variables]]
        names = [v.path.split("/")[-1] for v in ours.variables]
        assert names == [v.path.split("/")[-1] for v in theirs.variables]
        for x, y in zip([a, *ours.variables], right, strict=True):
            np.testing.assert_allclose(x.numpy(), y, rtol=3e-5, atol=1e-7)
    assert int(ours.iterations) == 4  # one of the five steps was skipped


def test_scale_and_counter():
    optimizer = make()
    assert float(optimizer.scale_loss(ops.convert_to_tensor(1.0))) == 8.0
    w = Variable(np.ones(3, "float32"), name="w")
    scales = []
    for g in gradients():
        optimizer.apply([ops.convert_to_tensor(g)], [w])
        scales.append(float(optimizer.scale_loss(ops.convert_to_tensor(1.0))))
    assert scales == [8.0, 16.0, 8.0, 8.0, 16.0]


def test_stateless_apply_is_apply():
    one, two = make(), make()
    a, b = (Variable(np.ones(3, "float32"), name="w") for _ in range(2))
    two.build([b])
    trainable, state = [b.value], [v.value for v in two.variables]
    for g in gradients():
        one.apply([ops.convert_to_tensor(g)], [a])
        trainable, state = two.stateless_apply(state, [ops.convert_to_tensor(g)], trainable)
    np.testing.assert_allclose(ops.convert_to_numpy(trainable[0]), a.numpy(), rtol=3e-5)
    for x, y in zip(state, one.variables, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(x), y.numpy(), rtol=3e-5, atol=1e-7)
    assert b.numpy().tolist() == [1.0, 1.0, 1.0]


def test_learning_rate_is_the_inner_one():
    optimizer = make()
    optimizer.learning_rate = 0.5
    assert float(optimizer.inner_optimizer.learning_rate) == float(optimizer.learning_rate) == 0.5


def test_config_is_kept_and_keras_takes_it(keras):
    ours = make()
    again = optimizers.deserialize(optimizers.serialize(ours))
    assert again.get_config() == ours.get_config()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = keras.optimizers.deserialize(optimizers.serialize(ours))
        config = keras.optimizers.serialize(theirs)
    assert optimizers.deserialize(config).get_config() == ours.get_config()


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"clipnorm=1\.0"):
        optimizers.LossScaleOptimizer(optimizers.Adam(), clipnorm=1.0)
    with pytest.raises(ValueError, match="lr"):
        optimizers.LossScaleOptimizer(optimizers.Adam(), lr=1.0)
