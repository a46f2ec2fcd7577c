"""Special functions, segments, top-k."""

from __future__ import annotations

import functools
from typing import Any

from kdist.core.spec import Spec
from kdist.ops import explain, explain_places
from kdist.ops.checks import at_least, leading, positive_int, shape_of, square
from kdist.ops.core import convert_to_tensor
from kdist.ops.declare import op
from kdist.ops.numpy_binary import add, subtract
from kdist.ops.numpy_creation import arange
from kdist.ops.numpy_products import slogdet
from kdist.ops.numpy_reductions import sum as total
from kdist.ops.numpy_reductions import where
from kdist.ops.numpy_shaping import expand_dims, take
from kdist.ops.numpy_unary import sqrt
from kdist.ops.numpy_unary import square as squared
from kdist.ops.promotion import to_float

Tensor = Any


@op
def erf(x: Tensor) -> Tensor:
    """Error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to `x`.

    Example:
        >>> ops.erf([0.0, 0.5, 5.0])
        tensor([0.0000, 0.5205, 1.0000])
    """


@op
def erfc(x: Tensor) -> Tensor:
    """`1 - erf(x)`, exact where erf(x) is near 1.

    Example:
        >>> ops.erfc([0.0, 5.0])
        tensor([1.0000e+00, 1.5375e-12])
    """


@op
def erfinv(x: Tensor) -> Tensor:
    """Inverse of `erf`, for `-1 < x < 1`.

    Example:
        >>> ops.erfinv(ops.erf([0.0, 0.5]))
        tensor([0.0000, 0.5000])
    """


@op
def rsqrt(x: Tensor) -> Tensor:
    """`1 / sqrt(x)`.

    Example:
        >>> ops.rsqrt([4.0, 0.25])
        tensor([0.5000, 2.0000])
    """


@op(explain=explain.axis_of_x)
def logsumexp(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) without overflow.

    Arguments:
        axis: int, several, or None for all of `x`.
        keepdims: whether these axes stay, with size 1.

    Example:
        >>> ops.logsumexp([1000.0, 1000.0])  # 1000 + log(2)
        tensor(1000.6932)
    """


def _top_k(x: Any, k: int, sorted: bool = True) -> tuple[Spec, Spec]:
    """A probe's size may be smaller than `k`."""
    shape = (*x.shape[:-1], k)
    return Spec(shape, x.dtype), Spec(shape, "int32")


def _in_last_axis(name: str, x: Any, k: int, sorted: bool = True) -> None:
    shape = at_least(name, x, 1)
    if k < 0:
        raise ValueError(f"{name}: k={k} must not be negative.")
    if shape[-1] is not None and k > shape[-1]:
        raise ValueError(
            f"{name}: k={k} is larger than the last axis of x, whose shape is {shape}."
        )


@op(rule=_top_k, explain=_in_last_axis)
def top_k(x: Tensor, k: int, sorted: bool = True) -> Any:
    """The k largest along the last axis.

    Arguments:
        x: (..., n).
        k: int, at most n.
        sorted: whether they must be in order.

    Returns: `(values, indices)`, both (..., k), indices int32; descending if `sorted`. Of equal elements, jax and
    TensorFlow take the first; torch may take any.
    Raises: ValueError if `k` is more than the size of the last axis.

    Example:
        >>> ops.top_k([1, 9, 5], 2)
        (tensor([9, 5], dtype=torch.int32), tensor([1, 2], dtype=torch.int32))
    """


@op(explain=explain_places.in_top_k, integers=("targets",))
def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> Tensor:
    """Whether `predictions[i, targets[i]]` is among the `k` largest of its row: bool (batch,).

    Ties count as being in.

    Arguments:
        targets: (batch,), class numbers.
        predictions: (batch, classes).

    Example:
        >>> ops.in_top_k([1, 2], [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]], 1)
        tensor([ True, False])
    """


