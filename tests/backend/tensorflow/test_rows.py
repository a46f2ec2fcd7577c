"""What is TensorFlow's own in the rows: dtypes that lack kernels, the CPU's missing convolutions,
control flow, conversions.
"""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kdist.backend import bound as backend
from kdist.backend.variable import Variable
from kdist.core.spec import Spec

OPS = backend.OPS
RNG = np.random.default_rng()


def f(*shape, low=-2.0, high=2.0):
    return RNG.uniform(low, high, shape).astype("float32")


@pytest.mark.parametrize(
    "name,args,dtype",
    [
        ("add", (np.int32([1]), 1.5), "float32"),
        ("add", (np.int32([1]), 2), "int32"),
        ("add", (np.float16([1]), 1.5), "float16"),
        ("add", (np.float32([1]), np.float64(2)), "float64"),
        ("add", ([True], [True]), "bool"),
        ("multiply", ([True], [False]), "bool"),
        ("multiply", (np.float32([2]), [True]), "float32"),
        ("divide", (np.int32([1]), np.int32([2])), "float32"),
        ("power", (np.uint8([3]), np.uint8([2])), "uint8"),
        ("negative", (np.uint16([3]),), "uint16"),
        ("sign", (np.uint32([3]),), "uint32"),
        ("mean", (np.int64([1, 2]),), "float32"),
        ("mean", ([True, False],), "float32"),
        ("sum", (np.uint8([200, 100]),), "uint32"),
        ("sum", (np.int8([100, 100]),), "int32"),
        ("argmax", (f(3),), "int32"),
        ("matmul", (np.int8([[100]]), np.int8([[100]])), "int32"),
        ("matmul", (np.uint8([[3]]), np.uint8([[4]])), "uint8"),
        ("tile", (np.uint16([3]), 2), "uint16"),
        ("repeat", (np.uint16([3]), 2), "uint16"),
        ("arange", (3, None, None, "int8"), "int8"),
        ("arange", (0, 1, 0.25), "float32"),
        ("max", ([True, False],), "bool"),
        ("clip", ([True, False], 0, 1), "int32"),
        ("erfinv", (np.float16([0.5]),), "float16"),
    ],
)
def test_dtypes(name, args, dtype):
    assert backend.dtype_of(OPS[name](*args)) == dtype


def test_values_of_narrow_integers():
    assert OPS["sum"](np.uint8([200, 100])).numpy() == 300
    assert OPS["matmul"](np.int8([[100]]), np.int8([[100]])).numpy() == 10000
    assert OPS["power"](np.uint8([3]), np.uint8([2])).numpy() == 9
    np.testing.assert_array_equal(OPS["negative"](np.uint16([3])), [65533])
    with pytest.raises(ValueError, match="logical_xor"):
        OPS["subtract"]([True], [True])


@pytest.mark.parametrize(
    "given,dtype",
    [
        (1, "int32"),
        (1.5, "float32"),
        (True, "bool"),
        ([1, 2], "int32"),
        ([1.0], "float32"),
        (np.ones(2), "float64"),
        (np.arange(2), "int64"),
        ([np.float64(1)], "float64"),
    ],
)
def test_conversion_keeps_numpy_dtypes_and_gives_python_numbers_the_defaults(given, dtype):
    assert backend.dtype_of(backend.convert_to_tensor(given)) == dtype


def test_conversion_of_variables_slices_and_nested_tensors():
    v = Variable(np.float32([1, 2]))
    assert backend.convert_to_tensor(v) is not v
    assert OPS["stack"]([v, v]).shape == (2, 2)
    assert backend.convert_to_tensor([v, [3, 4]]).dtype == tf.float32
    slices = tf.IndexedSlices(tf.constant([[1.0], [2.0]]), tf.constant([1, 1]), tf.constant([3, 1]))
    np.testing.assert_array_equal(backend.convert_to_tensor(slices), [[0], [3], [0]])


