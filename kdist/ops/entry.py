"""The function behind a public op's name.

It has the declaration's own parameters and is written out from them and compiled, as dataclasses do for `__init__`:
to collect arguments in a tuple and a dict and unpack both again would add to a call what a tiny kernel takes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any

from kdist.core.graph import HOLDERS, any_symbolic, holds_symbolic

_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

# Parameters so declared hold no tensor.
_WORDS = ("bool", "bool | None", "str", "str | None")

_SOURCE = """
def make(row, check, record, refused, given, {defaults}):
    def call({header}):
        if {symbolic}:
            return record(*given({arguments}))
        try:
            {check}return row({arguments})
        except Exception as error:
            refused(error, *given({arguments}))
            raise
    return call
"""


@functools.cache
def _maker(source: str) -> Callable:
    """Compiled once for all ops with these parameters."""
    space = {"HOLDERS": HOLDERS, "holds": holds_symbolic, "among": any_symbolic}
    exec(compile(source, "<call of an op>", "exec"), space)  # noqa: S102 - of our own text alone
    return space["make"]


def entry(
    fn: Callable, row: Callable, check: Callable | None, record: Callable, refused: Callable
) -> Callable:
    """What users call for the op that `fn` declares.

    Arguments:
        row: computes it, given what has no default by position and all else by keyword.
        check: called with the same before; None for nothing.
        record: `record(args, kwargs)` gives the result where a symbolic tensor is among the arguments.
        refused: `refused(error, args, kwargs)` is called with what `check` or `row` raised. Both get keyword
            arguments without those that have their default.
    """
    parameters = list(inspect.signature(fn).parameters.values())
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}

    def given(*args: Any, **kwargs: Any) -> tuple[tuple, dict]:
        own = {k: v for k, v in kwargs.items() if k not in defaults or v is not defaults[k]}
        return args, own

    arguments = ", ".join(_argument(p) for p in parameters)
    source = _SOURCE.format(
        defaults=", ".join(f"default_{n}" for n in defaults),
        header=_header(parameters),
        symbolic=" or ".join(_symbolic(p) for p in parameters if p.annotation not in _WORDS)
        or "False",
        check=f"check({arguments}); " if check is not None else "",
        arguments=arguments,
    )
    call = _maker(source)(row, check, record, refused, given, *defaults.values())
    return functools.wraps(fn)(call)


def _header(parameters: list[Parameter]) -> str:
    texts = []
    for i, p in enumerate(parameters):
        if p.kind is Parameter.KEYWORD_ONLY and (not i or parameters[i - 1].kind in _BY_POSITION):
            texts.append("*")
        star = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}.get(p.kind, "")
        texts.append(f"{star}{p.name}" + ("" if p.default is p.empty else f"=default_{p.name}"))
    return ", ".join(texts)


def _argument(p: Parameter) -> str:
    """How it is passed on."""
    if p.kind is Parameter.VAR_POSITIONAL:
        return f"*{p.name}"
    if p.kind is Parameter.VAR_KEYWORD:
        return f"**{p.name}"
    required = p.default is p.empty and p.kind is not Parameter.KEYWORD_ONLY
    return p.name if required else f"{p.name}={p.name}"


def _symbolic(p: Parameter) -> str:
    """Whether a symbolic tensor is in it. What is none of `HOLDERS`, as most are, is told without a call."""
    if p.kind is Parameter.VAR_POSITIONAL:
        return f"among({p.name})"
    if p.kind is Parameter.VAR_KEYWORD:
        return f"({p.name} and among({p.name}.values()))"
    return f"type({p.name}) in HOLDERS and holds({p.name})"
