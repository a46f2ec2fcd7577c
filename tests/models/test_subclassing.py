from __future__ import annotations

import numpy as np
import pytest

import kdist
from kdist import layers
from kdist.backend import bound as backend

X = np.linspace(-1, 1, 15, dtype="float32").reshape(3, 5)


@kdist.saving.register_keras_serializable("tests")
class Two(kdist.Model):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = layers.Dense(units, name="first")
        self.drop = layers.Dropout(0.9)
        self.rest = [layers.Dense(3, name="second"), layers.Dense(1, name="third")]

    def call(self, x, training=False):
        x = self.drop(self.first(x), training=training)
        for layer in self.rest:
            x = layer(x)
        return x

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_layers_in_attributes_and_lists_are_found():
    model = Two()
    assert not model.built
    assert model.layers[0].name == "first"
    model(X)
    assert model.built
    assert [w.shape for w in model.weights] == [(5, 4), (4,), (4, 3), (3,), (3, 1), (1,)]
    assert len({w.path for w in model.weights}) == 6


def test_training_is_passed_on():
    model = Two()
    calm = backend.convert_to_numpy(model(X))
    np.testing.assert_array_equal(backend.convert_to_numpy(model(X, training=False)), calm)
    assert not np.allclose(backend.convert_to_numpy(model(X, training=True)), calm)


def test_fit_builds_it():
    model = Two()
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], verbose=0)
    assert model.count_params() == 24 + 15 + 4


def test_config_there_and_back():
    model = Two(units=7, name="seven")
    copy = Two.from_config(model.get_config())
    assert (copy.units, copy.name) == (7, "seven")
    again = kdist.saving.deserialize_keras_object(kdist.saving.serialize_keras_object(model))
    assert isinstance(again, Two) and again.units == 7


def test_it_may_stand_in_a_graph():
    x = kdist.Input((5,))
    inner = Two()
    model = kdist.Model(x, layers.Dense(2)(inner(x)))
    assert tuple(model(X).shape) == (3, 2)
    assert inner in model.layers


def test_a_graph_made_in_the_constructor():
    class Ready(kdist.Model):
        def __init__(self):
            x = kdist.Input((5,))
            super().__init__(x, layers.Dense(2, name="d")(x), name="ready")
            self.extra = 3

    model = Ready()
    assert model.built and model.extra == 3
    assert tuple(model(X).shape) == (3, 2)


def test_it_has_no_inputs_and_says_so():
    # torch's modules put a message of their own in place of a property's.
    with pytest.raises(
        AttributeError,
        match=r"is a subclass without a graph, and has no inputs|'Two' object has no attribute 'inputs'",
    ):
        Two().inputs  # noqa: B018


def test_errors_of_a_class():
    class Empty(kdist.Model):
        pass

    with pytest.raises(
        NotImplementedError, match=r"Empty is a subclass of Model without a call\(\) method"
    ):
        Empty()(X)
    with pytest.raises(TypeError, match="takes inputs and outputs, or keyword arguments alone"):
        kdist.Model(3)

    class Forgetful(kdist.Model):
        def __init__(self):
            self.dense = layers.Dense(1)

    with pytest.raises((RuntimeError, AttributeError), match=r"super\(\).__init__\(\)|__init__"):
        Forgetful()
