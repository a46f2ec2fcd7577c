"""Control flow: branches, loops and maps, which compile where the framework compiles.

Their functions run on specs to infer what a symbolic call gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kdist.core import tree
from kdist.core.graph import KerasTensor
from kdist.core.spec import Spec
from kdist.ops import infer
from kdist.ops.declare import op

Tensor = Any


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

    Example:
        >>> ops.cond(ops.array(2.0) > 0, lambda: "above", lambda: "below")
        'above'
    """


def _switch(index: Any, branches: Any, *operands: Any) -> Any:
    """Which branch is taken depends on a value."""
    return _specs(branches[0], *operands)


@op(rule=_switch)
def switch(index: Tensor, branches: Any, *operands: Any) -> Any:
    """`branches[index](*operands)`, the index limited to the branches there are.

    Example:
        >>> ops.switch(1, [ops.add, ops.multiply], 3, 4)
        tensor(12, dtype=torch.int32)
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

    Example:
        >>> ops.while_loop(lambda i, n: n > 1, lambda i, n: (i + 1, n // 2), (0, 100))
        (tensor(6, dtype=torch.int32), tensor(1, dtype=torch.int32))
    """


def _fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """How often it runs may depend on a value, and eager backends would run it for each probe."""
    return init_val


@op(rule=_fori_loop)
def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """`value = body_fun(i, value)` for i from `lower` up to but without `upper`.

    Arguments:
        lower, upper: int scalars.
        body_fun: gives a value of the structure, shapes and dtypes of `init_val`.
        init_val: the first value.

    Example:
        >>> ops.fori_loop(1, 5, lambda i, value: value * i, 1)
        24
    """


def _map(f: Callable, xs: Any) -> Any:
    """A probe would call `f` for each of hundreds of elements where the backend is eager."""
    return _stacked(_specs(f, _element(xs)), _length(xs))


@op(rule=_map)
def map(f: Callable, xs: Any) -> Any:
    """`f` of each slice of `xs` (an array or structure) along axis 0, stacked; one after the other.

    Example:
        >>> ops.map(lambda row: row[0] - row[1], ops.array([[5, 3], [7, 1]]))
        tensor([2, 6], dtype=torch.int32)
    """


def _vectorized_map(function: Callable, elements: Any) -> Any:
    """`function` may close over symbolic tensors, which no framework's own mapping takes."""
    return _map(function, elements)


@op(rule=_vectorized_map)
def vectorized_map(function: Callable, elements: Any) -> Any:
    """As `map`, all at once: `function` sees one element, and runs on the whole.

    Arguments:
        function: what to do with one slice along axis 0.
        elements: an array or structure of arrays, with a first axis of one size.

    Example:
        >>> matrices, vectors = ops.ones((5, 2, 3)), ops.ones((5, 3))
        >>> ops.vectorized_map(lambda pair: pair[0] @ pair[1], (matrices, vectors)).shape
        torch.Size([5, 2])
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

    Returns: `(carry, ys)`, ys stacked along axis 0.
    Raises: TypeError if `f` is no function; ValueError without `xs` and `length`.

    Example:
        >>> ops.scan(lambda total, x: (total + x, total), ops.array(0), ops.array([1, 2, 3]))
        (tensor(6, dtype=torch.int32), tensor([0, 1, 3], dtype=torch.int32))
    """
