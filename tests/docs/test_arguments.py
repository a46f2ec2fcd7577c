"""Each public function, class and method names all its parameters in its documentation.

A parameter is named where it stands in backquotes, or before a colon in a list of arguments. A class
that refers to one of its bases ("the others are those of `Optimizer`") has named what the base names.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from types import ModuleType

import pytest

from kdist import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    data,
    distribution,
    dtype_policies,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    saving,
    tree,
    utils,
)

MODULES = (
    *(activations, backend, callbacks, config, constraints, data, distribution, dtype_policies),
    *(
        initializers,
        layers,
        losses,
        metrics,
        models,
        ops,
        ops.image,
        ops.linalg,
        ops.nn,
        ops.numpy,
        optimizers,
    ),
    *(optimizers.schedules, random, regularizers, saving, tree, utils),
)
# What the constructors of layers, losses and metrics all take, with one meaning.
SHARED = {"name", "dtype"}
# What modules of ops import to declare and check ops with, under names that are not public.
TOOLS = {"kdist.ops.checks", "kdist.ops.declare", "kdist.ops.promotion"}
WORD = re.compile(r"[A-Za-z_]\w*")
QUOTED = re.compile(r"`([^`]+)`")
# "x:" or "x1, x2:" at the beginning of an indented line; long lists go on in the next line.
HEAD = re.compile(r"^ +((?:\*{0,2}\w+,\s+)*\*{0,2}\w+):(?=\s)", re.MULTILINE)
EXAMPLE = re.compile(r"^ *(?:>>>|\.\.\.).*$", re.MULTILINE)


def public(module: ModuleType) -> dict[str, Callable]:
    """The functions and classes of kdist that a module offers."""
    names = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
    members = {f"{module.__name__}.{name}": getattr(module, name) for name in names}
    return {
        name: value
        for name, value in members.items()
        if (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__.startswith("kdist.")
        and value.__module__ not in TOOLS
    }


def documentation(value: Callable) -> str:
    own = inspect.cleandoc(value.__doc__ or "")
    if inspect.isclass(value):
        own += "\n" + inspect.cleandoc(vars(value).get("__init__", value).__doc__ or "")
    return EXAMPLE.sub("", own)


def named(value: Callable) -> set[str]:
    """All words in the places where `value` can name a parameter."""
    text = documentation(value)
    words = {
        w for place in (QUOTED, HEAD) for part in place.findall(text) for w in WORD.findall(part)
    }
    for base in inspect.getmro(value)[1:] if inspect.isclass(value) else ():
        if f"`{base.__name__}`" in text:
            words |= named(base)
    return words


def unnamed(value: Callable, known: Iterable[str] = ()) -> list[str]:
    """The parameters that `value` does not name. `*args` and `**kwargs` are what is passed on."""
    known = {*known, "args", *named(value)}
    return [
        p.name
        for p in inspect.signature(value).parameters.values()
        if p.kind is not p.VAR_KEYWORD and p.name not in known
    ]


def methods(value: type) -> dict[str, Callable]:
    """What a class itself defines and documents, its class methods included."""
    own = {name: getattr(member, "__func__", member) for name, member in vars(value).items()}
    return {
        name: member
        for name, member in own.items()
        if inspect.isfunction(member) and member.__doc__ and not name.startswith("_")
    }


def public_members() -> dict[str, Callable]:
    return {name: value for module in MODULES for name, value in public(module).items()}


def test_every_parameter_is_named():
    members = {
        name: value
        for name, value in public_members().items()
        # The constructors of errors are for kdist alone.
        if not (inspect.isclass(value) and issubclass(value, Exception))
    }
    assert len(members) > 1000
    found = {n: unnamed(v, SHARED if inspect.isclass(v) else ()) for n, v in members.items()}
    missing = [f"{name} does not name {', '.join(p)}" for name, p in found.items() if p]
    assert not missing, "\n".join(missing)


def test_every_parameter_of_a_documented_method_is_named():
    found = {
        f"{name}.{each}": unnamed(method, {"self", "cls", *named(value)})
        for name, value in public_members().items()
        if inspect.isclass(value)
        for each, method in methods(value).items()
    }
    assert len(found) > 100
    missing = [f"{name} does not name {', '.join(p)}" for name, p in found.items() if p]
    assert not missing, "\n".join(missing)


class Base:
    """What has a rate.

    Arguments:
        rate: per step.
    """

    def __init__(self, rate): ...


class Derived(Base):
    """What has a size.

    Arguments:
        size: in bytes.
        The others are those of `Base`.
    """

    def __init__(self, size, rate, unsaid, name=None): ...


def example(x, axis, first, second, third, plain, **kwargs):
    """The sum of `x / 2`, which is plain, along `axis`.

    Arguments:
        first, second,
            third: numbers.

    Example:
        >>> example(1, 0, plain=`plain`)
    """


@pytest.mark.parametrize(("value", "missing"), [(example, ["plain"]), (Derived, ["unsaid"])])
def test_what_counts_as_named(value, missing):
    assert unnamed(value, {"name"}) == missing
