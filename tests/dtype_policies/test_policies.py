"""Dtype policies: what they say, the global one, maps, and configs."""

from __future__ import annotations

import numpy as np
import pytest

from kdist import dtype_policies, ops
from kdist.core import config
from kdist.core.graph import KerasTensor
from kdist.dtype_policies import DTypePolicy, DTypePolicyMap


@pytest.fixture(autouse=True)
def restore():
    yield
    config.set_floatx("float32")
    dtype_policies.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("name", "compute", "variable"),
    [
        ("float32", "float32", "float32"),
        ("bfloat16", "bfloat16", "bfloat16"),
        ("mixed_float16", "float16", "float32"),
        ("mixed_bfloat16", "bfloat16", "float32"),
    ],
)
def test_dtypes(name, compute, variable):
    policy = DTypePolicy(name)
    assert (policy.name, policy.compute_dtype, policy.variable_dtype) == (name, compute, variable)
    assert policy.quantization_mode is None
    assert policy == DTypePolicy(name) == dtype_policies.FloatDTypePolicy(name)
    assert policy != DTypePolicy("float64")
    saved = dtype_policies.serialize(policy)
    assert saved["class_name"] == "DTypePolicy" and saved["config"] == {"name": name}
    assert dtype_policies.deserialize(saved) == policy


def test_global_policy():
    assert dtype_policies.dtype_policy().name == "float32"
    dtype_policies.set_dtype_policy("mixed_bfloat16")
    assert dtype_policies.get(None).compute_dtype == "bfloat16"
    assert DTypePolicy().name == "mixed_bfloat16"
    dtype_policies.set_dtype_policy(DTypePolicy("float64"))
    assert dtype_policies.dtype_policy().name == "float64"
    with pytest.raises(ValueError, match="policy=3"):
        dtype_policies.set_dtype_policy(3)


def test_get():
    policy = DTypePolicy("mixed_bfloat16")
    assert dtype_policies.get(policy) is policy
    assert dtype_policies.get("mixed_bfloat16") == policy
    assert dtype_policies.get(np.dtype("float64")).name == "float64"
    assert (
        dtype_policies.get({"class_name": "DTypePolicy", "config": {"name": "float16"}}).name
        == "float16"
    )
    with pytest.raises(ValueError, match="name='mixed_float8' of DTypePolicy is not known"):
        dtype_policies.get("mixed_float8")
    with pytest.raises(TypeError, match="must be a string"):
        DTypePolicy(3)


def test_convert_input():
    policy = DTypePolicy("mixed_bfloat16")
    convert = lambda x, autocast=True: policy.convert_input(x, autocast, policy.compute_dtype)
    assert ops.dtype(convert(np.ones(2, "float32"))) == "bfloat16"
    assert ops.dtype(convert(np.ones(2, "float32"), autocast=False)) == "float32"
    assert ops.dtype(convert(np.ones(2, "int32"))) == "int32"
    assert convert(KerasTensor((None, 2), "float32")).dtype == "bfloat16"
    assert convert("text") == "text"


def test_map():
    policies = DTypePolicyMap("float32")
    policies["encoder/.*"] = "bfloat16"
    policies["decoder"] = DTypePolicy("mixed_float16")
    assert policies["encoder/dense"].name == "bfloat16"
    assert policies["decoder"].name == "mixed_float16"
    assert policies["decoder/dense"].name == "float32"
    assert ("decoder" in policies, len(policies), list(policies)) == (
        True,
        2,
        ["encoder/.*", "decoder"],
    )
    assert (policies.name, policies.compute_dtype, policies.variable_dtype) == (
        "map_float32",
        "float32",
        "float32",
    )
    again = dtype_policies.deserialize(dtype_policies.serialize(policies))
    assert again == policies
    policies[".*/dense"] = "float64"
    with pytest.raises(ValueError, match="matches several keys"):
        policies["encoder/dense"]
    with pytest.raises(ValueError, match="already exist"):
        policies["decoder"] = "float32"
    del policies[".*/dense"]
    assert policies["encoder/dense"].name == "bfloat16"
    with pytest.raises(ValueError, match="cannot be a DTypePolicyMap"):
        DTypePolicyMap(policies)
    with pytest.raises(TypeError, match="must be a dict"):
        DTypePolicyMap(policy_map=[1])


def test_map_follows_the_global_policy():
    policies = DTypePolicyMap()
    dtype_policies.set_dtype_policy("mixed_bfloat16")
    assert policies["anything"].name == "mixed_bfloat16"
    assert (
        dtype_policies.deserialize(dtype_policies.serialize(policies))["anything"].name
        == "mixed_bfloat16"
    )
