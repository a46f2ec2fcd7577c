"""The promotion lattice is that of Keras, for every pair."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from kdist.core import config, dtypes

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of other packages, at their import
    import keras

# Not float8, which promotes to nothing, nor complex, which Keras's lattice lacks.
NAMES = [t for t in dtypes.ALLOWED if not t.startswith(("float8", "complex")) and t != "string"]
WEAK = [bool, int, float]


# Keras's lattice is the same, and it then narrows 64 bits; kdist's backends do so where their arrays are made.
WIDE = {"int64", "float64"} if keras.backend.backend() == "tensorflow" else set()
NARROW = {t: t if t in WIDE else t.replace("64", "32") for t in ("int64", "uint64", "float64")}


def test_all_pairs():
    wrong = {}
    for pair in itertools.product([*NAMES, *WEAK], repeat=2):
        ours = dtypes.result_type(*pair)
        theirs = keras.backend.result_type(*pair)
        if NARROW.get(ours, ours) != theirs:
            wrong[pair] = (ours, theirs)
    assert not wrong


@pytest.mark.parametrize(
    ("given", "result"),
    [
        (("int32", float), "float32"),
        (("bfloat16", "float16"), "float32"),
        (("bfloat16", float), "bfloat16"),
        (("uint8", "int8"), "int16"),
        (("int8", "uint8", "bfloat16"), "bfloat16"),
        (("complex64", "float64"), "complex128"),
        (("float32", complex), "complex64"),
        ((), "float32"),
    ],
)
def test_some_in_words(given, result):
    assert dtypes.result_type(*given) == result


def test_three_at_a_time_do_not_depend_on_the_order():
    for triple in itertools.combinations(
        ["int8", "uint16", "bfloat16", "float16", "bool", "int64"], 3
    ):
        assert len({dtypes.result_type(*order) for order in itertools.permutations(triple)}) == 1


def test_weak_floats_follow_floatx():
    config.set_floatx("float16")
    try:
        assert dtypes.result_type(int, float) == "float16"
        assert dtypes.standardize_dtype(None) == "float16"
    finally:
        config.set_floatx("float32")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("float", "float32"),
        ("int", "int32"),
        (bool, "bool"),
        (np.dtype("uint8"), "uint8"),
        (np.float64, "float64"),
        ("torch.bfloat16", "bfloat16"),
    ],
)
def test_spellings_of_a_dtype(given, name):
    assert dtypes.standardize_dtype(given) == name


@pytest.mark.parametrize("given", ["float31", object(), np.dtype("datetime64[s]")])
def test_an_unknown_dtype_is_named(given):
    with pytest.raises(ValueError, match=r"is not supported. Use one of bool, uint8"):
        dtypes.standardize_dtype(given)


def test_float8_promotes_to_nothing():
    with pytest.raises(
        ValueError, match=r"no implicit conversion from float8_e5m2. Cast it explicitly"
    ):
        dtypes.result_type("float8_e5m2", "float32")


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("bool", 1),
        ("bfloat16", 2),
        ("float8_e4m3fn", 1),
        ("complex64", 8),
        ("int64", 8),
        ("float32", 4),
    ],
)
def test_sizes(name, size):
    assert dtypes.size_in_bytes(name) == size


def test_text_has_no_size():
    with pytest.raises(ValueError, match="no fixed size"):
        dtypes.size_in_bytes("string")
