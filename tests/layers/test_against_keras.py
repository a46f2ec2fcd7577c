"""Each layer beside Keras's: the same weights, outputs, configs and shapes, eager and symbolic."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from kdist import layers, ops
from kdist.backend import bound as backend
from kdist.core import tree
from kdist.core.graph import KerasTensor

IMAGE, SEQUENCE, VOLUME, VECTOR = (2, 7, 8, 4), (2, 6, 4), (2, 4, 5, 6, 3), (3, 6)
COLLECTIONS = [VECTOR, VECTOR]


@dataclass(frozen=True)
class Case:
    """One layer and what it is called on.

    Attributes:
        make: from a package of layers, Keras's or ours, to the layer.
        shape: of the input, or of each of several.
        ints: draw class numbers and not floats.
        apart: pass several inputs as arguments and not as a list.
        kwargs: of the call.
        keras_errs_on: backends on which Keras's outputs are wrong or its call fails; they are not
            compared there.
    """

    id: str
    make: Callable
    shape: Any
    ints: bool = False
    apart: bool = False
    kwargs: dict = field(default_factory=dict)
    keras_errs_on: tuple = ()

    @property
    def no_float64(self) -> bool:
        return self.id.startswith(("MaxPooling3D", "AveragePooling3D"))

    def inputs(self, seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        shapes = self.shape if isinstance(self.shape, list) else [self.shape]
        if self.ints:
            return [rng.integers(0, 9, s).astype("int32") for s in shapes]
        return [rng.normal(size=s).astype("float32") for s in shapes]

    def args(self, values: list) -> tuple:
        if self.apart:
            return tuple(values)
        return (values,) if isinstance(self.shape, list) else (values[0],)


def case(text: str, shape: Any, **options: Any) -> Case:
    """A case of the expression `L.<text>`."""
    return Case(text, eval(f"lambda L: L.{text}"), shape, **options)


CASES = [
    case("Dense(3, activation='relu')", SEQUENCE),
    case("Dense(3, use_bias=False, kernel_regularizer='l2')", VECTOR),
    case("EinsumDense('abc,cd->abd', (None, 5), bias_axes='d')", SEQUENCE),
    case("EinsumDense('abc,cde->abde', (None, 2, 5), bias_axes='de')", SEQUENCE),
    case("EinsumDense('abc,cde->abde', (None, 2, 5), bias_axes='e')", SEQUENCE),
    case("EinsumDense('abcd,cde->abe', (None, 5), bias_axes='e')", IMAGE),
    case("EinsumDense('...x,xy->...y', 5, bias_axes='y', activation='tanh')", IMAGE),
    case("EinsumDense('ab...,bc->ac...', (3,), bias_axes='c')", SEQUENCE),
    case("EinsumDense('abc,bd->adc', (3, None))", SEQUENCE),
    case("Embedding(9, 5)", (2, 6), ints=True),
    case("Embedding(9, 5, mask_zero=True, embeddings_constraint='non_neg')", (2, 6), ints=True),
    case("Identity()", SEQUENCE),
    case("Masking(mask_value=0.5)", SEQUENCE),
    case("Activation('gelu')", SEQUENCE),
    case("ReLU(max_value=1.0, negative_slope=0.2, threshold=0.1)", SEQUENCE),
    case("LeakyReLU()", SEQUENCE),
    case("PReLU(alpha_initializer='ones', shared_axes=[1])", SEQUENCE),
    case("ELU(alpha=0.7)", SEQUENCE),
    case("Softmax()", SEQUENCE),
    case("Softmax(axis=(1, 2))", SEQUENCE),
    case("Conv1D(5, 3, padding='causal', dilation_rate=2)", SEQUENCE),
    case("Conv1D(5, 3, strides=2, padding='same', activation='relu')", SEQUENCE),
    case("Conv2D(6, 3)", IMAGE),
    case("Conv2D(6, (2, 3), strides=(2, 1), padding='same', groups=2, use_bias=False)", IMAGE),
    case("Conv2D(6, 3, dilation_rate=2, padding='same')", IMAGE),
    case("Conv3D(2, 2, padding='same')", VOLUME),
    case("Conv1DTranspose(5, 3, strides=2)", SEQUENCE),
    case("Conv2DTranspose(5, 3, strides=2, padding='same')", IMAGE),
    case("Conv2DTranspose(5, 2, strides=3)", IMAGE),
    case("Conv3DTranspose(2, 2)", VOLUME),
    case("DepthwiseConv1D(3, depth_multiplier=2)", SEQUENCE),
    case("DepthwiseConv2D(3, padding='same', activation='relu')", IMAGE),
    case("SeparableConv1D(5, 3)", SEQUENCE),
    case("SeparableConv2D(5, 3, strides=2, padding='same', depth_multiplier=2)", IMAGE),
    *(
        case(f"{kind}Pooling{rank}D({arguments})", shape, keras_errs_on=errs)
        # On torch, Keras 3.15 counts padding in an average.
        for kind, arguments, errs in (
            ("Max", "2", ()),
            ("Max", "3, strides=2, padding='same'", ()),
            ("Average", "2", ()),
            ("Average", "3, strides=2, padding='same'", ("torch",)),
        )
        for rank, shape in ((1, SEQUENCE), (2, IMAGE), (3, VOLUME))
    ),
    *(
        case(f"Global{kind}Pooling{rank}D({arguments})", shape)
        for kind in ("Max", "Average")
        for rank, shape in ((1, SEQUENCE), (2, IMAGE), (3, VOLUME))
        for arguments in ("", "keepdims=True")
    ),
    case("BatchNormalization()", IMAGE),
    case("BatchNormalization()", IMAGE, kwargs={"training": True}),
    case("BatchNormalization(axis=1, scale=False, momentum=0.5)", IMAGE, kwargs={"training": True}),
    case("LayerNormalization()", SEQUENCE),
    case("LayerNormalization(axis=(1, 2), epsilon=1e-5, center=False)", SEQUENCE),
    case("LayerNormalization(axis=1)", IMAGE, keras_errs_on=("torch",)),
    case("RMSNormalization()", SEQUENCE),
    case("GroupNormalization(groups=2)", IMAGE),
    case("GroupNormalization(groups=-1, axis=1)", IMAGE),
    case("UnitNormalization(axis=[1, 2])", SEQUENCE),
    case("Dropout(0.3)", SEQUENCE),
    case("SpatialDropout1D(0.3)", SEQUENCE),
    case("SpatialDropout2D(0.3)", IMAGE),
    case("SpatialDropout3D(0.3)", VOLUME),
    case("AlphaDropout(0.3)", SEQUENCE),
    case("GaussianNoise(0.3)", SEQUENCE),
    case("GaussianDropout(0.3)", SEQUENCE),
    case("ActivityRegularization(l1=0.1, l2=0.2)", SEQUENCE),
    case("Flatten()", IMAGE),
    case("Flatten(data_format='channels_first')", IMAGE),
    case("Reshape((8, -1))", IMAGE),
    case("Permute((3, 1, 2))", IMAGE),
    case("RepeatVector(4)", VECTOR),
    case("ZeroPadding1D((1, 2))", SEQUENCE),
    case("ZeroPadding2D(((1, 0), (2, 3)))", IMAGE),
    case("ZeroPadding3D((1, 2, 3))", VOLUME),
    case("Cropping1D((1, 2))", SEQUENCE),
    case("Cropping2D(((1, 0), (2, 3)))", IMAGE),
    case("Cropping3D(1)", VOLUME),
    case("UpSampling1D(3)", SEQUENCE),
    case("UpSampling2D((2, 3))", IMAGE),
    case("UpSampling3D(2)", VOLUME),
    case("Add()", [VECTOR, VECTOR, VECTOR]),
    case("Add()", [(3, 5, 6), (3, 6)]),
    case("Subtract()", COLLECTIONS),
    case("Multiply()", [(3, 1, 6), (3, 5, 1)]),
    case("Average()", COLLECTIONS),
    case("Maximum()", COLLECTIONS),
    case("Minimum()", COLLECTIONS),
    case("Concatenate(axis=1)", [(2, 3, 4), (2, 5, 4)]),
    case("Dot(axes=(1, 2))", [(2, 3, 5), (2, 7, 3)]),
    case("Dot(axes=-1, normalize=True)", COLLECTIONS),
    case("Attention(use_scale=True)", [(2, 3, 4), (2, 5, 4)]),
    case("Attention(score_mode='concat')", [(2, 3, 4), (2, 5, 4), (2, 5, 4)]),
    case("AdditiveAttention()", [(2, 3, 4), (2, 5, 4)]),
    case("Attention()", [(2, 5, 4), (2, 5, 4)], kwargs={"use_causal_mask": True}),
    *(
        case(
            f"MultiHeadAttention({arguments})",
            [(2, 5, 4), (2, 5, 3)],
            apart=True,
            kwargs=kwargs,
            # jax's own attention takes no values of another size than the keys.
            keras_errs_on=("jax",) if "value_dim" in arguments and len(kwargs) < 2 else (),
        )
        for arguments in ("2, 3", "2, 3, value_dim=5, output_shape=6, use_bias=False")
        for kwargs in (
            {},
            {"use_causal_mask": True},
            {"return_attention_scores": True, "use_causal_mask": True},
        )
    ),
    case("MultiHeadAttention(2, 3, use_gate=True)", [(2, 5, 4), (2, 6, 3)], apart=True),
    case("MultiHeadAttention(2, 3, sliding_window=2)", [(2, 5, 4), (2, 5, 3)], apart=True),
    case(
        "MultiHeadAttention(2, 3, dropout=0.2, attention_axes=(2,))",
        [(2, 3, 5, 4), (2, 3, 5, 4)],
        apart=True,
    ),
    case("Rescaling(0.5, offset=[1.0, 2.0, 3.0, 4.0])", IMAGE),
    case("Normalization(mean=[1.0] * 4, variance=[2.0] * 4)", IMAGE),
    case("Normalization(axis=None)", SEQUENCE),
]
cases = pytest.mark.parametrize("case", CASES, ids=[f"{c.id}-{i}" for i, c in enumerate(CASES)])


def plain(value: Any) -> Any:
    """A config with tuples as lists."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def weights_of(theirs: Any) -> list[np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras 3.15 with NumPy 2.4
        return theirs.get_weights()


