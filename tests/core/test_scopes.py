from __future__ import annotations

import threading

import numpy as np
import pytest

import kdist
from kdist.core import masks, scopes
from kdist.core.replicas import SINGLE, global_size, replicas, sample_mask, step_scope


def test_a_stateless_scope_leaves_variables_alone():
    v = kdist.Variable(np.array([1.0, 2.0], "float32"))
    with scopes.StatelessScope([(v, np.array([5.0, 6.0], "float32"))]) as scope:
        assert float(v.value[0]) == 5
        v.assign(np.array([7.0, 8.0], "float32"))
        assert float(v.value[1]) == 8
        assert scopes.in_stateless_scope()
    np.testing.assert_array_equal(v.numpy(), [1, 2])
    np.testing.assert_array_equal(np.asarray(scope.get_current_value(v)), [7, 8])
    assert not scopes.in_stateless_scope()


def test_the_inner_scope_is_left_for_the_outer_one():
    with scopes.StatelessScope() as outer:
        with scopes.StatelessScope(collect_losses=True) as inner:
            inner.add_loss(1.0)
            assert scopes.get_stateless_scope() is inner
        assert scopes.get_stateless_scope() is outer
    assert inner.losses == [1.0]


def test_a_mapping_from_what_is_no_variable():
    with pytest.raises(ValueError, match="its keys must be kdist variables, and received 'kernel'"):
        scopes.StatelessScope({"kernel": 1})


def test_autocast_is_for_floats_and_ends():
    v, n = kdist.Variable(np.ones(2, "float32")), kdist.Variable(np.ones(2, "int32"))
    with scopes.autocast_scope("bfloat16"):
        assert "bfloat16" in str(v.value.dtype) and "int32" in str(n.value.dtype)
        with scopes.autocast_scope(None):
            assert "float32" in str(v.value.dtype)
    assert "float32" in str(v.value.dtype)


def test_names_nest():
    caller = object()
    with scopes.name_scope("a"), scopes.name_scope("b", caller), scopes.name_scope("b", caller):
        assert scopes.current_path() == "a/b"
        assert kdist.Variable(np.ones(1), name="w").path == "a/b/w"
    assert scopes.current_path() == ""


def test_scopes_belong_to_a_thread():
    seen = []
    with scopes.StatelessScope(), scopes.name_scope("here"), step_scope(SINGLE, None, 8):
        thread = threading.Thread(
            target=lambda: seen.append(
                (scopes.in_stateless_scope(), scopes.current_path(), global_size())
            )
        )
        thread.start()
        thread.join()
    assert seen == [(False, "", None)]


def test_a_step_knows_its_mask_and_size():
    assert (replicas().count, sample_mask(), global_size()) == (1, None, None)
    with pytest.raises(RuntimeError), step_scope(SINGLE, "mask", 5):
        assert (sample_mask(), global_size()) == ("mask", 5)
        raise RuntimeError
    assert global_size() is None


def test_masks_travel_with_arrays_that_refuse_attributes():
    x = kdist.ops.convert_to_tensor(np.ones((2, 3), "float32"))
    masks.set_keras_mask(x, "mask")
    assert masks.get_keras_mask(x) == "mask"
    masks.set_keras_mask(x, None)
    assert masks.get_keras_mask(x) is None
