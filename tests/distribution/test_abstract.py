"""Abstract models have shapes and layouts, and no values."""

from __future__ import annotations

import resource

import pytest

import kdist
from kdist import layers
from kdist.distribution import FSDP, abstract_scope

HUGE = 200_000  # a kernel of this size squared would take 160 GB


class Twice(layers.Layer):
    """Its output is found by running `call`, with a layer that is built meanwhile."""

    def __init__(self, inner=None):
        super().__init__()
        self.inner = inner

    def call(self, inputs):
        return 2 * (inputs if self.inner is None else self.inner(inputs))


def make(width: int = HUGE):
    return kdist.Sequential(
        [
            kdist.Input((width,)),
            layers.Dense(width, activation="relu", name="wide"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(10, name="narrow"),
        ]
    )


def test_a_huge_model_costs_nothing():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with abstract_scope():
        model = make()
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)
    assert model.output_shape == (None, 10)
    assert all(v.is_abstract for v in (*model.variables, *model.optimizer.variables))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB


def test_it_can_be_called_on_symbolic_tensors():
    with abstract_scope():
        model = make()
        x = kdist.Input((HUGE,))
        outer = kdist.Model(x, Twice()(model(x)))
        drawn = kdist.Model(x, Twice(layers.Dense(3))(x))
    assert outer.output_shape == (None, 10)
    assert drawn.output_shape == (None, 3)


def test_its_variables_have_no_values():
    with abstract_scope():
        kernel = make().layers[0].kernel
    for use in (kernel.numpy, lambda: kernel + 1, lambda: kernel.assign_add(1.0)):
        with pytest.raises(RuntimeError, match=r"wide/kernel'.* is abstract"):
            use()


def test_variables_made_from_values_know_their_shape():
    with abstract_scope():
        v = kdist.Variable([[1.0, 2.0, 3.0]], name="v")
        twin = kdist.Variable(v)
        seeds = kdist.random.SeedGenerator(1)
    assert v.shape == twin.shape == (1, 3)
    assert v.dtype == twin.dtype == "float32"
    assert seeds.state.shape == (2,) and seeds.state.is_abstract


def test_variables_made_afterwards_are_real():
    with abstract_scope():
        pass
    assert not kdist.Variable([1.0]).is_abstract


def test_it_is_planned_under_any_strategy():
    with abstract_scope():
        model = make()
        model.compile("adam", "mse")
    plan = FSDP(devices=[f"gpu:{i}" for i in range(64)]).plan(model)
    kernel = plan.variables[0]
    assert kernel.bytes_per_device == 4 * HUGE * HUGE // 64
    # Two moments for each parameter, in its layout, though the optimizer has none yet.
    trained = sum(v.bytes_per_device for v in plan.variables if v.trainable)
    assert plan.bytes_per_device["optimizer"] == 2 * trained + 8