def numpy_of(value: Any) -> list[np.ndarray]:
    return [ops.convert_to_numpy(v) for v in tree.flatten(value)]


@cases
def test_outputs_weights_and_config_are_those_of_keras(case, keras):
    theirs, ours = case.make(keras.layers), case.make(layers)
    assert plain(ours.get_config()) == {**plain(theirs.get_config()), "name": ours.name}
    if backend.name in case.keras_errs_on:
        return
    values = case.inputs(seed=0)
    theirs(*case.args(values), **case.kwargs)
    ours(*case.args(values), **case.kwargs)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    trained = len(theirs.trainable_weights), len(theirs.non_trainable_variables)
    assert (len(ours.trainable_weights), len(ours.non_trainable_variables)) == trained

    ours.set_weights(weights_of(theirs))
    values = case.inputs(seed=1)
    expected = numpy_of(theirs(*case.args(values), **case.kwargs))
    got = numpy_of(ours(*case.args(values), **case.kwargs))
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
    for a, b in zip(ours.get_weights(), weights_of(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@cases
def test_symbolic_shapes_are_those_of_the_result(case):
    values = case.inputs(seed=0)
    real = tree.flatten(case.make(layers)(*case.args(values), **case.kwargs))
    dtype = "int32" if case.ints else "float32"
    for batch in (None, values[0].shape[0]):
        symbolic = [KerasTensor((batch, *v.shape[1:]), dtype) for v in values]
        out = tree.flatten(case.make(layers)(*case.args(symbolic), **case.kwargs))
        assert [x.shape for x in out] == [(batch, *x.shape[1:]) for x in real]
        assert [x.dtype for x in out] == [ops.dtype(x) for x in real]


@cases
def test_a_layer_made_from_its_config_computes_the_same(case):
    layer = case.make(layers)
    values = case.inputs(seed=0)
    expected = layer(*case.args(values), **{**case.kwargs, **quiet(layer)})
    again = layers.deserialize(layers.serialize(layer))
    assert type(again) is type(layer)
    assert again.built == layer.built
    again(*case.args(values), **case.kwargs)
    again.set_weights(layer.get_weights())
    assert plain(again.get_config()) == plain(layer.get_config())
    if not case.kwargs.get("training"):
        got = again(*case.args(values), **{**case.kwargs, **quiet(layer)})
        for a, b in zip(numpy_of(got), numpy_of(expected), strict=True):
            np.testing.assert_array_equal(a, b)


def quiet(layer: Any) -> dict:
    return {"training": False} if "training" in inspect.signature(layer.call).parameters else {}


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float64"])
@cases
def test_dtype_policies(case, policy):
    if policy == "float64" and backend.name == "tensorflow" and case.no_float64:
        pytest.skip("TensorFlow has no such kernel on CPUs")
    config = {**case.make(layers).get_config(), "dtype": policy}
    layer = type(case.make(layers)).from_config(config)
    out = tree.flatten(layer(*case.args(case.inputs(seed=0)), **case.kwargs))
    compute, variables = ("bfloat16", "float32") if "mixed" in policy else (policy, policy)
    # Without its 64-bit mode, jax computes in 32 bits.
    assert {ops.dtype(x) for x in out} == {ops.dtype(ops.zeros((), compute))}
    assert {w.dtype for w in layer.weights if "int" not in w.dtype} <= {variables}
    symbolic = [KerasTensor(v.shape, "int32" if case.ints else "float32") for v in case.inputs(0)]
    again = type(layer).from_config(config)
    assert {x.dtype for x in tree.flatten(again(*case.args(symbolic), **case.kwargs))} == {compute}
