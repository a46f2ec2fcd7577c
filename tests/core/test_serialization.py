"""Objects to plain data and back; what a file may name, and what it may not."""

from __future__ import annotations

import json

import numpy as np
import pytest

import kdist
from kdist.core import registry, serialization
from kdist.core.serialization import deserialize_keras_object, serialize_keras_object


def round_trip(obj, **kwargs):
    return deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(obj))), **kwargs)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2.5,
        "text",
        b"bytes",
        [1, [2, "a"]],
        {"a": {"b": 1}},
        slice(1, None, 2),
        Ellipsis,
    ],
    ids=str,
)
def test_plain_values(value):
    assert round_trip(value) == value


def test_arrays_and_dtypes():
    array = np.arange(6, dtype="int16").reshape(2, 3)
    back = round_trip(array)
    assert back.dtype == np.int16
    np.testing.assert_array_equal(back, array)
    assert round_trip(np.float32(1.5)) == 1.5
    assert serialize_keras_object(np.dtype("uint8")) == "uint8"


def test_a_built_in_is_written_as_keras_writes_it():
    config = serialize_keras_object(kdist.layers.Dense(3, activation="relu", name="d"))
    assert (config["module"], config["class_name"], config["registered_name"]) == (
        "keras.layers",
        "Dense",
        None,
    )
    assert config["config"]["units"] == 3
    back = deserialize_keras_object(config)
    assert isinstance(back, kdist.layers.Dense)
    assert back.get_config() == kdist.layers.Dense(3, activation="relu", name="d").get_config()


class Scale:
    def __init__(self, factor):
        self.factor = factor

    def get_config(self):
        return {"factor": self.factor}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_an_unknown_class_says_how_to_make_it_known():
    config = serialize_keras_object(Scale(2))
    with pytest.raises(
        TypeError,
        match=r"names the class 'Scale'.*register_keras_serializable\(\).*custom_objects=\{'Scale': ...\}",
    ):
        deserialize_keras_object(config)
    assert deserialize_keras_object(config, custom_objects={"Scale": Scale}).factor == 2
    with registry.custom_object_scope({"Scale": Scale}):
        assert deserialize_keras_object(config).factor == 2


def test_a_file_cannot_name_any_function_of_the_process():
    for module, name in (
        ("os", "system"),
        ("builtins", "eval"),
        ("subprocess", "run"),
        ("numpy", "load"),
    ):
        for class_name in ("function", name):
            config = {
                "module": module,
                "class_name": class_name,
                "config": name,
                "registered_name": name,
            }
            with pytest.raises(TypeError, match="which is not known here"):
                deserialize_keras_object(config)


def test_lambdas_are_refused_unless_trusted():
    with pytest.warns(UserWarning, match="A lambda is being saved.*safe_mode=False"):
        config = serialize_keras_object(lambda x, n=3: x * n)
    with pytest.raises(ValueError, match=r"safe_mode is on.*enable_unsafe_deserialization"):
        deserialize_keras_object(config)
    assert deserialize_keras_object(config, safe_mode=False)(2) == 6


def test_lambdas_hidden_inside_are_refused_too():
    with pytest.warns(UserWarning, match="A lambda is being saved"):
        hidden = serialize_keras_object(lambda x: x)
    config = {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"units": 1, "activation": hidden},
        "registered_name": None,
    }
    for each in (config, {"a": [config]}):
        with pytest.raises(ValueError, match="safe_mode is on"):
            deserialize_keras_object(each)


def test_a_lambda_as_activation_is_not_saved():
    with pytest.raises(
        ValueError,
        match=r"A lambda as activation cannot be saved by name.*register_keras_serializable",
    ):
        serialize_keras_object(kdist.layers.Dense(1, activation=lambda x: x))


def test_what_has_no_config_is_named():
    with pytest.raises(
        TypeError, match=r"of type object cannot be saved. Give its class a get_config\(\)"
    ):
        serialize_keras_object({"a": [object()]})


def test_a_config_that_init_does_not_take_is_explained():
    config = {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"unitz": 3},
        "registered_name": None,
    }
    with pytest.raises((TypeError, ValueError), match="unitz"):
        deserialize_keras_object(config)


def test_objects_that_occur_twice_stay_one():
    initializer = kdist.initializers.GlorotUniform(seed=1)
    with serialization.shared_objects():
        config = json.loads(json.dumps(serialize_keras_object([initializer, initializer])))
    with serialization.shared_objects():
        first, second = deserialize_keras_object(config)
    assert first is second


def test_resolving_an_identifier():
    resolve = lambda identifier: serialization.resolve(
        identifier, {"scale": Scale, "Scale": Scale, "f": abs}, "thing"
    )
    assert resolve(None) is None
    assert resolve("f") is abs
    assert resolve({"class_name": "Scale", "config": {"factor": 4}}).factor == 4
    instance = Scale(1)
    assert resolve(instance) is instance
    with pytest.raises(ValueError, match=r"thing='g' is not known. Use one of f, scale"):
        resolve("g")
    with pytest.raises(ValueError, match=r"thing=3 of type int cannot be interpreted"):
        resolve(3)
