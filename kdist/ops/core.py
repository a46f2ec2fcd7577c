"""Conversions, control flow, scatter and slices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kdist.backend import bound as backend
from kdist.core import dtypes, tree
from kdist.core.graph import KerasTensor
from kdist.core.spec import Spec
from kdist.ops import infer
from kdist.ops.checks import shape_of
from kdist.ops.declare import op

Tensor = Any


# ---- conversions: these look at a tensor and compute nothing, so they are no nodes of a graph


def shape(x: Tensor) -> tuple:
    """Sizes of `x` as a tuple.

    Unknown ones are None for a symbolic tensor, and scalars of the framework where it compiles with
    them.

    Example: `shape([[1, 2, 3]])` gives `(1, 3)`.
    """
    return x.shape if isinstance(x, KerasTensor) else backend.OPS["shape"](x)


def ndim(x: Tensor) -> int:
    """Number of axes. Example: `ndim([[1, 2]])` gives 2."""
    return len(shape(x))


def dtype(x: Tensor) -> str:
    """Name of the dtype. Example: `dtype(kdist.ops.zeros((2,)))` gives "float32"."""
    return backend.dtype_of(x) if backend.is_tensor(x) else dtypes.standardize_dtype(x.dtype)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor of the backend (a Variable or a NumPy array is not)."""
    return backend.is_tensor(x)


def convert_to_numpy(x: Tensor) -> np.ndarray:
    """The values on the host as a NumPy array.

    Raises: ValueError for a symbolic tensor, which has none.
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

    Raises: ValueError if a sparse or ragged tensor is asked for. Example: `convert_to_tensor([1,
    2], "float32")`.
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
    """The values in another dtype; floats to integers cut towards 0.

    Example: `cast([1.7], "int32")` gives `[1]`.
    """


@op
def saturate_cast(x: Tensor, dtype: Any) -> Tensor:
    """`cast`, with values beyond the range of `dtype` at its ends.

    Example: `saturate_cast([-1, 300], "uint8")` gives `[0, 255]`.
    """


def _size(x: Any) -> Spec:
    """It is a Python number where the shape is known, of the probe's own sizes too."""
    return Spec((), "int32")


@op(rule=_size)
def size(x: Tensor) -> Any:
    """Number of elements. Example: `size([[1, 2, 3]])` gives 3."""


@op
def stop_gradient(variable: Tensor) -> Tensor:
    """The same values, which gradients take for a constant. Example: `stop_gradient(x)`."""


def custom_gradient(f: Callable) -> Callable:
    """Decorator that gives a function gradients of its own.

    `f(*args)` returns `(output, grad)`, and `grad(*args, upstream=...)` computes the gradients of
    the arguments.

    Example:
        @custom_gradient
        def double(x):
            return 2 * x, lambda *args, upstream: 2 * upstream
    """
    return backend.OPS["custom_gradient"](f)


# ---- scatter and slices


def _scatter(indices: Any, values: Any, shape: Any) -> Spec | None:
    """Symbolic indices are floats unless they say otherwise, and frameworks refuse these."""
    return Spec(tuple(shape), values.dtype) if isinstance(values, Spec) else None


@op(rule=_scatter)
def scatter(indices: Tensor, values: Tensor, shape: Any) -> Tensor:
    """Zeros of `shape` with `values` added at `indices`.

    Arguments:
        indices: (..., k), positions along the first k axes.
        values: (..., *shape[k:]); those at one position add up.

    Example: `scatter([[1], [3]], [5, 6], (4,))` gives `[0, 5, 0, 6]`.
    """


def _like_inputs(inputs: Any, *_: Any, **__: Any) -> Spec | None:
    """Symbolic positions have no values and are floats unless they say otherwise; a block of
    unknown size is as large as a probe's inputs, so that it fits at the first position alone."""
    return Spec(inputs.shape, inputs.dtype) if isinstance(inputs, Spec) else None


