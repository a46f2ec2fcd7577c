"""Rows of conversion, control flow and differentiation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kdist.backend.torch.tensors import (
    NAMES,
    as_tensor,
    convert_to_numpy,
    convert_to_tensor,
    in_dtype,
    is_tensor,
    torch_dtype,
)
from kdist.core import tree
from kdist.core.dtypes import standardize_dtype
from kdist.core.saturation import ends


def cast(x: Any, dtype: Any) -> Tensor:
    return in_dtype(as_tensor(x), torch_dtype(dtype))


def saturate_cast(x: Any, dtype: Any) -> Tensor:
    x, target = as_tensor(x), torch_dtype(dtype)
    # By name: a dtype that torch holds in a wider one has its own range.
    source, name = NAMES[x.dtype], standardize_dtype(dtype)
    if source in ("bool", name):
        return x.to(target)
    low, high, least, greatest = ends(source, name)
    out = torch.clamp(x, low, high).to(target)
    if least is not None:
        out = torch.where(x < low, least, out).to(target)
    if greatest is not None:
        out = torch.where(x > high, greatest, out).to(target)
    return out


def dtype(x: Any) -> str:
    return NAMES[x.dtype] if isinstance(x, Tensor) else NAMES[as_tensor(x).dtype]


def stop_gradient(variable: Any) -> Tensor:
    return as_tensor(variable).detach()


# ---- control flow: eager, so Python's own
# --------------------------------------------------------------------------------
def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    if isinstance(pred, Tensor) and pred.is_meta:
        return true_fn()  # only the shapes are asked for, and both branches must agree in them
    return true_fn() if pred else false_fn()


def switch(index: Any, branches: Any, *operands: Any) -> Any:
    meta = isinstance(index, Tensor) and index.is_meta
    return branches[0 if meta else min(max(int(index), 0), len(branches) - 1)](*operands)


def while_loop(
    cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    several = isinstance(loop_vars, list | tuple)
    state = tuple(loop_vars) if several else (loop_vars,)
    state = tree.map_structure(as_tensor, state)
    if any(isinstance(x, Tensor) and x.is_meta for x in tree.flatten(state)):
        maximum_iterations, cond = 1, lambda *_: True  # the loop keeps its variables' shapes
    done = 0
    while (maximum_iterations is None or done < maximum_iterations) and cond(*state):
        out = body(*state)
        state = tuple(out) if isinstance(out, list | tuple) else (out,)
        done += 1
    return state if several else state[0]


def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    if any(isinstance(x, Tensor) and x.is_meta for x in (lower, upper)):
        return body_fun(lower, init_val)
    for i in range(int(lower), int(upper)):
        init_val = body_fun(i, init_val)
    return init_val


def scan(
    f: Callable,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> tuple[Any, Any]:
    if not callable(f):
        raise TypeError(f"scan: f must be callable, and is {f!r}.")
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"unroll={unroll!r} must be a positive int or a bool.")
    if xs is None and length is None:
        raise ValueError("scan has neither xs nor length: it cannot know how many steps to take.")
    carry = tree.map_structure(as_tensor, init)
    slices = None if xs is None else tree.map_structure(lambda x: torch.unbind(as_tensor(x)), xs)
    n = int(length) if length is not None else len(_first_unbound(xs))
    outputs = [None] * n
    for i in reversed(range(n)) if reverse else range(n):
        carry, outputs[i] = f(
            carry,
            None
            if xs is None
            else tree.map_structure_up_to(xs, lambda parts, i=i: parts[i], slices),
        )
    if n == 0 or all(y is None for y in outputs):
        return carry, None
    return carry, tree.map_structure(
        lambda *ys: None if ys[0] is None else torch.stack([as_tensor(y) for y in ys]), *outputs
    )


def _first_unbound(xs: Any) -> Tensor:
    return as_tensor(tree.flatten(xs)[0])


def map_(f: Callable, xs: Any) -> Any:
    return scan(lambda carry, x: (carry, f(x)), (), xs)[1]


def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Inclusive scan in log2(n) rounds: round d combines each element with the one 2^d before it."""
    if not callable(f):
        raise TypeError(f"associative_scan: f must be callable, and is {f!r}.")
    flat = [as_tensor(x) for x in tree.flatten(elems)]
    n = flat[0].shape[axis]
    if any(x.shape[axis] != n for x in flat):
        raise ValueError(
            f"associative_scan: elems must agree in size along axis={axis}. Received shapes: "
            f"{[tuple(x.shape) for x in flat]}."
        )
    if reverse:
        flat = [torch.flip(x, (axis,)) for x in flat]
    shift = 1
    while shift < n:
        earlier = [torch.narrow(x, axis, 0, n - shift) for x in flat]
        later = [torch.narrow(x, axis, shift, n - shift) for x in flat]
        combined = tree.flatten(
            f(tree.pack_sequence_as(elems, earlier), tree.pack_sequence_as(elems, later))
        )
        flat = [
            torch.cat([torch.narrow(x, axis, 0, shift), as_tensor(c)], axis)
            for x, c in zip(flat, combined, strict=True)
        ]
        shift *= 2
    if reverse:
        flat = [torch.flip(x, (axis,)) for x in flat]
    return tree.pack_sequence_as(elems, flat)


