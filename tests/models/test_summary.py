"""The summary is Keras's, character by character."""

from __future__ import annotations

import os
import re
import warnings

import numpy as np
import pytest

import kdist
from kdist.backend import bound as backend
from kdist.models.summary import readable_size


@pytest.fixture(scope="module")
def keras():
    os.environ["KERAS_BACKEND"] = backend.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages, at their import
        import keras
    return keras


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


def text_of(model, **kwargs):
    texts = []
    model.summary(print_fn=texts.append, **kwargs)
    assert len(texts) == 1
    return texts[0]


def chain(k):
    return k.Sequential(
        [
            k.Input((28, 28, 1), name="image"),
            k.layers.Conv2D(8, 3, activation="relu", name="conv"),
            k.layers.MaxPooling2D(2, name="pool"),
            k.layers.BatchNormalization(name="norm"),
            k.layers.GlobalAveragePooling2D(name="mean"),
            k.layers.Dropout(0.5, name="drop"),
            k.layers.Dense(10, name="out"),
        ],
        name="chain",
    )


def unbuilt(k):
    return k.Sequential([k.layers.Dense(4, name="a"), k.layers.Dense(2, name="b")], name="unbuilt")


def plain_functional(k):
    x = k.Input((5,), name="x")
    y = k.layers.Dense(3, name="y")(k.layers.Dense(4, name="h")(x))
    return k.Model(x, y, name="plain")


def branches(k):
    x, z = k.Input((5,), name="x"), k.Input((5,), name="z")
    shared = k.layers.Dense(4, name="shared")
    a, b = shared(x), shared(z)
    both = k.layers.Concatenate(name="both")([a, b])
    one, two = k.layers.Dense(1, name="one")(both), k.layers.Dense(2, name="two")(both)
    return k.Model([x, z], [one, two], name="branches")


def nested(k):
    inner = k.Sequential([k.Input((4,)), k.layers.Dense(6, name="in1")], name="inner")
    x = k.Input((4,), name="x")
    h = inner(x)
    y = k.layers.Add(name="sum")([h, k.layers.Dense(6, name="side")(x)])
    return k.Model(x, y, name="nested")


def frozen(k):
    model = chain(k)
    model.layers[0].trainable = False
    return model


def subclassed(k):
    class Two(k.Model):
        def __init__(self):
            super().__init__(name="two")
            self.a = k.layers.Dense(4, name="a")
            self.b = k.layers.Dense(2, name="b")

        def call(self, x):
            return self.b(self.a(x))

    model = Two()
    model(np.zeros((3, 5), "float32"))
    return model


def subclassed_unbuilt(k):
    class Two(k.Model):
        def __init__(self):
            super().__init__(name="two")
            self.a = k.layers.Dense(4, name="a")

        def call(self, x):
            return self.a(x)

    return Two()


def compiled(k):
    model = plain_functional(k)
    model.compile(k.optimizers.Adam(1e-3), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


MAKERS = [chain, unbuilt, plain_functional, branches, nested, frozen, subclassed]
MAKERS += [subclassed_unbuilt]


@pytest.mark.parametrize("make", MAKERS, ids=lambda m: m.__name__)
def test_the_table_is_that_of_keras(keras, make):
    assert text_of(make(kdist)) == text_of(make(keras))


def test_parameters_of_the_optimizer(keras):
    ours, theirs = text_of(compiled(kdist)), text_of(compiled(keras))
    # Keras counts updates in 64 bits on TensorFlow, kdist in 32 bits everywhere.
    without_sizes = [re.sub(r"\([\d.]+ B\)", "", text) for text in (ours, theirs)]
    assert without_sizes[0] == without_sizes[1]
    assert " Optimizer params: 80 (320.00 B)" in ours
    assert " Total params: 119 (476.00 B)" in ours


@pytest.mark.parametrize(
    "options",
    [
        {"expand_nested": True},
        {"show_trainable": True},
        {"line_length": 100},
        {"line_length": 60},
        {"positions": [0.4, 0.6, 0.8, 1.0]},
        {"layer_range": ["x", "side"]},
    ],
    ids=str,
)
def test_options_are_those_of_keras(keras, options):
    assert text_of(nested(kdist), **options) == text_of(nested(keras), **options)


def test_a_narrow_terminal(keras, monkeypatch):
    monkeypatch.setenv("COLUMNS", "64")
    assert text_of(chain(kdist)) == text_of(chain(keras))


def test_printing_without_print_fn(capsys):
    chain(kdist).summary()
    out = capsys.readouterr().out
    assert 'Model: "chain"' in out
    assert "conv (Conv2D)" in out


def test_bad_arguments():
    model = plain_functional(kdist)
    with pytest.raises(ValueError, match="line_length=10"):
        model.summary(line_length=10)
    with pytest.raises(ValueError, match="no layer matches 'nowhere'"):
        model.summary(layer_range=["h", "nowhere"])
    with pytest.raises(ValueError, match="two names"):
        model.summary(layer_range=["h"])


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0.00 B"), (1023, "1023.00 B"), (1024, "1.00 KB"), (1041192, "1016.79 KB")],
)
def test_sizes(size, text):
    assert readable_size(size) == text
    assert readable_size(2.0**30) == "1.00 GB"
