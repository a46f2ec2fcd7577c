"""Which dtype a layer computes in and which its variables have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kdist import ops
from kdist.core import config, dtypes, serialization
from kdist.core.graph import KerasTensor

# Where the variables' dtype differs from the computation's.
_MIXED = {"mixed_float16": ("float16", "float32"), "mixed_bfloat16": ("bfloat16", "float32")}


class DTypePolicy:
    """The dtypes of a layer.

    Arguments:
        name: a dtype ("float32", "bfloat16", ...) for both; "mixed_bfloat16" or "mixed_float16" to
            compute in 16 bits and keep variables in 32; None: the global policy's.

    Raises: TypeError if `name` is no string; ValueError if it is not known.
    Example: `kdist.layers.Dense(10, dtype=DTypePolicy("mixed_bfloat16"))`.
    """

    def __init__(self, name: str | None = None):
        if name is None:
            name = dtype_policy().name
        if not isinstance(name, str):
            raise TypeError(
                f"name={name!r} of DTypePolicy must be a string, such as 'mixed_bfloat16'."
            )
        self._name = name
        if name in _MIXED:
            self._compute_dtype, self._variable_dtype = _MIXED[name]
            return
        try:
            self._compute_dtype = self._variable_dtype = dtypes.standardize_dtype(name)
        except ValueError:
            raise ValueError(
                f"name={name!r} of DTypePolicy is not known. Use 'mixed_bfloat16', 'mixed_float16' "
                "or a dtype such as 'float32'."
            ) from None

    @property
    def name(self) -> str:
        return self._name

    @property
    def compute_dtype(self) -> str:
        """What floats are cast to before the layer computes."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """What the layer's variables are kept in."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """None: kdist does not quantize."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """`x` as a tensor; a float in another dtype is cast to `dtype` if `autocast`.

        What is no array is left alone.
        """
        if not (ops.is_tensor(x) or isinstance(x, KerasTensor)):
            if not hasattr(x, "__array__"):
                return x
            x = ops.convert_to_tensor(x)
        dtype = dtypes.standardize_dtype(dtype)
        given = ops.dtype(x)
        cast = autocast and given != dtype and given in dtypes.FLOATS
        return ops.cast(x, dtype) if cast else x

    def get_config(self) -> dict:
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict) -> DTypePolicy:
        return cls(**config)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'

    def __eq__(self, other: Any) -> bool:
        return type(other) in (DTypePolicy, FloatDTypePolicy) and self._name == other._name

    def __hash__(self) -> int:
        return hash(self._name)


class FloatDTypePolicy(DTypePolicy):
    """Keras's older name of DTypePolicy, which files may hold."""


class DTypePolicyMap(DTypePolicy):
    """Policies by the path of a layer.

    A layer gets its own key's, else that of the one pattern that matches the whole path, else the
    default.

    Arguments:
        default_policy: a policy or its name; None: the global one, looked up at each use.
        policy_map: path or regular expression -> policy.

    Raises: ValueError if `default_policy` is a map, and at a look-up that several patterns match.

    Example:
        policies = DTypePolicyMap("float32")
        policies["encoder/.*"] = "bfloat16"
    """

    def __init__(self, default_policy: Any = None, policy_map: dict | None = None):
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError(
                "default_policy of DTypePolicyMap cannot be a DTypePolicyMap. "
                "Pass a DTypePolicy or a name."
            )
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(f"policy_map={policy_map!r} of DTypePolicyMap must be a dict.")
        get(default_policy)  # an unknown name must fail here
        self._default_policy_arg = default_policy
        self._policy_map: dict[str, Any] = policy_map or {}

    @property
    def name(self) -> str:
        return f"map_{self.default_policy.name}"

    @property
    def default_policy(self) -> DTypePolicy:
        return get(self._default_policy_arg)

    @property
    def compute_dtype(self) -> str:
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        return self.default_policy.variable_dtype

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policy_map:
            return self._policy_map[key]
        matching = [pattern for pattern in self._policy_map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(
                f"Path '{key}' matches several keys of the DTypePolicyMap: {matching}. "
                "Make them exclude each other."
            )
        return self._policy_map[matching[0]] if matching else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policy_map:
            raise ValueError(
                f"{key} already exist in the DTypePolicyMap, as {self._policy_map[key]}. "
                "Delete it first."
            )
        self._policy_map[key] = get(policy)

    def __delitem__(self, key: str) -> None:
        del self._policy_map[key]

    def __contains__(self, key: str) -> bool:
        return key in self._policy_map

    def __len__(self) -> int:
        return len(self._policy_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policy_map)

    def get_config(self) -> dict:
        policies = {k: serialization.serialize_keras_object(v) for k, v in self._policy_map.items()}
        given = self._default_policy_arg
        given = given.name if isinstance(given, DTypePolicy) else given
        return {"default_policy": given, "policy_map": policies}

    @classmethod
    def from_config(cls, config: dict) -> DTypePolicyMap:
        policies = {
            k: serialization.deserialize_keras_object(v)
            for k, v in (config.get("policy_map") or {}).items()
        }
        return cls(config.get("default_policy"), policies)

    def __repr__(self) -> str:
        keys = list(self._policy_map)
        return f"<DTypePolicyMap at {hex(id(self))} default={self.default_policy}, keys={keys}>"

    def __eq__(self, other: Any) -> bool:
        return type(other) is DTypePolicyMap and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return id(self)


class _Global:
    policy: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none.

    It is the float default, unless `set_dtype_policy` said otherwise.
    """
    return _Global.policy or DTypePolicy(config.floatx())


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers made from now on to `policy`, a `DTypePolicy` or its name.

    Raises: ValueError for what is neither. Example:
    `kdist.config.set_dtype_policy("mixed_bfloat16")`.
    """
    if not isinstance(policy, str | DTypePolicy):
        raise ValueError(
            f"policy={policy!r} of set_dtype_policy must be a DTypePolicy or its name, "
            "such as 'mixed_bfloat16'."
        )
    _Global.policy = DTypePolicy(policy) if isinstance(policy, str) else policy


def get(identifier: Any) -> DTypePolicy:
    """The policy that `identifier` stands for.

    That is a name, a dtype, a config, a policy, or None (the global one).

    Raises: ValueError for what is none of these. Example: `get("mixed_bfloat16").compute_dtype ==
    "bfloat16"`.
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return serialization.resolve(identifier, BY_NAME, "dtype policy")
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    return DTypePolicy(dtypes.standardize_dtype(identifier))


BY_NAME: dict[str, type] = {
    cls.__name__: cls for cls in (DTypePolicy, FloatDTypePolicy, DTypePolicyMap)
}
