"""`vectorize`: functions of single elements made to take whole arrays."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from kdist.ops.core import convert_to_tensor, shape
from kdist.ops.core_control import vectorized_map
from kdist.ops.numpy_shaping import broadcast_to, reshape

_ONE = r"\(\s*(?:\w+\s*(?:,\s*\w+\s*)*)?\)"
_SIGNATURE = re.compile(rf"^\s*{_ONE}(?:\s*,\s*{_ONE})*\s*->\s*{_ONE}(?:\s*,\s*{_ONE})*\s*$")


def vectorize(pyfunc: Callable, *, excluded: Any = None, signature: str | None = None) -> Callable:
    """A function that applies `pyfunc` to each element of its arguments, which broadcast.

    Arguments:
        pyfunc: a function of tensors, made of ops.
        excluded: positions (int) and names (str) of arguments to hand on as they are.
        signature: the axes that one call takes and gives, such as "(m,n),(n)->(m)"; without it all
            arguments and results are scalars.

    Returns: a function of the same arguments; named ones are handed on as they are.
    Raises: ValueError for a signature that cannot be read.

    Example:
        >>> larger = ops.vectorize(lambda a, b: ops.where(a > b, a, b))
        >>> larger(ops.array([1, 5]), ops.array([[3], [4]]))
        tensor([[3, 5],
                [4, 5]], dtype=torch.int32)
        >>> dots = ops.vectorize(ops.dot, signature="(n),(n)->()")
        >>> dots(ops.ones((5, 3)), ops.ones(3))
        tensor([3., 3., 3., 3., 3.])
    """
    if not callable(pyfunc):
        raise ValueError(f"vectorize: pyfunc={pyfunc!r} must be a function.")
    kept = frozenset(excluded or ())
    if not all(isinstance(e, int | str) for e in kept):
        raise ValueError(f"vectorize: excluded={excluded!r} must hold ints and strings only.")
    ranks = None if signature is None else _ranks(signature)

    @functools.wraps(pyfunc)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        at = [i for i in range(len(args)) if i not in kept]
        if ranks is not None and len(ranks) != len(at):
            raise TypeError(
                f"vectorize: signature={signature!r} names {len(ranks)} arguments, and {len(at)} "
                "were given."
            )
        xs = [convert_to_tensor(args[i]) for i in at]

        def one(given: Any) -> Any:
            all_args = list(args)
            for i, x in zip(at, given, strict=True):
                all_args[i] = x
            return pyfunc(*all_args, **kwargs)

        return _map(one, xs, ranks or [0] * len(xs))

    return mapped


def _ranks(signature: str) -> list[int]:
    if not _SIGNATURE.match(signature):
        raise ValueError(
            f"vectorize: signature={signature!r} cannot be read. Write it as '(m,n),(n)->(m)'."
        )
    inputs = re.findall(_ONE, signature.split("->")[0])
    return [len(re.findall(r"\w+", one)) for one in inputs]


def _map(one: Callable, xs: list, ranks: list[int]) -> Any:
    shapes = [tuple(shape(x)) for x in xs]
    for size, rank in zip(shapes, ranks, strict=True):
        if len(size) < rank:
            raise ValueError(f"vectorize: an argument of shape {size} needs {rank} axes or more.")
    cores = [s[len(s) - r :] for s, r in zip(shapes, ranks, strict=True)]
    loop = np.broadcast_shapes(*(s[: len(s) - r] for s, r in zip(shapes, ranks, strict=True)))
    if not loop:
        return one(xs)
    flat = [
        reshape(broadcast_to(x, (*loop, *core)), (-1, *core))
        for x, core in zip(xs, cores, strict=True)
    ]
    out = vectorized_map(one, tuple(flat))
    unflat = lambda y: reshape(y, (*loop, *tuple(shape(y))[1:]))
    return type(out)(map(unflat, out)) if isinstance(out, list | tuple) else unflat(out)
