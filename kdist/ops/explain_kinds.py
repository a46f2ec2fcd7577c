"""What was wrong with an argument, whatever the op: its kind, or the dtype of a tensor.

Asked only of arguments that were refused, so that what a backend can take is never doubted.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter
from typing import Any

import numpy as np

from kdist.core import dtypes, tree
from kdist.ops.checks import dtype_of

# Parameters of these names mean the same in every op.
_AXES = {"axis", "axes", "source", "destination"}
_SIZES = {
    "pool_size",
    "strides",
    "dilation_rate",
    "kernel_size",
    "stride",
    "dilation",
    "block_size",
}
_COUNTS = {"num", "num_classes", "num_segments", "minlength", "sequence_length"}
_COUNTS |= {"sequence_stride", "fft_length", "bins"}
_FORMATS = (None, "channels_last", "channels_first")

# Of these ops, the parameters that hold integers.
_WHOLE = {
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not"), ("x", "y")),
    **dict.fromkeys(("bitwise_invert", "left_shift", "right_shift"), ("x", "y")),
    **dict.fromkeys(("bitwise_left_shift", "bitwise_right_shift"), ("x", "y")),
    **dict.fromkeys(("gcd", "lcm"), ("x1", "x2")),
    **dict.fromkeys(("take", "take_along_axis", "scatter", "scatter_update"), ("indices",)),
    **dict.fromkeys(("segment_sum", "segment_max"), ("segment_ids",)),
    **dict.fromkeys(("segment_min", "segment_prod"), ("segment_ids",)),
    **dict.fromkeys(("one_hot", "bincount"), ("x",)),
    "unravel_index": ("indices",),
    "multi_hot": ("inputs",),
    "ldexp": ("x2",),
    "in_top_k": ("targets",),
    "embedding_lookup": ("ids",),
}

# No backend computes these of complex values; torch infers their specs all the same.
_REAL = frozenset(
    {
        "argmax", "argmin", "binary_crossentropy", "bitwise_and", "bitwise_invert",
        "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
        "categorical_crossentropy", "cbrt", "ceil", "clip", "corrcoef", "ctc_decode", "erf", "erfc",
        "erfinv", "floor", "i0", "left_shift", "median", "mod", "nanargmax", "nanargmin",
        "nanmedian", "nanpercentile", "nanquantile", "nextafter", "right_shift", "signbit",
        "sparse_categorical_crossentropy",
    }
)  # fmt: skip


class WrongKindError(ValueError, TypeError):
    """An argument of a wrong kind: a TypeError of Python, and a ValueError as all bad arguments of ops."""


def wrong_kind(op: str, parameters: Mapping[str, Parameter], arguments: dict[str, Any]) -> None:
    """An argument that is not what its parameter takes in every op: numbers, an int, an axis."""
    for name, value in arguments.items():
        declared = str(parameters[name].annotation)
        _numbers(op, name, value, required=declared == "Tensor")
        if name in _AXES:
            _ints(op, name, value, "an int, or several")
        elif name in _SIZES:
            _ints(op, name, value, "a positive int, or several", least=1)
        elif name == "data_format" and value not in _FORMATS:
            raise ValueError(
                f"{op}: data_format={value!r} is not 'channels_last' or 'channels_first'."
            )
        elif name == "dtype":
            _known(op, value)
        if declared in ("int", "int | None"):
            _int(op, name, value, 0 if name in _COUNTS else None)
        elif declared in ("str", "str | None") and not isinstance(value, str | None):
            raise WrongKindError(
                f"{op}: {name} must be a string. Received: {name}={_short(value)}."
            )


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype")


def _numbers(op: str, name: str, value: Any, required: bool) -> None:
    if required and (value is None or isinstance(value, str | bytes)):
        raise WrongKindError(f"{op}: {name} must be a tensor. Received: {name}={_short(value)}.")
    for x in tree.flatten(value) if isinstance(value, list | tuple) else [value]:
        kind = getattr(getattr(x, "dtype", None), "kind", None)
        if isinstance(x, np.ndarray | np.generic) and kind in "OUSMm":
            raise WrongKindError(
                f"{op}: {name} must hold numbers. Received: an array of shape {x.shape} and dtype "
                f"{x.dtype}."
            )


def _ints(op: str, name: str, value: Any, wanted: str, least: int | None = None) -> None:
    if value is None or _is_array(value):
        return
    for n in tree.flatten(value) if isinstance(value, list | tuple) else [value]:
        if _is_array(n) or n is None:
            continue
        if not isinstance(n, int | np.integer) or (least is not None and n < least):
            raise WrongKindError(
                f"{op}: {name} must be {wanted}. Received: {name}={_short(value)}."
            )


def _int(op: str, name: str, value: Any, least: int | None) -> None:
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]  # one axis, as some kernels take it
    if value is None or _is_array(value):
        return
    if not isinstance(value, int | np.integer):
        raise WrongKindError(f"{op}: {name} must be an int. Received: {name}={_short(value)}.")
    if least is not None and value < least:
        raise ValueError(f"{op}: {name}={value} must not be negative.")


def _known(op: str, dtype: Any) -> None:
    try:
        dtypes.standardize_dtype(dtype)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{op}: dtype={_short(dtype)} is not known. {error}") from error


def not_whole(op: str, arguments: dict[str, Any]) -> None:
    """Tensors of floats where the op takes integers."""
    for name in _WHOLE.get(op, ()):
        value = arguments.get(name)
        if _is_array(value) and dtype_of(value) not in (*dtypes.INTS, "bool"):
            raise ValueError(
                f"{op}: {name} must hold integers. Received: {name}.dtype={dtype_of(value)}."
            )


def not_real(op: str, arguments: dict[str, Any]) -> None:
    """Symbolic tensors of complex values where no backend has a kernel for them."""
    if op in _REAL:
        _no_values_of("complex", op, _dtypes(arguments))


def wrong_dtype(op: str, arguments: dict[str, Any]) -> None:
    """A tensor of a dtype that the op cannot take; asked where shapes and settings are right."""
    for kind in ("complex", "bool"):
        _no_values_of(kind, op, _dtypes(arguments))


def _dtypes(arguments: dict[str, Any]) -> dict[str, str]:
    return {
        name: dtype_of(x)
        for name, value in arguments.items()
        for x in (tree.flatten(value) if isinstance(value, list | tuple) else [value])
        if _is_array(x)
    }


def _no_values_of(kind: str, op: str, found: dict[str, str]) -> None:
    if any(d.startswith(kind) for d in found.values()):
        received = ", ".join(f"{name}.dtype={d}" for name, d in found.items())
        raise ValueError(f"{op}: cannot be computed of {kind} values. Received: {received}.")


def received(op: str, arguments: dict[str, Any]) -> str:
    """The arguments of a call, in words."""
    given = ", ".join(f"{name}={_short(value)}" for name, value in arguments.items())
    return f"{op} received {given}."


def _short(value: Any) -> str:
    if _is_array(value):
        return f"{dtype_of(value)}{list(value.shape)}"
    if isinstance(value, list | tuple) and any(_is_array(v) for v in value):
        value = [_short(v) for v in value]
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
