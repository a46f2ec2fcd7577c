"""Users' own operations: how they are called, inferred, and made again from their configuration."""

from __future__ import annotations

import numpy as np
import pytest

import kdist
from kdist import ops
from kdist.core.scopes import in_symbolic_scope


class Scale(kdist.Operation):
    def __init__(self, factor, *, offset=1.0, name=None):
        super().__init__(name=name)
        self.factor, self.offset = factor, offset

    def call(self, x, y=0.0):
        return self.factor * x + self.offset + y


class Halves(kdist.Operation):
    def call(self, x):
        return ops.split(x, 2, axis=-1)


def test_of_values():
    x = ops.ones((2, 3))
    np.testing.assert_array_equal(ops.convert_to_numpy(Scale(2.0)(x, y=x)), np.full((2, 3), 4.0))


def test_of_symbolic_tensors():
    x, y = kdist.KerasTensor((None, 4)), kdist.KerasTensor((None, 4))
    scale = Scale(2.0)
    out = scale(x, y=y)
    assert (out.shape, out.dtype) == ((None, 4), "float32")
    assert scale.input == [x, y]
    assert scale.output is out
    scale(out)
    assert scale.output is out  # of the first call
    halves = Halves()
    first, second = halves(out)
    assert first.shape == second.shape == (None, 2)
    assert halves.input is out
    assert kdist.utils.get_source_inputs(second) == [x, y]


def test_in_a_model():
    x = kdist.Input((4,))
    model = kdist.Model(x, Scale(3.0)(x))
    np.testing.assert_array_equal(model.predict(np.ones((2, 4)), verbose=0), np.full((2, 4), 4.0))


def test_shapes_are_inferred_in_a_symbolic_scope():
    seen = []

    class Looks(kdist.Operation):
        def call(self, x):
            seen.append(in_symbolic_scope())
            return x

    Looks()(kdist.KerasTensor((2,)))
    Looks()(ops.ones((2,)))
    assert seen == [True, False]
    with kdist.SymbolicScope():
        assert in_symbolic_scope()
    assert not in_symbolic_scope()


def test_made_again_from_its_arguments():
    scale = Scale(2.0, name="twice")
    assert scale.get_config() == {"factor": 2.0, "offset": 1.0, "name": "twice"}
    again = Scale.from_config(scale.get_config())
    assert (again.factor, again.offset, again.name) == (2.0, 1.0, "twice")


def test_a_name_that_init_does_not_take_is_not_configured():
    class Nameless(kdist.Operation):
        def __init__(self, factor):
            super().__init__()

    assert Nameless(2).get_config() == {"factor": 2}


def test_a_class_adds_to_its_configuration():
    class Own(Scale):
        def get_config(self):
            return {**super().get_config(), "factor": self.factor}

    assert Own(2.0, name="own").get_config() == {"name": "own", "factor": 2.0}


@pytest.mark.parametrize("given", [(object(),), (1, 2)])
def test_what_cannot_be_configured_is_said(given):
    class Any(kdist.Operation):
        def __init__(self, first, *rest):
            super().__init__()

    with pytest.raises(NotImplementedError, match="get_config"):
        Any(*given).get_config()


def test_bad_names_and_missing_methods():
    with pytest.raises(ValueError, match="name='a/b'"):
        Halves(name="a/b")
    with pytest.raises(NotImplementedError, match="call"):
        kdist.Operation()(ops.ones((2,)))
    with pytest.raises(AttributeError, match="no output"):
        _ = Halves().output


@kdist.saving.register_keras_serializable()
def _twice(x):
    return x + x


def test_a_function_given_to_an_op_is_saved_with_the_model():
    x = kdist.Input((3,))
    model = kdist.Model(x, ops.vectorized_map(_twice, x))
    again = kdist.Model.from_config(model.get_config())
    np.testing.assert_array_equal(again.predict(np.ones((2, 3)), verbose=0), np.full((2, 3), 2.0))


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda s: ops.bitwise_and(x=s(None, 3), y=s(1, 3)), (None, 3)),
        (lambda s: ops.gcd(s(2), s(2)), (2,)),
        (lambda s: ops.ldexp(s(None, 3), s(3)), (None, 3)),
        (lambda s: ops.take(s(None, 3, None, 5), s(6, 7), axis=2), (None, 3, 6, 7, 5)),
        (lambda s: ops.take_along_axis(s(None, 3), indices=s(1, 3), axis=1), (None, 3)),
        (lambda s: ops.unravel_index(s(None, 4), (2, 3))[1], (None, 4)),
        (lambda s: ops.nancumsum(s(None, 3), axis=(1,)), (None, 3)),
        (lambda s: ops.meshgrid(s(2, 3), s(2, 3, 4))[0], (24, 6)),
    ],
)
def test_symbolic_calls(call, shape):
    """A symbolic tensor is of floats unless it says otherwise: where integers are asked for, it counts as such."""
    assert call(lambda *sizes: kdist.KerasTensor(sizes)).shape == shape


def test_a_mistake_in_named_arguments_is_explained():
    with pytest.raises(ValueError, match="bitwise_and"):
        ops.bitwise_and(x=kdist.KerasTensor((2,)), y=kdist.KerasTensor((3,)))
    with pytest.raises(ValueError, match="cross: vectors have 2 or 3"):
        ops.cross(x1=ops.ones((2, 3)), x2=ops.ones((2, 4)))
    with pytest.raises(ValueError, match="cross"):
        ops.cross(kdist.KerasTensor((4, 3, 3)), kdist.KerasTensor((2, 3, 3)))


def test_scales_and_classes_along_other_axes():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    scale = np.arange(24, dtype="float32").reshape(2, 3, 4)
    got = ops.rms_normalization(x, scale)
    wanted = scale * ops.convert_to_numpy(ops.rms_normalization(x))
    np.testing.assert_allclose(ops.convert_to_numpy(got), wanted, rtol=1e-5)

    labels = np.array([[0, 1, 2, 0], [2, 2, 1, 0]])
    got = ops.sparse_categorical_crossentropy(labels, x, from_logits=True, axis=1)
    wanted = ops.sparse_categorical_crossentropy(labels, x.swapaxes(1, 2), from_logits=True)
    np.testing.assert_allclose(ops.convert_to_numpy(got), ops.convert_to_numpy(wanted), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "float16"])
def test_weighted_counts_have_the_dtype_of_the_symbolic_call(dtype):
    x, weights = np.array([1, 1, 2], dtype), np.ones(3, dtype)
    if dtype.startswith("float"):
        x = x.astype("int8")
    got = ops.bincount(x, weights=weights)
    inferred = ops.bincount(kdist.KerasTensor((3,), x.dtype.name), weights=weights)
    assert kdist.backend.standardize_dtype(got.dtype) == inferred.dtype == dtype
    assert ops.convert_to_numpy(got).tolist() == [0, 2, 1]


def test_a_quantized_operation_is_called_as_such():
    class Halved(kdist.Operation):
        def call(self, x):
            return x

        def quantized_call(self, x):
            return x / 2

    operation = Halved()
    assert float(operation(ops.ones(()))) == 1.0
    operation.quantization_mode = "int8"
    assert float(operation(ops.ones(()))) == 0.5
