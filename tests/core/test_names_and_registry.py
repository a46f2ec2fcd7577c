from __future__ import annotations

import pytest

from kdist.core import names, registry


@pytest.fixture(autouse=True)
def registry_of_its_own(monkeypatch):
    monkeypatch.setattr(registry, "_custom", dict(registry._custom))
    monkeypatch.setattr(registry, "_name_of", dict(registry._name_of))


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("Dense", "dense"),
        ("Conv2DTranspose", "conv2d_transpose"),
        ("RMSNormalization", "rms_normalization"),
        ("MyHTTPLayer", "my_http_layer"),
        ("GELU", "gelu"),
    ],
)
def test_snake_case(name, snake):
    assert names.to_snake_case(name) == snake


def test_automatic_names_count(monkeypatch):
    monkeypatch.setattr(names, "_counts", type(names._counts)())
    assert [names.auto_name(n) for n in ("Dense", "dense", "Conv2D", "Dense")] == [
        "dense",
        "dense_1",
        "conv2d",
        "dense_2",
    ]
    names.reset()
    assert names.auto_name("Dense") == "dense"


def test_registering_a_class():
    @registry.register_keras_serializable("shop", "Till")
    class Counter:
        def get_config(self):
            return {}

    assert registry.get_registered_name(Counter) == "shop>Till"
    assert registry.get_registered_object("shop>Till") is Counter
    assert registry.is_registered(Counter) and not registry.is_registered(dict)


def test_a_class_without_a_config_cannot_be_registered():
    with pytest.raises(ValueError, match=r"Bare cannot be registered: it has no get_config\(\)"):

        @registry.register_keras_serializable()
        class Bare:
            pass


def test_the_innermost_scope_wins():
    with registry.custom_object_scope({"f": 1, "g": 2}), registry.CustomObjectScope({"f": 3}):
        assert registry.get_registered_object("f") == 3
        assert registry.get_registered_object("g", {"g": 4}) == 2
    assert registry.get_registered_object("f") is None
    assert registry.get_registered_object("f", {"f": 5}) == 5


def test_built_ins_have_keras_paths():
    import kdist

    assert registry.builtin_path(kdist.layers.Dense) == ("keras.layers", "Dense")
    assert registry.find_builtin("keras.optimizers", "Adam") is kdist.optimizers.Adam
    assert registry.find_builtin("keras.layers", "Nothing") is None
    assert registry.builtin_path([]) is None