@op(rule=_like_inputs)
def scatter_update(
    inputs: Tensor, indices: Tensor, updates: Tensor, reduction: str | None = None
) -> Tensor:
    """A copy of `inputs` with `updates` at `indices`.

    Arguments:
        indices: (n, k), positions along the first k axes.
        updates: (n, *inputs.shape[k:]).
        reduction: None replaces; "add", "max", "min" and "mul" combine with what is there.

    Example: `scatter_update([0, 0, 0], [[1]], [7])` gives `[0, 7, 0]`.
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
    """The block of `shape` (-1: what is left) that begins at `start_indices`, one per axis.

    Example: `slice([1, 2, 3], [1], [2])` gives `[2, 3]`.
    """


@op(rule=_like_inputs)
def slice_update(inputs: Tensor, start_indices: Any, updates: Tensor) -> Tensor:
    """A copy of `inputs` with the block at `start_indices` replaced by `updates`.

    Example: `slice_update([1, 2, 3], [1], [9])` gives `[1, 9, 3]`.
    """


def _unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Spec]:
    """An unknown axis has `num` elements, a size that a probe does not try."""
    if not -len(x.shape) <= axis < len(x.shape):
        raise ValueError(
            f"unstack: axis {axis} is out of bounds for x of {len(x.shape)} axes. Received: "
            f"x.shape={x.shape}."
        )
    axis %= len(x.shape)
    num = x.shape[axis] if num is None else num
    if num is None:
        raise ValueError(
            f"unstack: Cannot infer argument `num` from shape {x.shape}, unknown along axis {axis}. "
            "Pass num=."
        )
    return [Spec((*x.shape[:axis], *x.shape[axis + 1 :]), x.dtype) for _ in range(num)]


@op(rule=_unstack)
def unstack(x: Tensor, num: int | None = None, axis: int = 0) -> Any:
    """The `num` slices along `axis`, as a list.

    Raises: ValueError if their number is unknown. Example: `unstack([1, 2])` gives `[1, 2]`.
    """


# ---- control flow --------------------------------------------------------------------------------


def _specs(fn: Callable, *args: Any) -> Any:
    """Specs of what `fn` gives; it may close over symbolic tensors and compute with them."""
    out = infer.probe(fn, args, {})
    return tree.map_structure(
        lambda x: Spec(x.shape, x.dtype) if isinstance(x, KerasTensor) else x, out
    )


def _same(first: Any, second: Any, what: str) -> Any:
    if tree.flatten(first) != tree.flatten(second):
        raise ValueError(
            f"{what} must return the same structure, shapes and dtypes, and gave "
            f"{first} and {second}."
        )
    return first


def _element(x: Any) -> Any:
    return tree.map_structure(
        lambda s: Spec(s.shape[1:], s.dtype) if isinstance(s, Spec) else s[0], x
    )


def _length(x: Any) -> int | None:
    leaf = tree.flatten(x)[0]
    return leaf.shape[0] if hasattr(leaf, "shape") else len(leaf)


def _stacked(spec: Any, n: int | None) -> Any:
    return tree.map_structure(lambda s: Spec((n, *s.shape), s.dtype), spec)


def _cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """Which branch is taken depends on a value."""
    return _same(_specs(true_fn), _specs(false_fn), "cond: true_fn and false_fn")


@op(rule=_cond)
def cond(pred: Tensor, true_fn: Callable, false_fn: Callable) -> Any:
    """`true_fn()` if `pred`, a bool scalar, else `false_fn()`.

    Both give the same structure, shapes and dtypes.

    Example: `cond(x > 0, lambda: x, lambda: -x)`.
    """


def _switch(index: Any, branches: Any, *operands: Any) -> Any:
    """Which branch is taken depends on a value."""
    return _specs(branches[0], *operands)


@op(rule=_switch)
def switch(index: Tensor, branches: Any, *operands: Any) -> Any:
    """`branches[index](*operands)`, the index limited to the branches there are.

    Example: `switch(1, [f, g], x)` gives `g(x)`.
    """


def _while_loop(
    cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """How often it runs depends on a value."""
    return loop_vars


@op(rule=_while_loop)
def while_loop(
    cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """`loop_vars = body(*loop_vars)` as long as `cond(*loop_vars)`.

    At most `maximum_iterations` times. Shapes and dtypes stay.

    Example: `while_loop(lambda i: i < 5, lambda i: (i + 2,), (0,))` gives `(6,)`.
    """


def _fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """How often it runs may depend on a value, and eager backends would run it for each probe."""
    return init_val


@op(rule=_fori_loop)
def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """`value = body_fun(i, value)` for i from `lower` up to but without `upper`.

    Example: `fori_loop(0, 3, lambda i, v: v + i, 0)` gives 3.
    """


def _map(f: Callable, xs: Any) -> Any:
    """A probe would call `f` for each of hundreds of elements where the backend is eager."""
    return _stacked(_specs(f, _element(xs)), _length(xs))


@op(rule=_map)
def map(f: Callable, xs: Any) -> Any:
    """`f` of each slice of `xs` (an array or structure) along axis 0, stacked; one after the other.

    Example: `map(lambda x: x + 1, [1, 2])`.
    """


def _vectorized_map(function: Callable, elements: Any) -> Any:
    """`function` may close over symbolic tensors, which no framework's own mapping takes."""
    return _map(function, elements)


@op(rule=_vectorized_map)
def vectorized_map(function: Callable, elements: Any) -> Any:
    """As `map`, all at once: `function` sees one element, and runs on the whole.

    Example: `vectorized_map(lambda x: x + 1, xs)`.
    """


def _scan(
    f: Callable,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> Any:
    """A probe would call `f` for each of hundreds of elements where the backend is eager."""
    n = _length(xs) if xs is not None else length
    carry, y = _specs(f, init, None if xs is None else _element(xs))
    return carry, None if y is None else _stacked(y, n)


def _check_scan(
    f: Callable,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> None:
    if not callable(f):
        raise TypeError(f"scan: f={f!r} should be a callable.")
    if not isinstance(unroll, int) or (unroll is not True and unroll is not False and unroll < 1):
        raise ValueError(f"scan: unroll={unroll!r} must be a positive integer or boolean.")
    if xs is None and length is None:
        raise ValueError("scan: there is nothing to scan over, and no length. Give xs or length.")


@op(rule=_scan, check=_check_scan)
def scan(
    f: Callable,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> Any:
    """`carry, y = f(carry, x)` over the slices x of `xs` along axis 0.

    Arguments:
        init: the first carry; its structure, shapes and dtypes stay.
        xs: an array or structure; None passes None `length` times.
        reverse: from the last slice to the first.
        unroll: how many steps a compiled loop takes at a time.

    Returns: `(carry, ys)`, ys stacked along axis 0. Example: `scan(lambda c, x: (c + x, c), 0, [1,
    2, 3])` gives `(6, [0, 1, 3])`.
    """
