"""An exception in a user's code shows the user's lines and not kdist's own."""

from __future__ import annotations

import pathlib
import traceback

import numpy as np
import pytest

import kdist

OWN = str(pathlib.Path(kdist.__file__).parent)


class Broken(kdist.layers.Layer):
    def call(self, x):
        return self.helper(x)

    def helper(self, x):
        raise LookupError("broken on purpose")


@pytest.fixture
def filtering():
    before = kdist.config.is_traceback_filtering_enabled()
    kdist.config.enable_traceback_filtering()
    yield
    if not before:
        kdist.config.disable_traceback_filtering()


def frames(call):
    with pytest.raises(LookupError, match="broken on purpose") as caught:
        call()
    return traceback.extract_tb(caught.value.__traceback__)


def fit_broken():
    model = kdist.Sequential([Broken(), kdist.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(np.ones((4, 2), "float32"), np.ones((4, 1), "float32"), verbose=0)


@pytest.mark.parametrize("call", [lambda: Broken()(np.ones((2, 2))), fit_broken])
def test_own_frames_are_left_out(filtering, call):
    shown = frames(call)
    assert [f.name for f in shown if f.filename == __file__][-2:] == ["call", "helper"]
    # Only the door through which the call came in is left.
    assert sum(f.filename.startswith(OWN) for f in shown) <= 1
    kdist.config.disable_traceback_filtering()
    assert sum(f.filename.startswith(OWN) for f in frames(call)) > 2


def test_an_error_of_kdist_s_own_keeps_one_line(filtering):
    with pytest.raises(ValueError) as caught:
        kdist.layers.Dense(2)(np.float32(1.0))
    shown = traceback.extract_tb(caught.value.__traceback__)
    assert 1 <= sum(f.filename.startswith(OWN) for f in shown) <= 2
