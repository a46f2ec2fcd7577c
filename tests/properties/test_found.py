"""What the drawn examples found to be wrong, each as it was found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from compare import held
from wire import BACKENDS, Request, upstream

PAIR = (-1.0, 0.6)


def answers(workers, op, *args, masks=(), **kwargs):
    """Backend -> (eager (value, dtype) of the first output, specs with unknown dims)."""
    replies = workers.ask(Request(op, args, kwargs, masks=masks))
    found = {}
    for backend, reply in replies.items():
        for _, error in (reply["eager"], reply["spec"], *reply["unknown"]):
            assert error is None, f"{op} on {backend}: {error}"
        found[backend] = (reply["eager"][0][0], [spec for spec, _ in reply["unknown"]])
    return found


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "float32"])
def test_python_bool_with_a_number(workers, dtype):
    """TensorFlow's constants refuse bools as numbers."""
    found = answers(workers, "add", np.ones((2,), dtype), True)
    for (value, name), _ in found.values():
        assert name == dtype
        np.testing.assert_array_equal(value, np.full((2,), 2, dtype))


def test_empty_dim_broadcast_with_an_unknown_one(workers):
    """The empty dim was never tried as the size of the unknown one."""
    masks = (((False, False), (True,)),)
    found = answers(
        workers, "add", np.zeros((2, 0), "float32"), np.zeros((0,), "float32"), masks=masks
    )
    assert {b: specs for b, (_, specs) in found.items()} == {
        b: [[((2, 0), "float32")]] for b in BACKENDS
    }


@pytest.mark.parametrize("op", ["nanmedian", "nancumsum"])
def test_many_unknown_dims_made_one(workers, op):
    """The product of the sizes that stood for unknown dims passed int32."""
    x = np.arange(24, dtype="float32").reshape(2, 3, 4)
    found = answers(workers, op, x, masks=(((True, True, True),),))
    for _, ((spec,),) in found.values():
        assert spec == (() if op == "nanmedian" else (None,), "float32")


@pytest.mark.parametrize("op", ["binary_crossentropy", "categorical_crossentropy"])
def test_losses_of_two_dtypes(workers, op):
    """TensorFlow rounded the targets to the dtype of the output."""
    shares = np.float32([[0.25, 0.75], [0.1, 0.9]])
    found = answers(workers, op, shares, shares.astype("float16"), from_logits=True)
    for backend, ((value, name), _) in found.items():
        assert name == held(backend, "float32")
        np.testing.assert_allclose(value, found["jax"][0][0], rtol=1e-6)


def test_bounds_outside_the_range_of_ints(workers):
    """An int below the least uint8 wrapped around, one above the greatest was refused by torch."""
    for low, high, wanted in ((-1, 2, [0, 2, 2]), (1, 300, [1, 2, 200]), (-3, -1, [0, 0, 0])):
        for (value, name), _ in answers(workers, "clip", np.uint8([0, 2, 200]), low, high).values():
            assert name == "uint8"
            np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize(
    ("given", "values", "target", "wanted"),
    [
        ("float16", [-3.5, 65504.0], "int32", [-3, 65504]),  # torch's clamp refused the limits
        ("float32", [3e9, -3e9], "int32", [2**31 - 1, -(2**31)]),  # 2147483520 on TensorFlow
        ("float16", [40000.0, -40000.0], "int16", [2**15 - 1, -(2**15)]),
        ("float32", [70000.0, -1.0], "uint16", [2**16 - 1, 0]),  # torch holds it in 32 bits
        ("int32", [100000, -100000], "float16", [65504.0, -65504.0]),  # infinite on torch
        ("float32", [0.5, -2.0], "bool", [True, False]),  # the ints before the point on torch
    ],
)
def test_saturated(workers, given, values, target, wanted):
    for (value, _), _ in answers(
        workers, "saturate_cast", np.array(values, given), target
    ).values():
        np.testing.assert_array_equal(value.astype("float64"), wanted)


def test_int64_saturated(workers):
    """It became the least one on TensorFlow. jax has 32 bits."""
    found = answers(workers, "saturate_cast", np.float32([1e19, -1e19]), "int64")
    for backend in ("torch", "tensorflow"):
        np.testing.assert_array_equal(found[backend][0][0], [2**63 - 1, -(2**63)])


def test_zeros_of_half_precision_normalized(workers):
    """One over epsilon is no float16: torch refused it, the others made zeros NaN."""
    for (value, name), _ in answers(workers, "normalize", np.zeros((2, 3), "float16")).values():
        assert name == "float16"
        np.testing.assert_array_equal(value, np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("op", "kwargs", "wanted"),
    [
        ("leaky_relu", {"negative_slope": 0.2}, [-0.2, 0.6]),
        (
            "gelu",
            {},
            [v / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))) for v in PAIR],
        ),
        ("gelu", {"approximate": False}, [v / 2 * (1 + math.erf(v / math.sqrt(2))) for v in PAIR]),
    ],
)
def test_constants_in_float64(workers, op, kwargs, wanted):
    """TensorFlow's own functions round theirs to float32."""
    found = answers(workers, op, np.float64(PAIR), **kwargs)
    for backend in ("torch", "tensorflow"):
        np.testing.assert_allclose(found[backend][0][0], wanted, rtol=1e-13)


def test_attention_in_float64(workers):
    """Its scale was rounded to float32 on TensorFlow."""
    rng = np.random.default_rng(0)
    found = answers(workers, "dot_product_attention", *rng.normal(size=(3, 2, 5, 4, 8)))
    np.testing.assert_allclose(found["tensorflow"][0][0], found["torch"][0][0], rtol=1e-12)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos3"])
