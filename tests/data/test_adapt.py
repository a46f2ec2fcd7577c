from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from kdist.data import PyDataset, adapt, pack_x_y_sample_weight, unpack_x_y_sample_weight


class Ones(PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return np.ones((2, 1)), np.ones(2)


def generator():
    while True:
        yield np.ones((2, 1)), np.ones(2)


@pytest.mark.parametrize("make", [Ones, generator])
@pytest.mark.parametrize("argument", ["y", "sample_weight", "batch_size"])
def test_arguments_for_arrays_are_refused_beside_a_dataset(make, argument):
    value = 2 if argument == "batch_size" else np.ones(2)
    with pytest.raises(ValueError, match=argument):
        adapt(make(), steps_per_epoch=2, **{argument: value})


@pytest.mark.parametrize("x", [None, 3, "text", [1, 2, 3], {"a": 1.0}, []])
def test_what_is_no_data_is_refused(x):
    with pytest.raises(TypeError, match=f"x is a {type(x).__name__}, which kdist cannot read"):
        adapt(x)


@pytest.mark.parametrize("name", ["batch_size", "steps_per_epoch"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True])
def test_counts_must_be_positive_whole_numbers(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a whole number"):
        adapt(np.ones(4), **{name: value})


def test_a_source_passes_through():
    source = adapt(np.ones(4))
    assert adapt(source) is source


def test_packing_and_unpacking_are_inverse():
    x, y, w = np.ones(1), np.ones(2), np.ones(3)
    for parts in (
        (x, None, None),
        (x, y, None),
        (x, y, w),
        ((x, x), None, None),
        ({"a": x}, y, None),
    ):
        got = unpack_x_y_sample_weight(pack_x_y_sample_weight(*parts))
        assert all(a is b for a, b in zip(got, parts, strict=True))
    assert unpack_x_y_sample_weight([x, y])[1] is y
    with pytest.raises(ValueError, match="this one has 4 parts"):
        unpack_x_y_sample_weight((x, y, w, w))


def test_importing_the_package_imports_no_framework():
    code = (
        "import sys, kdist\n"
        "before = set(sys.modules)\n"
        "import kdist.data, kdist.datasets\n"
        "loaded = {'jax', 'torch', 'tensorflow', 'keras', 'pandas'} & (set(sys.modules) - before)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
