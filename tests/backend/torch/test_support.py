"""Strategies that torch cannot run are refused by name, with what to use instead."""

from __future__ import annotations

import numpy as np
import pytest

from kdist import Input, Sequential, layers
from kdist.distribution import FSDP, DataParallel, DeviceMesh, LayoutMap, ModelParallel

TWO = ["cpu:0", "cpu:1"]


def _with_output_rule() -> ModelParallel:
    rules = LayoutMap(DeviceMesh((1, 1), ("batch", "model")))
    rules["dense/output"] = ("model", "batch")
    return ModelParallel(layout_map=rules)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FSDP(devices=TWO), "2 devices, and this job has 1 process"),
        (lambda: DataParallel(devices=TWO), "kdist run --workers 2"),
        (lambda: DataParallel(devices=["cpu:1"]), "leave devices= out"),
        (_with_output_rule, "dense/output.*along the batch's axes .*'batch'.*own rows"),
    ],
)
def test_what_does_not_run_is_refused_at_compile(make, message):
    with make().scope():
        model = Sequential([Input((4,)), layers.Dense(2)])
        with pytest.raises(ValueError, match=message):
            model.compile("sgd", "mse")


def test_one_process_is_whole_under_any_strategy():
    with FSDP(min_size=1).scope():
        model = Sequential([Input((4,)), layers.Dense(2)])
        model.compile("sgd", "mse")
        model.fit(np.ones((1, 4)), np.ones((1, 2)), verbose=0)
    assert model.layers[0].kernel._storage.cut is None
