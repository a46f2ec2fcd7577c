"""Computations of several steps that are one program wherever they run."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax


def kernel(*static: str) -> Callable:
    """Have a function of arrays compiled as a whole when it is called eagerly: jax would else start each of its steps
    by itself, and write what lies between them to memory. Inside of a trace it is what its steps are.

    Arguments:
        static: the parameters that are no arrays.
    """
    return functools.partial(jax.jit, static_argnames=static, inline=True)
