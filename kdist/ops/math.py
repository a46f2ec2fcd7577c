"""Special functions, segments, top-k."""

from __future__ import annotations

from typing import Any

from kdist.core.spec import Spec
from kdist.ops.core import convert_to_tensor
from kdist.ops.declare import op
from kdist.ops.numpy_binary import add
from kdist.ops.numpy_creation import arange
from kdist.ops.numpy_shaping import expand_dims, take

Tensor = Any


@op
def erf(x: Tensor) -> Tensor:
    """Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    Example: `erf([0.0])` gives `[0.0]`.
    """


@op
def erfinv(x: Tensor) -> Tensor:
    """Inverse of `erf`, for -1 < x < 1. Example: `erfinv([0.0])` gives `[0.0]`."""


@op
def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x). Example: `rsqrt([4.0])` gives `[0.5]`."""


@op
def logsumexp(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) without overflow. Example: `logsumexp([0.0, 0.0])` gives log(2)."""


def _top_k(x: Any, k: int, sorted: bool = True) -> tuple[Spec, Spec]:
    size = x.shape[-1]
    if size is not None and k > size:
        raise ValueError(
            f"top_k: k={k} is larger than the last axis of x, whose shape is {x.shape}."
        )
    shape = (*x.shape[:-1], k)
    return Spec(shape, x.dtype), Spec(shape, "int32")


@op(rule=_top_k)
def top_k(x: Tensor, k: int, sorted: bool = True) -> Any:
    """The k largest along the last axis.

    Returns: `(values, indices)`, both (..., k), indices int32; descending if `sorted`.
    Example: `top_k([1, 9, 5], 2)` gives `([9, 5], [1, 2])`.
    """


@op
def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> Tensor:
    """bool (batch,): whether `predictions[i, targets[i]]` is among the k largest of its row; ties
    count as being in.

    Arguments:
        targets: (batch,), class numbers.
        predictions: (batch, classes).

    Example: `in_top_k([1], [[0.1, 0.7, 0.2]], 1)` gives `[True]`.
    """


def _segments(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Spec:
    return Spec((num_segments, *data.shape[1:]), data.dtype)


@op(rule=_segments)
def segment_sum(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Sum of the rows of each segment.

    Arguments:
        data: (n, ...).
        segment_ids: (n,) int, the segment of each row; ascending if `sorted`, which some backends
            exploit.
        num_segments: default: the largest id + 1, which must then be known (not under a compiled
            function).

    Returns: (num_segments, ...), 0 for an empty segment. Example: `segment_sum([1, 2, 3], [0, 0,
    1])` gives `[3, 3]`.
    """


@op(rule=_segments)
def segment_max(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Largest of the rows of each segment, arguments as for `segment_sum`; the dtype's lowest
    number for an empty segment.

    Example: `segment_max([1, 2, 3], [0, 0, 1])` gives `[2, 3]`.
    """


def _extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Spec:
    size = x.shape[-1]
    count = None if size is None else 1 + (size - sequence_length) // sequence_stride
    return Spec((*x.shape[:-1], count, sequence_length), x.dtype)


@op(rule=_extract_sequences)
def extract_sequences(x: Tensor, sequence_length: int, sequence_stride: int) -> Tensor:
    """Windows of the last axis: (..., n) -> (..., 1 + (n - sequence_length) // sequence_stride,
    sequence_length).

    Example: `extract_sequences([1, 2, 3, 4], 2, 1)` gives `[[1, 2], [2, 3], [3, 4]]`.
    """
    x = convert_to_tensor(x)
    count = 1 + (x.shape[-1] - sequence_length) // sequence_stride
    starts = arange(0, count * sequence_stride, sequence_stride, dtype="int32")
    window = arange(0, sequence_length, dtype="int32")
    return take(x, add(expand_dims(starts, 1), window), axis=-1)
