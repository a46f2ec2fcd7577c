"""What was wrong with the factors of a product; see `explain`."""

from __future__ import annotations

from typing import Any

from kdist.ops.checks import same, shape_of
from kdist.ops.explain import Shaped, broadcast, in_range, product_of, without


def vdot(op: str, x1: Any, x2: Any) -> None:
    a, b = shape_of(x1), shape_of(x2)
    if None not in (*a, *b) and product_of(a) != product_of(b):
        raise ValueError(
            f"{op}: x1 and x2 must have as many elements. Received: x1.shape={a}, x2.shape={b}."
        )


def tensordot(op: str, x1: Any, x2: Any, axes: Any = 2) -> None:
    a, b = shape_of(x1), shape_of(x2)
    if isinstance(axes, int):
        if not 0 <= axes <= min(len(a), len(b)):
            raise ValueError(
                f"{op}: axes={axes} must be at most the number of axes of both. Received: x1.shape={a}, "
                f"x2.shape={b}."
            )
        first, second = range(len(a) - axes, len(a)), range(axes)
    else:
        if not isinstance(axes, list | tuple) or len(axes) != 2:
            raise ValueError(
                f"{op}: axes={axes} must be an int, or the axes of x1 and those of x2."
            )
        first, second = ((n,) if isinstance(n, int) else tuple(n) for n in axes)
        in_range(op, tuple(first), a, "x1")
        in_range(op, tuple(second), b, "x2")
    if not same(tuple(a[i] for i in first), tuple(b[i] for i in second)):
        raise ValueError(
            f"{op}: the axes that are summed over must have equal sizes. Received: x1.shape={a}, "
            f"x2.shape={b}, axes={axes}."
        )


def einsum(op: str, subscripts: str, *operands: Any, **kwargs: Any) -> None:
    given, _, kept = subscripts.replace(" ", "").partition("->")
    terms, labels_kept = given.split(","), kept.replace("...", "")
    shapes = [shape_of(x) for x in operands]
    received = f"Received: subscripts={subscripts!r}, shapes {shapes}."
    if len(terms) != len(shapes):
        raise ValueError(f"{op}: {len(terms)} terms for {len(shapes)} operands. {received}")
    if not set(labels_kept) <= set(given) or len(set(labels_kept)) < len(labels_kept):
        raise ValueError(
            f"{op}: the result {kept!r} must name axes of the operands, each once. {received}"
        )
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        before, dots, after = term.partition("...")
        labels = len(before) + len(after)
        if len(shape) < labels or (not dots and len(shape) != labels):
            raise ValueError(
                f"{op}: the term {term!r} names {labels} axes of an operand of shape {shape}. {received}"
            )
        known = [*zip(before, shape, strict=False)]
        known += zip(after, shape[len(shape) - len(after) :], strict=True) if after else []
        for label, size in known:
            if size in (None, 1):
                continue
            if sizes.setdefault(label, size) != size:
                raise ValueError(
                    f"{op}: {label!r} stands for axes of size {sizes[label]} and {size}. {received}"
                )


def cross(
    op: str,
    x1: Any,
    x2: Any,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> None:
    a, b = shape_of(x1), shape_of(x2)
    i, j = (axisa, axisb) if axis is None else (axis, axis)
    in_range(op, i, a, "x1")
    in_range(op, j, b, "x2")
    if a[i] not in (2, 3, None) or b[j] not in (2, 3, None):
        raise ValueError(
            f"{op}: vectors have 2 or 3 elements. Received: {a[i]} along axis {i} of x1 of shape "
            f"{a}, and {b[j]} along axis {j} of x2 of shape {b}."
        )
    broadcast(op, Shaped(without(a, i)), Shaped(without(b, j)))
    if axis is None and 3 in (a[i], b[j]):
        in_range(op, axisc, max(without(a, i), without(b, j), key=len), "the vectors", new=1)


def inner(op: str, x1: Any, x2: Any) -> None:
    a, b = shape_of(x1), shape_of(x2)
    if a and b and not same(a[-1:], b[-1:]):
        raise ValueError(
            f"{op}: the last dimension of x1 and of x2 must match. Received: x1.shape={a}, "
            f"x2.shape={b}."
        )


def product(op: str, x1: Any, x2: Any) -> None:
    """Matrix products: the last axis of x1 and the second-to-last (or only) one of x2."""
    a, b = shape_of(x1), shape_of(x2)
    if op == "matmul" and not (a and b):
        raise ValueError(f"{op}: x1 and x2 need at least one axis. Received: shapes {a} and {b}.")
    if a and b and not same(a[-1:], b[-2:-1] or b[-1:]):
        raise ValueError(
            f"{op}: the last axis of x1, of shape {a}, must be of the size of the "
            f"{'only' if len(b) == 1 else 'second-to-last'} axis of x2, of shape {b}."
        )
    if op == "matmul":
        broadcast(op, Shaped(a[:-2]), Shaped(b[:-2]))
