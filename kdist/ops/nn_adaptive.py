"""Pooling to a given size, whatever the size of the inputs.

Window i of n along an axis of size s reaches from floor(i s / n) to ceil((i + 1) s / n), so that the
windows cover the axis and overlap where n does not divide s. A box is the product of its sides:
one axis is pooled after the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kdist.core import config
from kdist.ops.checks import shape_of
from kdist.ops.core import cast, convert_to_tensor, dtype, shape
from kdist.ops.declare import op
from kdist.ops.numpy_products import tensordot
from kdist.ops.numpy_reductions import max
from kdist.ops.numpy_shaping import moveaxis, take
from kdist.ops.promotion import to_float

Tensor = Any


def _check(name: str, inputs: Any, output_size: Any, data_format: Any) -> None:
    config.standardize_data_format(data_format)
    sizes = shape_of(inputs)
    if len(sizes) not in (3, 4, 5):
        raise ValueError(
            f"{name}: inputs must have a batch axis, 1, 2 or 3 spatial axes and a channel axis. "
            f"Received: inputs.shape={sizes}."
        )
    wanted = _targets(output_size, len(sizes) - 2)
    if len(wanted) != len(sizes) - 2 or any(not isinstance(n, int) or n < 1 for n in wanted):
        raise ValueError(
            f"{name}: `output_size` must be an int of at least 1, or {len(sizes) - 2} of them. "
            f"Received: output_size={output_size}."
        )


def _targets(output_size: Any, n: int) -> tuple:
    return tuple(output_size) if isinstance(output_size, list | tuple) else (output_size,) * n


def _axes(rank: int, data_format: Any) -> range:
    first = 1 if config.standardize_data_format(data_format) == "channels_last" else 2
    return range(first, first + rank - 2)


def _bounds(size: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    i = np.arange(n)
    return i * size // n, -(-(i + 1) * size // n)


def _check_average(inputs: Any, output_size: Any, data_format: Any = None) -> None:
    _check("adaptive_average_pool", inputs, output_size, data_format)


@op(check=_check_average)
def adaptive_average_pool(
    inputs: Tensor, output_size: Any, data_format: str | None = None
) -> Tensor:
    """Mean of each of `output_size` windows that cover the inputs.

    Arguments:
        inputs: (batch, *space, channels), or channels first; 1 to 3 spatial axes of known size.
        output_size: an int, or one per spatial axis.
        data_format: default: the configured one.

    Returns: (batch, *output_size, channels).
    Raises: ValueError for other ranks, and for sizes below 1.

    Example:
        >>> ops.nn.adaptive_average_pool(ops.ones((2, 10, 7, 3)), 4).shape
        torch.Size([2, 4, 4, 3])
        >>> ops.nn.adaptive_average_pool(ops.reshape(ops.arange(4.0), (1, 4, 1)), 2)[0, :, 0]
        tensor([0.5000, 2.5000])
    """
    x = to_float(inputs)
    sizes = shape(x)
    targets = _targets(output_size, len(sizes) - 2)
    for axis, n in zip(_axes(len(sizes), data_format), targets, strict=True):
        starts, ends = _bounds(sizes[axis], n)
        places = np.arange(sizes[axis])[None, :]
        inside = (places >= starts[:, None]) & (places < ends[:, None])  # (windows, places)
        shares = cast((inside / (ends - starts)[:, None]).astype("float32"), dtype(x))
        x = moveaxis(tensordot(x, shares, axes=[[axis], [1]]), -1, axis)
    return x


def _check_max(inputs: Any, output_size: Any, data_format: Any = None) -> None:
    _check("adaptive_max_pool", inputs, output_size, data_format)


@op(check=_check_max)
def adaptive_max_pool(inputs: Tensor, output_size: Any, data_format: str | None = None) -> Tensor:
    """Largest element of each of `output_size` windows that cover the inputs.

    Arguments:
        inputs: (batch, *space, channels), or channels first; 1 to 3 spatial axes of known size.
        output_size: an int, or one per spatial axis.
        data_format: default: the configured one.

    Returns: (batch, *output_size, channels).

    Raises: ValueError for other ranks, and for sizes below 1.

    Example:
        >>> ops.nn.adaptive_max_pool(ops.ones((2, 10, 7, 3)), (5, 1)).shape
        torch.Size([2, 5, 1, 3])
        >>> ops.nn.adaptive_max_pool(ops.reshape(ops.arange(4.0), (1, 4, 1)), 2)[0, :, 0]
        tensor([1., 3.])
    """
    x = convert_to_tensor(inputs)
    sizes = shape(x)
    targets = _targets(output_size, len(sizes) - 2)
    for axis, n in zip(_axes(len(sizes), data_format), targets, strict=True):
        starts, ends = _bounds(sizes[axis], n)
        # Shorter windows repeat their last place.
        places = np.minimum(
            starts[:, None] + np.arange((ends - starts).max())[None, :], ends[:, None] - 1
        )
        x = max(take(x, places.astype("int32"), axis=axis), axis=axis + 1)
    return x
