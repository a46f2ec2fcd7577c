"""What the drawn examples found to be wrong, each as it was found."""

from __future__ import annotations

import numpy as np
import pytest
from compare import held
from wire import BACKENDS, Request


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