def _segment_shapes(
    op: str, data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> None:
    ids, rows = shape_of(segment_ids), shape_of(data)
    if len(ids) == 1 and rows and rows[0] == ids[0]:  # as most often
        return
    at_least(op, data, 1, "data")
    if len(ids) != 1:
        raise ValueError(
            f"{op}: Argument `segment_ids` should be an 1-D vector, one id for each row of data. "
            f"Received: segment_ids.shape={ids}. Reshape it to (-1,), and data alike."
        )
    if ids[0] != rows[0] and None not in (ids[0], rows[0]):
        raise ValueError(
            f"{op}: Argument `segment_ids` and `data` should have same leading dimension. "
            f"Received: segment_ids.shape={ids}, data.shape={rows}."
        )


def _segments(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Spec:
    """Their default number is the largest of the values."""
    return Spec((num_segments, *data.shape[1:]), data.dtype)


@op(
    rule=_segments,
    check=functools.partial(_segment_shapes, "segment_sum"),
    integers=("segment_ids",),
)
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

    Returns: (num_segments, ...), 0 for an empty segment.
    Raises: ValueError if `segment_ids` is not 1-D, or of another length than `data`.

    Example:
        >>> ops.segment_sum([1, 2, 3], [0, 0, 2])
        tensor([3, 0, 3], dtype=torch.int32)
    """


@op(
    rule=_segments,
    check=functools.partial(_segment_shapes, "segment_max"),
    integers=("segment_ids",),
)
def segment_max(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Largest of the rows of each segment.

    Arguments:
        data: (n, ...).
        segment_ids: (n,) int, the segment of each row.
        num_segments, sorted: as for `segment_sum`.

    Returns: (num_segments, ...), the dtype's lowest number for an empty segment.

    Raises: ValueError if `segment_ids` is not 1-D, or of another length than `data`.

    Example:
        >>> ops.segment_max([1, 2, 3], [0, 0, 1])
        tensor([2, 3], dtype=torch.int32)
    """


@op(
    rule=_segments,
    check=functools.partial(_segment_shapes, "segment_min"),
    integers=("segment_ids",),
)
def segment_min(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Smallest of the rows of each segment.

    Arguments:
        data: (n, ...).
        segment_ids: (n,) int, the segment of each row.
        num_segments, sorted: as for `segment_sum`.

    Returns: (num_segments, ...), the dtype's highest number for an empty segment.

    Raises: ValueError if `segment_ids` is not 1-D, or of another length than `data`.

    Example:
        >>> ops.segment_min([1, 2, 3], [0, 0, 1])
        tensor([1, 3], dtype=torch.int32)
    """


@op(
    rule=_segments,
    check=functools.partial(_segment_shapes, "segment_prod"),
    integers=("segment_ids",),
)
def segment_prod(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Product of the rows of each segment.

    Arguments:
        data: (n, ...).
        segment_ids: (n,) int, the segment of each row.
        num_segments, sorted: as for `segment_sum`.

    Returns: (num_segments, ...), 1 for an empty segment.

    Raises: ValueError if `segment_ids` is not 1-D, or of another length than `data`.

    Example:
        >>> ops.segment_prod([2, 3, 4], [0, 0, 2])
        tensor([6, 1, 4], dtype=torch.int32)
    """


def _distances(x: Any, y: Any) -> None:
    left, right = at_least("cdist", x, 2), at_least("cdist", y, 2, "y")
    if None not in (left[-1], right[-1]) and left[-1] != right[-1]:
        raise ValueError(
            "cdist: the last axis of x and y, the coordinates, must have one size. Received: "
            f"x.shape={left}, y.shape={right}."
        )
    leading("cdist", {"x": x, "y": y}, 2)


@op(check=_distances)
def cdist(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distance of every point of `x` to every one of `y`.

    (..., n, d), (..., m, d) -> (..., n, m), the leading axes broadcasting. The gradient at distance
    0 is 0.

    Raises: ValueError where d differs, and for less than two axes.

    Example:
        >>> ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])
        tensor([[5., 1.]])
    """
    x, y = to_float(x, y)
    squares = total(squared(subtract(expand_dims(x, -2), expand_dims(y, -3))), axis=-1)
    apart = squares > 0  # the square root of 0 has no derivative
    return where(apart, sqrt(where(apart, squares, 1)), 0)


@op(explain=square)
def logdet(x: Tensor) -> Tensor:
    """Logarithm of the determinant, (..., n, n) -> (...); NaN where the determinant is negative.

    Raises: ValueError if `x` is not square.

    Example:
        >>> ops.logdet([[2.0, 0.0], [0.0, 3.0]])  # log(6)
        tensor(1.7918)
    """
    sign, log = slogdet(x)
    return where(sign < 0, float("nan"), log)


def _parts(x: Any) -> None:
    if shape_of(x)[-1:] != (2,):
        raise ValueError(
            "view_as_complex: Last dimension of input must be size 2 (real and imaginary part). "
            f"Received: x.shape={shape_of(x)}."
        )


@op(check=_parts)
def view_as_complex(x: Tensor) -> Tensor:
    """Complex numbers of the pairs (real part, imaginary part) `x`: (..., 2) -> (...) complex64.

    Raises: ValueError if the last axis is not of size 2.

    Example:
        >>> ops.view_as_complex([[1.0, 2.0], [3.0, -4.0]])
        tensor([1.+2.j, 3.-4.j])
    """


@op
def view_as_real(x: Tensor) -> Tensor:
    """Pairs (real part, imaginary part) of the complex numbers `x`: (...) -> (..., 2).

    Example:
        >>> ops.view_as_real(ops.array([1 + 2j, 3 - 4j]))
        tensor([[ 1.,  2.],
                [ 3., -4.]])
    """


def _extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Spec:
    """A probe's size may be shorter than one window, which kernels refuse."""
    size = x.shape[-1]
    count = None if size is None else 1 + (size - sequence_length) // sequence_stride
    return Spec((*x.shape[:-1], count, sequence_length), x.dtype)


def _sequences(x: Any, sequence_length: int, sequence_stride: int) -> None:
    positive_int("extract_sequences", "sequence_length", sequence_length)
    positive_int("extract_sequences", "sequence_stride", sequence_stride)
    shape = at_least("extract_sequences", x, 1)
    if shape[-1] is not None and shape[-1] < sequence_length:
        raise ValueError(
            f"extract_sequences: sequence_length={sequence_length} is longer than the last axis. "
            f"Received: x.shape={shape}."
        )


@op(rule=_extract_sequences, check=_sequences)
def extract_sequences(x: Tensor, sequence_length: int, sequence_stride: int) -> Tensor:
    """Windows of the last axis.

    Arguments:
        x: (..., n).
        sequence_length: elements of a window.
        sequence_stride: elements from the start of one window to that of the next.

    Returns: (..., 1 + (n - sequence_length) // sequence_stride, sequence_length).

    Raises: ValueError for a length or stride below 1, or a length beyond n.

    Example:
        >>> ops.extract_sequences([1, 2, 3, 4, 5], 3, 2)
        tensor([[1, 2, 3],
                [3, 4, 5]], dtype=torch.int32)
    """
    x = convert_to_tensor(x)
    count = 1 + (x.shape[-1] - sequence_length) // sequence_stride
    starts = arange(0, count * sequence_stride, sequence_stride, dtype="int32")
    window = arange(0, sequence_length, dtype="int32")
    return take(x, add(expand_dims(starts, 1), window), axis=-1)