def reference_conv(x, kernel, stride, padding, dilation):
    """A direct sum over windows, channels last."""
    kh, kw = ((n - 1) * dilation + 1 for n in kernel.shape[:2])
    groups, of = x.shape[-1] // kernel.shape[2], kernel.shape[3] * kernel.shape[2] // x.shape[-1]
    if padding == "same":
        lost = [
            max((-(-n // stride) - 1) * stride + k - n, 0)
            for n, k in zip(x.shape[1:3], (kh, kw), strict=True)
        ]
        x = np.pad(x, ((0, 0), *((p // 2, p - p // 2) for p in lost), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (1, 2))[
        :, ::stride, ::stride, ..., ::dilation, ::dilation
    ]
    per = kernel.shape[2]
    parts = [
        np.einsum(
            "bhwcij,ijco->bhwo",
            windows[..., g * per : (g + 1) * per, :, :],
            kernel[..., g * of : (g + 1) * of],
        )
        for g in range(groups)
    ]
    return np.concatenate(parts, -1)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("stride,dilation", [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2)])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("groups", [1, 2])
def test_conv_and_its_gradient(data_format, stride, dilation, padding, groups):
    x, kernel = f(2, 9, 8, 4), f(3, 2, 4 // groups, 6)
    given = tf.constant(x if data_format == "channels_last" else x.transpose(0, 3, 1, 2))
    variable = tf.constant(kernel)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        out = OPS["conv"](given, variable, stride, padding, data_format, dilation)
        last = out if data_format == "channels_last" else tf.transpose(out, [0, 2, 3, 1])
        weights = f(*last.shape)
        total = tf.reduce_sum(last * weights)
    expected = reference_conv(
        x.astype("float64"), kernel.astype("float64"), stride, padding, dilation
    )
    np.testing.assert_allclose(last, expected, rtol=2e-5, atol=2e-5)
    direction = f(*kernel.shape).astype("float64")
    slope = (
        reference_conv(x.astype("float64"), direction, stride, padding, dilation) * weights
    ).sum()
    np.testing.assert_allclose(
        (tape.gradient(total, variable).numpy() * direction).sum(), slope, rtol=1e-4, atol=1e-3
    )


@pytest.mark.parametrize("strides", [1, 2, (1, 2)])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_depthwise_conv_is_a_conv_of_each_channel(strides, dilation, padding):
    x, kernel = f(2, 8, 7, 3), f(3, 3, 3, 2)
    out = OPS["depthwise_conv"](x, kernel, strides, padding, "channels_last", dilation)
    for c in range(3):
        one = OPS["conv"](
            x[..., c : c + 1], kernel[:, :, c : c + 1], strides, padding, "channels_last", dilation
        )
        np.testing.assert_allclose(out[..., 2 * c : 2 * c + 2], one, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("strides,dilation", [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv_transpose_is_the_gradient_of_conv(strides, dilation, padding):
    x, kernel = f(2, 5, 4, 3), f(3, 3, 6, 3)
    out = OPS["conv_transpose"](x, kernel, strides, padding, None, "channels_last", dilation)
    image = tf.zeros(out.shape)
    with tf.GradientTape() as tape:
        tape.watch(image)
        forward = OPS["conv"](image, kernel, strides, padding, "channels_last", dilation)
    np.testing.assert_allclose(out, tape.gradient(forward, image, x), rtol=2e-5, atol=2e-5)
    with pytest.raises(ValueError, match="output_padding=9"):
        OPS["conv_transpose"](x, kernel, strides, padding, 9)


def test_channels_that_do_not_fit_name_both_shapes():
    with pytest.raises(ValueError, match=r"\(2, 8, 8, 5\).*\(3, 3, 4, 6\)"):
        OPS["conv"](f(2, 8, 8, 5), f(3, 3, 4, 6))


def test_bias_is_fused_in_graphs_and_broadcasts_everywhere():
    x, b = f(4, 3), f(3)
    graph = (
        tf.function(lambda x, b: OPS["add"](x, b))
        .get_concrete_function(tf.TensorSpec((None, 3)), tf.TensorSpec((3,)))
        .graph
    )
    assert "BiasAdd" in {op.type for op in graph.get_operations()}
    np.testing.assert_array_equal(tf.function(OPS["add"])(x, b), x + b)
    np.testing.assert_array_equal(tf.function(OPS["add"])(x, f(4, 1) * 0), x)


def test_scatter_by_products_multiplies_by_every_factor():
    out = OPS["scatter_update"](
        np.float32([1, 2, 3]), np.int32([[1], [1], [2]]), np.float32([2, 5, 7]), "mul"
    )
    np.testing.assert_array_equal(out, [1, 20, 21])


def test_scan_returns_ys_of_another_form_than_the_carry():
    carry, ys = OPS["scan"](
        lambda c, x: (c + x, {"double": 2 * x, "big": c > 1}),
        np.float32(0),
        np.float32([1, 2, 3]),
        reverse=True,
    )
    assert float(carry) == 6
    np.testing.assert_array_equal(ys["double"], [2, 4, 6])
    np.testing.assert_array_equal(ys["big"], [True, True, False])


def test_associative_scan_of_a_size_known_late():
    scan = tf.function(
        lambda x: backend.OPS["associative_scan"](tf.add, x),
        input_signature=[tf.TensorSpec([None, 2])],
    )
    for n in (1, 2, 5, 8):
        x = np.arange(2 * n, dtype="float32").reshape(n, 2)
        np.testing.assert_array_equal(scan(x), np.cumsum(x, 0))


def test_abstract_evaluation_computes_nothing_and_captures_variables():
    v = Variable(f(3, 5))
    fill = lambda x: (v.assign(OPS["zeros"]((3, 5))), OPS["matmul"](x, v))[1]
    before = v.numpy()
    assert backend.abstract_eval(fill, (Spec((7, 3)),), {}) == Spec((7, 5))
    np.testing.assert_array_equal(v.numpy(), before)


def test_variables_born_while_a_graph_is_traced_outlive_it():
    made = []
    backend.abstract_eval(
        lambda x: (
            made.append(Variable(lambda shape, dtype: OPS["ones"](shape, dtype), shape=(2,))),
            x,
        )[1],
        (Spec((3,)),),
        {},
    )
    np.testing.assert_array_equal(made[0].numpy(), [1, 1])


def test_gradient_tape_takes_variables_themselves():
    v, w = Variable(f(3)), Variable(f(3), trainable=False)
    with tf.GradientTape(persistent=True) as tape:
        y = OPS["sum"](v * v + w)
    np.testing.assert_allclose(tape.gradient(y, [v])[0], 2 * v.numpy())
    assert len(tape.watched_variables()) == 1