def vectorized_map(function: Callable, elements: Any) -> Any:
    elements = tree.map_structure(as_tensor, elements)
    return torch.vmap(function)(elements)


# ---- differentiation
# -----------------------------------------------------------------------------------------------------
class _CustomGradient(torch.autograd.Function):
    """Runs `f`, which gives (output, gradient function), and differentiates by the latter."""

    @staticmethod
    def forward(ctx: Any, f: Callable, args: Any, structure: list, *tensors: Tensor) -> Any:
        out, ctx.gradient = f(*tree.pack_sequence_as(args, tensors))
        ctx.inputs = args
        ctx.save_for_backward(*tensors)
        structure.append(out)
        return tuple(tree.flatten(out))

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        arguments = tree.pack_sequence_as(ctx.inputs, ctx.saved_tensors)
        if _wants_arguments(ctx.gradient, len(upstream)):
            grads = ctx.gradient(
                *arguments, upstream=upstream[0] if len(upstream) == 1 else upstream
            )
        else:
            grads = ctx.gradient(*upstream)
        return (
            None,
            None,
            None,
            *tree.flatten(tuple(grads) if isinstance(grads, list | tuple) else (grads,)),
        )


def _wants_arguments(gradient: Callable, outputs: int) -> bool:
    """Whether it is written as `gradient(*args, upstream)`, Keras's form for torch, not as `gradient(*upstream)`."""
    parameters = inspect.signature(gradient).parameters
    upstream = parameters.get("upstream")
    if upstream is None:
        return False
    positional = [
        p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return upstream.kind is upstream.KEYWORD_ONLY or len(positional) > outputs


def custom_gradient(f: Callable) -> Callable:
    """A function that gives `f(*args)[0]` and differentiates by the function `f(*args)[1]`."""

    def call(*args: Any) -> Any:
        structure: list = []
        flat = _CustomGradient.apply(
            f, args, structure, *(as_tensor(a) for a in tree.flatten(args))
        )
        return tree.pack_sequence_as(structure[0], flat)

    return call


OPS = {
    "associative_scan": associative_scan,
    "cast": cast,
    "cond": cond,
    "convert_to_numpy": convert_to_numpy,
    "convert_to_tensor": convert_to_tensor,
    "custom_gradient": custom_gradient,
    "dtype": dtype,
    "fori_loop": fori_loop,
    "is_tensor": is_tensor,
    "map": map_,
    "saturate_cast": saturate_cast,
    "scan": scan,
    "stop_gradient": stop_gradient,
    "switch": switch,
    "vectorized_map": vectorized_map,
    "while_loop": while_loop,
}
