"""Where the installed Keras keeps what it makes public: read from the files of its wheel, none of which is imported.

The packages of Keras's public API hold nothing but `from keras.src.x import Name as Name`, so their syntax says which
private object each public name stands for.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import pathlib
from dataclasses import dataclass

# Copies of the public packages for other ways to reach them.
_NOT_PUBLIC = ("src", "_tf_keras", "legacy")


@functools.cache
def wheel() -> pathlib.Path:
    """The folder of the installed `keras`, found without importing it."""
    distribution = importlib.metadata.distribution("keras")
    return pathlib.Path(str(distribution.locate_file("keras")))


@dataclass(frozen=True)
class Names:
    """Keras's public names by the private path of what they stand for; names are given without "keras."."""

    exact: dict[str, tuple[str, ...]]  # "keras.src.ops.core.cast" -> ("ops.cast",)
    by_leaf: dict[str, tuple[str, ...]]  # "cast" -> ("ops.cast",)
    packages: frozenset[str]  # "", "ops", "ops.image", ...


@functools.cache
def names() -> Names:
    """Read the map once per process (a tenth of a second)."""
    exact: dict[str, list[str]] = {}
    by_leaf: dict[str, list[str]] = {}
    packages = set()
    for file in sorted(wheel().rglob("__init__.py")):
        package = file.relative_to(wheel()).parts[:-1]
        if package and package[0] in _NOT_PUBLIC:
            continue
        packages.add(".".join(package))
        for statement in ast.parse(file.read_text()).body:
            if not isinstance(statement, ast.ImportFrom):
                continue
            module = statement.module or ""
            if not module.startswith("keras.src"):
                continue
            for alias in statement.names:
                public = ".".join([*package, alias.asname or alias.name])
                exact.setdefault(f"{module}.{alias.name}", []).append(public)
                by_leaf.setdefault(public.rsplit(".", 1)[-1], []).append(public)
    return Names(
        {k: tuple(v) for k, v in exact.items()},
        {k: tuple(v) for k, v in by_leaf.items()},
        frozenset(packages),
    )


def is_module(dotted: str) -> bool:
    """Whether the wheel has a module or package of this name, e.g. "keras.src.ops.core"."""
    path = wheel().joinpath(*dotted.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()


@dataclass(frozen=True)
class OpClass:
    """What the private class of an op takes when it is made and when it is called."""

    made_with: tuple[str, ...]
    called_with: tuple[str, ...]


@functools.cache
def op_classes() -> dict[str, OpClass]:
    """The classes of `keras.src.ops`, e.g. "Sum": made with axis and keepdims, called with x."""
    found = {}
    for file in sorted(wheel().joinpath("src", "ops").glob("*.py")):
        if file.name.endswith("_test.py"):
            continue
        for statement in ast.parse(file.read_text()).body:
            if isinstance(statement, ast.ClassDef):
                methods = {
                    m.name: tuple(a.arg for a in m.args.args[1:])
                    for m in statement.body
                    if isinstance(m, ast.FunctionDef)
                }
                found[statement.name] = OpClass(
                    methods.get("__init__", ()), methods.get("call", ())
                )
    return found