def test_images_in_float64(workers, interpolation):
    """The weights were of float32. Along a line, pixels are a plane's: the place itself."""
    line = np.broadcast_to(np.arange(12.0)[None, :, None], (8, 12, 1))
    found = answers(workers, "resize", line, (8, 16), interpolation=interpolation)
    for backend in ("torch", "tensorflow"):
        value, name = found[backend][0]
        assert name == "float64"
        np.testing.assert_allclose(value, found["torch"][0][0], rtol=1e-13)
        if interpolation == "bilinear":
            places = (np.arange(16) + 0.5) * 12 / 16 - 0.5
            np.testing.assert_allclose(value[0, 1:-1, 0], places[1:-1], rtol=1e-13)


@pytest.mark.parametrize("cuts", [(1, 3), (-1,), (3, 1), (-9, 1, 9)])
def test_split_at_any_positions(workers, cuts):
    """As NumPy's slices: jax refused what is beyond the end or out of order, TensorFlow what counts from the end."""
    x = np.arange(4.0, dtype="float32").reshape(2, 2)
    wanted = np.split(x, cuts, -1)
    for reply in workers.ask(Request("split", (x, cuts), {"axis": -1})).values():
        found, error = reply["eager"]
        assert error is None
        assert reply["spec"] == ([(part.shape, "float32") for part in wanted], None)
        for (part, _), want in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(part, want)


@pytest.mark.parametrize(
    ("op", "length", "used"), [("rfft", 4, 4), ("irfft", 6, 4), ("rfft", 9, 8)]
)
def test_gradient_of_a_cut_transform(workers, op, length, used):
    """TensorFlow's had no place for what a shorter transform leaves out."""
    x = np.random.default_rng(1).normal(size=(8,)).astype("float32")
    x = x if op == "rfft" else (x, x[::-1].copy())
    request = Request(
        op, (x,), {"fft_length": length}, gradient_at=(0,) if op == "rfft" else (0, 1)
    )
    replies = workers.ask(request)
    for backend, reply in replies.items():
        found, error = reply["gradients"]
        assert error is None, f"{op} on {backend}: {error}"
        for gradient, first in zip(found, replies["jax"]["gradients"][0], strict=True):
            np.testing.assert_array_equal(gradient[used:], 0)
            np.testing.assert_allclose(gradient, first, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_order_of_nan(workers, dtype):
    """TensorFlow left NaN where it was, or took it for any number."""
    x = np.array([np.inf, 1, np.nan, -np.inf, -0.0, 0.0, -0.0], dtype)
    wanted = {"argmax": 2, "argmin": 2, "argsort": [3, 4, 5, 6, 1, 0, 2], "sort": np.sort(x)}
    for op, want in wanted.items():
        for (value, _), _ in answers(workers, op, x, axis=-1).values():
            np.testing.assert_array_equal(value, want)


def test_gradient_of_products_at_places(workers):
    """jax had none, TensorFlow no places from the end. Of two updates of one place, each has the other one and the
    input as its factor."""
    inputs, updates = np.float32([2, 3, 5]), np.float32([7, 0, 11])
    places = np.int32([[0], [0], [-1]])
    request = Request(
        "scatter_update", (inputs, places, updates), {"reduction": "mul"}, gradient_at=(0, 2)
    )
    upstream_of = upstream(request.seed, 0, (3,)).astype("float32")
    for backend, reply in workers.ask(request).items():
        for _, error in (reply["eager"], reply["gradients"]):
            assert error is None, f"{backend}: {error}"
        np.testing.assert_array_equal(reply["eager"][0][0][0], [0, 3, 55])
        by_inputs, by_updates = reply["gradients"][0]
        np.testing.assert_allclose(by_inputs, upstream_of * np.float32([0, 1, 11]), rtol=1e-6)
        by_place = upstream_of[[0, 0, 2]] * np.float32([0, 14, 5])
        np.testing.assert_allclose(by_updates, by_place, rtol=1e-6)


@pytest.mark.parametrize(
    "key", [(slice(None, None, -1),), (Ellipsis, slice(3, 0, -2)), (None, slice(0, 2, -1), 1)]
)
def test_slices_backwards(workers, key):
    """torch's tensors have none."""
    x = np.arange(12, dtype="float32").reshape(3, 4)
    for (value, _), _ in answers(workers, "get_item", x, key).values():
        np.testing.assert_array_equal(value, x[key])


def test_trapezoid_of_two_dtypes(workers):
    """The distances of the places were rounded to the places' dtype."""
    places = np.float32([0.1, 0.7, 2.3])
    found = answers(workers, "trapezoid", np.float64([1.0, 1.0, 1.0]), places)
    for backend in ("torch", "tensorflow"):
        wanted = float(places[2]) - float(places[0])
        np.testing.assert_allclose(found[backend][0][0], wanted, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_arguments_of_erfinv(workers, dtype):
    """TensorFlow's own is off by 1e-5 of them and more. The series is x sqrt(pi) / 2 (1 + pi / 12 x^2 + ...)."""
    x = np.array([1e-5, -1e-4], dtype)
    wanted = (
        x.astype("float64") * math.sqrt(math.pi) / 2 * (1 + math.pi / 12 * x.astype("float64") ** 2)
    )
    found = answers(workers, "erfinv", x)
    for backend in BACKENDS:
        eps = np.finfo(held(backend, dtype)).eps
        np.testing.assert_allclose(found[backend][0][0], wanted, rtol=16 * eps)
