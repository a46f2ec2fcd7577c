"""Conversions, scatter and slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kdist.backend import bound as backend
from kdist.core import dtypes
from kdist.core.graph import KerasTensor
from kdist.core.spec import Spec
from kdist.ops import explain, explain_places
from kdist.ops.checks import shape_of
from kdist.ops.declare import op

Tensor = Any


# ---- conversions: these look at a tensor and compute nothing, so they are no nodes of a graph


def shape(x: Tensor) -> tuple:
    """Sizes of `x` as a tuple.

    Unknown ones are None for a symbolic tensor, and scalars of the framework where it compiles with
    them.

    Example:
        >>> ops.shape([[1, 2, 3]])
        (1, 3)
        >>> ops.shape(kdist.Input((None, 8)))
        (None, None, 8)
    """
    return x.shape if isinstance(x, KerasTensor) else backend.OPS["shape"](x)


def ndim(x: Tensor) -> int:
    """Number of axes of `x`.

    Example:
        >>> ops.ndim([[1, 2]])
        2
    """
    return len(shape(x))


def dtype(x: Tensor) -> str:
    """Name of the dtype of `x`.

    Example:
        >>> ops.dtype(ops.zeros((2,)))
        'float32'
    """
    return backend.dtype_of(x) if backend.is_tensor(x) else dtypes.standardize_dtype(x.dtype)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor of the backend (a Variable or a NumPy array is not).

    Example:
        >>> ops.is_tensor(ops.zeros(2)), ops.is_tensor(np.zeros(2))
        (True, False)
    """
    return backend.is_tensor(x)


def convert_to_numpy(x: Tensor) -> np.ndarray:
    """The values of `x` on the host as a NumPy array.

    Raises: ValueError for a symbolic tensor, which has none.

    Example:
        >>> ops.convert_to_numpy(ops.arange(3))
        array([0, 1, 2], dtype=int32)
    """
    if isinstance(x, KerasTensor):
        x._no_value()
    return backend.convert_to_numpy(x)


def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """A tensor of the backend with the values of `x`, in `dtype` if given.

    Arguments:
        x: tensor, Variable, NumPy array, number, or nested lists of them. A symbolic tensor stays
            symbolic.
        sparse, ragged: accepted for Keras's signature; kdist's tensors are dense.

    Raises: ValueError if a sparse or ragged tensor is asked for.

    Example:
        >>> ops.convert_to_tensor([1, 2], "float32")
        tensor([1., 2.])
    """
    if sparse or ragged:
        raise ValueError(
            f"convert_to_tensor: sparse={sparse}, ragged={ragged}, but kdist's tensors are dense. "
            "Leave both unset."
        )
    if isinstance(x, KerasTensor):
        return x if dtype is None or dtypes.standardize_dtype(dtype) == x.dtype else cast(x, dtype)
    return backend.convert_to_tensor(x, None if dtype is None else dtypes.standardize_dtype(dtype))


@op
def cast(x: Tensor, dtype: Any) -> Tensor:
    """The values of `x` in another dtype; floats to integers cut towards 0.

    Arguments:
        dtype: its name.

    Example:
        >>> ops.cast([1.7, -1.7], "int32")
        tensor([ 1, -1], dtype=torch.int32)
    """


@op
def saturate_cast(x: Tensor, dtype: Any) -> Tensor:
    """`cast` of `x`, with values beyond the range of `dtype` at its ends.

    Arguments:
        dtype: its name.

    Example:
        >>> ops.saturate_cast([-1, 300], "uint8")
        tensor([  0, 255], dtype=torch.uint8)
    """


def _size(x: Any) -> Spec:
    """It is a Python number where the shape is known, of the probe's own sizes too."""
    return Spec((), "int32")


@op(rule=_size)
def size(x: Tensor) -> Any:
    """Number of elements of `x`.

    Example:
        >>> ops.size([[1, 2, 3]])
        tensor(3, dtype=torch.int32)
    """


@op
def stop_gradient(variable: Tensor) -> Tensor:
    """The values of `variable`, which gradients take for a constant.

    Example:
        >>> y, slope = ops.jvp(lambda x: x * ops.stop_gradient(x), (3.0,), (1.0,))
        >>> y, slope  # x * x, whose slope would be 6
        (tensor(9.), tensor(3.))
    """


def custom_gradient(f: Callable) -> Callable:
    """Decorator that gives a function gradients of its own.

    `f(*args)` returns `(output, grad)`, and `grad(*args, upstream=...)` computes the gradients of
    the arguments.

    Example:
        >>> @ops.custom_gradient
        ... def log1p_exp(x):
        ...     e = ops.exp(x)
        ...
        ...     def grad(*args, upstream):
        ...         return upstream * (1 - 1 / (1 + e))  # no overflow, no NaN
        ...
        ...     return ops.log(1 + e), grad
        >>> log1p_exp(ops.array(0.0))
        tensor(0.6931)
    """
    return backend.OPS["custom_gradient"](f)


# ---- scatter and slices


def _scatter(indices: Any, values: Any, shape: Any) -> Spec | None:
    """Symbolic indices are floats unless they say otherwise, and frameworks refuse these."""
    return Spec(tuple(shape), values.dtype) if isinstance(values, Spec) else None


