"""What `kdist.backend` offers under Keras's names."""

from __future__ import annotations

import kdist
from kdist import backend


def test_every_public_name_is_there():
    for name in backend.__all__:
        assert getattr(backend, name) is not None, name
    assert backend.Variable is kdist.Variable
    assert backend.backend() == backend.bound.name == kdist.config.backend()


def test_counting_names():
    backend.clear_session()
    assert [backend.get_uid("some"), backend.get_uid("some")] == [1, 2]
    assert kdist.layers.Dense(1).name == "dense"


def test_kinds_of_dtypes():
    assert backend.is_float_dtype("bfloat16") and not backend.is_float_dtype("int8")
    assert backend.is_int_dtype("uint8") and not backend.is_int_dtype("bool")
    assert backend.result_type("int32", float) == "float32"


def test_a_device_by_name():
    with kdist.device("cpu:0"):
        x = kdist.ops.ones((2,))
    assert "cpu" in str(x.device).lower()
