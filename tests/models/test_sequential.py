from __future__ import annotations

import numpy as np
import pytest

import kdist
from kdist import layers
from kdist.backend import bound as backend

X = np.linspace(-1, 1, 15, dtype="float32").reshape(3, 5)


def test_built_at_once_or_at_the_first_call():
    at_once = kdist.Sequential(
        [kdist.Input((5,)), layers.Dense(4, name="a"), layers.Dense(2, name="b")]
    )
    deferred = kdist.Sequential([layers.Dense(4, name="a"), layers.Dense(2, name="b")])
    assert at_once.built and not deferred.built
    assert deferred.weights == []
    deferred(X)
    assert deferred.built
    assert [w.shape for w in deferred.weights] == [w.shape for w in at_once.weights]
    assert [x.name for x in deferred.layers] == ["a", "b"]
    assert deferred.input_shape[-1] == 5


def test_build_with_a_shape_and_fit_without_one():
    model = kdist.Sequential([layers.Dense(4), layers.Dense(1)])
    model.build((None, 5))
    assert model.count_params() == 29
    unbuilt = kdist.Sequential([layers.Flatten(), layers.Dense(1)])
    unbuilt.compile("sgd", "mse")
    unbuilt.fit(np.zeros((4, 2, 3), "float32"), np.zeros((4, 1), "float32"), verbose=0)
    assert unbuilt.count_params() == 7


def test_add_and_pop():
    model = kdist.Sequential([kdist.Input((5,))])
    model.add(layers.Dense(4, name="a"))
    model.add(layers.Dense(2, name="b"))
    assert model.output_shape == (None, 2)
    assert model.pop().name == "b"
    assert model.output_shape == (None, 4)
    assert len(model.weights) == 2
    model.add(layers.Dense(3, name="c"))
    assert tuple(model(X).shape) == (3, 3)


def test_a_layer_may_stand_twice():
    shared = layers.Dense(5, name="shared")
    model = kdist.Sequential([kdist.Input((5,)), shared, layers.Activation("tanh"), shared])
    assert len(model.layers) == 3
    assert len(model.weights) == 2
    expected = shared(np.tanh(backend.convert_to_numpy(shared(X))))
    np.testing.assert_allclose(
        backend.convert_to_numpy(model(X)), backend.convert_to_numpy(expected), rtol=1e-5, atol=1e-6
    )


def test_models_inside():
    inner = kdist.Sequential([kdist.Input((5,)), layers.Dense(4)], name="inner")
    model = kdist.Sequential([inner, layers.Dense(2)])
    assert model.built
    assert model.get_layer("inner") is inner
    assert len(model.weights) == 4


@pytest.mark.parametrize("build", [True, False])
def test_config_there_and_back(build):
    parts = [
        layers.Dense(4, activation="relu", name="a"),
        layers.Dropout(0.3, name="d"),
        layers.Dense(2, name="b"),
    ]
    model = kdist.Sequential(
        [*([kdist.Input((5,), name="in")] if build else []), *parts], name="chain"
    )
    copy = kdist.Sequential.from_config(model.get_config())
    assert copy.name == "chain" and copy.built == build
    assert copy.get_config() == model.get_config()
    assert kdist.models.model_from_json(model.to_json()).to_json() == model.to_json()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras
def test_keras_reads_its_json(keras):
    model = kdist.Sequential(
        [kdist.Input((5,)), layers.Dense(4, activation="relu"), layers.Dense(2)]
    )
    theirs = keras.models.model_from_json(model.to_json())
    theirs.set_weights(model.get_weights())
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(theirs(X)),
        backend.convert_to_numpy(model(X)),
        rtol=1e-5,
        atol=1e-6,
    )


def test_dtypes_of_inputs_are_kept():
    model = kdist.Sequential(
        [kdist.Input((2,), dtype="int32"), layers.Embedding(10, 3), layers.Flatten()]
    )
    assert tuple(model(np.array([[1, 9]])).shape) == (1, 6)
    assert model.inputs[0].dtype == "int32"


def test_what_is_no_layer():
    with pytest.raises(ValueError, match="Sequential takes layers, and received 3 of type int"):
        kdist.Sequential([3])
    with pytest.raises(ValueError, match=r"received the function .*Wrap it: layers.Lambda\(tanh\)"):
        kdist.Sequential([kdist.ops.tanh])
    with pytest.raises(ValueError, match="A layer named 'a' is already in the model"):
        kdist.Sequential([layers.Dense(1, name="a"), layers.Dense(2, name="a")])
    with pytest.raises(ValueError, match="An Input must be the first of a Sequential"):
        kdist.Sequential([layers.Dense(1), kdist.Input((5,))])
    with pytest.raises(ValueError, match="cannot be built before it has a layer"):
        kdist.Sequential().build((None, 5))
    with pytest.raises(ValueError, match="is the output of one"):
        kdist.Sequential([layers.Dense(1)(kdist.Input((5,)))])