@op(rule=_scatter, explain=explain_places.scatter, integers=("indices",))
def scatter(indices: Tensor, values: Tensor, shape: Any) -> Tensor:
    """Zeros of `shape` with `values` added at `indices`.

    Arguments:
        indices: (..., k), positions along the first k axes.
        values: (..., *shape[k:]); those at one position add up.

    Example:
        >>> ops.scatter([[1], [3], [3]], [5, 6, 1], (4,))
        tensor([0, 5, 0, 7], dtype=torch.int32)
    """


def _like_inputs(inputs: Any, *_: Any, **__: Any) -> Spec | None:
    """Symbolic positions have no values and are floats unless they say otherwise; a block of
    unknown size is as large as a probe's inputs, so that it fits at the first position alone."""
    return Spec(inputs.shape, inputs.dtype) if isinstance(inputs, Spec) else None


@op(rule=_like_inputs, explain=explain_places.scatter_update, integers=("indices",))
def scatter_update(
    inputs: Tensor, indices: Tensor, updates: Tensor, reduction: str | None = None
) -> Tensor:
    """A copy of `inputs` with `updates` at `indices`.

    Arguments:
        indices: (n, k), positions along the first k axes.
        updates: (n, *inputs.shape[k:]).
        reduction: None replaces; "add", "max", "min" and "mul" combine with what is there.

    Example:
        >>> ops.scatter_update([0, 0, 0], [[1]], [7])
        tensor([0, 7, 0], dtype=torch.int32)
        >>> ops.scatter_update([1, 2, 3], [[0], [0]], [10, 20], reduction="add")
        tensor([31,  2,  3], dtype=torch.int32)
    """


def _check_slice(inputs: Any, start_indices: Any, shape: Any) -> None:
    size = lambda x: shape_of(x)[0] if hasattr(x, "shape") else len(x)
    rank = len(shape_of(inputs))
    starts, sizes = size(start_indices), size(shape)
    for first, n, second, m in (
        ("inputs", rank, "shape", sizes),
        ("start_indices", starts, "inputs", rank),
    ):
        if None not in (n, m) and n != m:
            raise ValueError(
                f"slice: the number of dimensions in `{first}` must match the number of dimensions "
                f"in `{second}`. Received: {n} and {m}."
            )
    for axis, (n, m) in enumerate(zip(shape_of(inputs), shape, strict=False)):
        if isinstance(n, int) and isinstance(m, int) and m > n:
            raise ValueError(
                f"slice: inputs are too small for the block on axis {axis}. Received: "
                f"inputs.shape={shape_of(inputs)}, shape={tuple(shape)}."
            )


def _slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
    """Symbolic starts have no values, which kernels that take numbers ask for."""
    if not isinstance(inputs, Spec):
        return None
    left = [
        None if size is None or isinstance(start_indices, Spec) else size - int(start_indices[i])
        for i, size in enumerate(inputs.shape)
    ]
    sizes = tuple(left[i] if n == -1 else int(n) for i, n in enumerate(shape))
    return Spec(sizes, inputs.dtype)


@op(rule=_slice, explain=lambda name, *args, **kwargs: _check_slice(*args, **kwargs))
def slice(inputs: Tensor, start_indices: Any, shape: Any) -> Tensor:
    """The block of `inputs` that begins at `start_indices`, one per axis.

    Arguments:
        inputs: any rank.
        start_indices: (rank,) int, numbers or a tensor.
        shape: sizes of the block, one per axis; -1: what is left.

    Raises: ValueError unless there are as many starts and sizes as axes.

    Example:
        >>> ops.slice([[1, 2, 3], [4, 5, 6]], [0, 1], [2, -1])
        tensor([[2, 3],
                [5, 6]], dtype=torch.int32)
    """


@op(rule=_like_inputs, explain=explain_places.slice_update)
def slice_update(inputs: Tensor, start_indices: Any, updates: Tensor) -> Tensor:
    """A copy of `inputs` with the block at `start_indices` replaced by `updates`.

    Example:
        >>> ops.slice_update([1, 2, 3, 4], [1], [8, 9])
        tensor([1, 8, 9, 4], dtype=torch.int32)
    """


def _unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Spec]:
    """An unknown axis has `num` elements, a size that a probe does not try."""
    axis %= len(x.shape)
    num = x.shape[axis] if num is None else num
    if num is None:
        raise ValueError(
            f"unstack: Cannot infer argument `num` from shape {x.shape}, unknown along axis {axis}. "
            "Pass num=."
        )
    return [Spec((*x.shape[:axis], *x.shape[axis + 1 :]), x.dtype) for _ in range(num)]


@op(rule=_unstack, explain=explain.unstack)
def unstack(x: Tensor, num: int | None = None, axis: int = 0) -> Any:
    """The `num` slices of `x` along `axis` (None: all of a known size), as a list.

    Raises: ValueError if their number is unknown.

    Example:
        >>> ops.unstack([[1, 2], [3, 4]], axis=1)
        [tensor([1, 3], dtype=torch.int32), tensor([2, 4], dtype=torch.int32)]
    """
