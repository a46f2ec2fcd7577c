"""What was wrong with an argument, whatever the op: it is not of the kind that its parameter takes.

Asked only of arguments that were refused, so that what a backend can take is never doubted.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter
from typing import Any

import numpy as np

from kdist.core import dtypes, tree
from kdist.ops.checks import dtype_of
from kdist.ops.explain_dtypes import WrongKindError, is_array, not_numbers

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


def _numbers(op: str, name: str, value: Any, required: bool) -> None:
    if required and (value is None or isinstance(value, str | bytes)):
        raise WrongKindError(f"{op}: {name} must be a tensor. Received: {name}={_short(value)}.")
    not_numbers(op, name, value)


def _ints(op: str, name: str, value: Any, wanted: str, least: int | None = None) -> None:
    if value is None or is_array(value):
        return
    for n in tree.flatten(value) if isinstance(value, list | tuple) else [value]:
        if is_array(n) or n is None:
            continue
        if not isinstance(n, int | np.integer) or (least is not None and n < least):
            raise WrongKindError(
                f"{op}: {name} must be {wanted}. Received: {name}={_short(value)}."
            )


def _int(op: str, name: str, value: Any, least: int | None) -> None:
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]  # one axis, as some kernels take it
    if value is None or is_array(value):
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


def received(op: str, arguments: dict[str, Any]) -> str:
    """The arguments of a call, in words."""
    given = ", ".join(f"{name}={_short(value)}" for name, value in arguments.items())
    return f"{op} received {given}."


def _short(value: Any) -> str:
    if is_array(value):
        return f"{dtype_of(value)}{list(value.shape)}"
    if isinstance(value, list | tuple) and any(is_array(v) for v in value):
        value = [_short(v) for v in value]
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
