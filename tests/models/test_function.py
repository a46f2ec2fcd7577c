"""`Function`: a graph that is called on other tensors."""

from __future__ import annotations

import numpy as np
import pytest

import kdist
from kdist import ops


def two_in_two_out() -> kdist.Function:
    a, b = kdist.KerasTensor((None, 3)), kdist.KerasTensor((None, 3))
    x = a + b
    return kdist.Function({"a": a, "b": b}, {"triple": x * 3, "square": x**2}, name="f")


def test_of_values_and_of_symbolic_tensors():
    f = two_in_two_out()
    ones = np.ones((2, 3), "float32")
    out = f({"a": ones, "b": ones})
    np.testing.assert_array_equal(ops.convert_to_numpy(out["triple"]), 6 * ones)
    np.testing.assert_array_equal(ops.convert_to_numpy(out["square"]), 4 * ones)

    c, d = kdist.KerasTensor((5, 3)), kdist.KerasTensor((5, 3))
    symbolic = f({"a": c, "b": d})
    assert symbolic["square"].shape == (5, 3)
    outer = kdist.Function([c, d], symbolic["square"])
    assert [op.name for op in outer.operations] == ["f"]
    np.testing.assert_array_equal(
        ops.convert_to_numpy(outer([np.ones((5, 3), "float32")] * 2)), np.full((5, 3), 4.0)
    )


def test_shapes_of_outputs():
    f = two_in_two_out()
    assert f.compute_output_shape({"a": (4, 3), "b": (4, 3)}) == {
        "triple": (4, 3),
        "square": (4, 3),
    }


def test_what_is_before_the_inputs_is_no_part_of_it():
    x = kdist.Input((3,))
    middle = ops.multiply(x, 2)
    f = kdist.Function(middle, ops.add(middle, 1))
    assert [op.op for op in f.operations] == [ops.add]
    np.testing.assert_array_equal(ops.convert_to_numpy(f(np.ones((1, 3)))), [[2.0, 2.0, 2.0]])


def test_a_model_from_the_middle_of_another():
    x = kdist.Input((3,))
    middle = kdist.layers.Dense(4, name="before")(x)
    out = kdist.layers.Dense(2, name="after")(middle)
    model = kdist.Model(middle, out)
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Dense"]
    assert len(model.weights) == 2
    values = np.ones((1, 4), "float32")
    again = kdist.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(
        again.predict(values, verbose=0), model.predict(values, verbose=0), rtol=1e-6
    )


def test_bad_inputs():
    f = two_in_two_out()
    ones = np.ones((2, 3))
    with pytest.raises(ValueError, match="structure"):
        f([ones, ones])
    with pytest.raises(ValueError, match=r"incompatible.*\(None, 3\).*\(2, 4\)"):
        f({"a": ones, "b": np.ones((2, 4))})
    x = kdist.KerasTensor((3,))
    with pytest.raises(ValueError, match="`inputs` argument cannot be empty"):
        kdist.Function([], x)
    with pytest.raises(ValueError, match="is not connected to `inputs`"):
        kdist.Function(kdist.Input((3,)), kdist.Input((3,)) + 1)
    with pytest.raises(NotImplementedError, match="Model"):
        f.get_config()
