"""Answers `import keras` and `from keras.src.x import Name` with kdist's public names.

A pytest plugin (`-p keras_as_kdist`) for the processes that run.py starts. A private module of Keras becomes a
`Private`, which looks each name up in kdist where Keras makes it public. What Keras keeps to itself becomes an
`Unavailable`, which may be imported and fails with `NeedsPrivate` when a test makes use of it. What Keras makes public
and kdist lacks raises an AttributeError, as it would for any user. Keras's own code runs only where it is the tests':
its `testing` package, and pure helpers with which tests compute what they expect.

The outcome of each test goes, a JSON line each, to the file that CONFORMANCE_OUT names.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import json
import os
import sys
import types
from collections.abc import Callable
from typing import Any

import keras_names

import kdist

_INTS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
_FLOATS = ("bfloat16", "float16", "float32", "float64")
_FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
_COMPLEX = ("complex64", "complex128")

# Constants of `keras.src.backend` and its parts, by which tests choose cases. kdist has no sparse or ragged tensors.
CONSTANTS = {
    "SUPPORTS_SPARSE_TENSORS": False,
    "SUPPORTS_RAGGED_TENSORS": False,
    "SUPPORTS_COMPLEX_DTYPES": True,
    "IS_THREAD_SAFE": True,
    "BOOL_TYPES": ("bool",),
    "INT_TYPES": _INTS,
    "FLOAT_TYPES": _FLOATS,
    "FLOAT8_TYPES": _FLOAT8,
    "COMPLEX_TYPES": _COMPLEX,
    # In Keras's order, which names the tests of pairs of dtypes.
    "ALLOWED_DTYPES": (*_FLOATS[1:], *_INTS, "bfloat16", "bool", "string", *_FLOAT8, *_COMPLEX),
}
# Privates that tests mention in passing, with what is the same to them.
STAND_INS: dict[str, Any] = {
    "keras.src.api_export.keras_export": lambda *names, **options: lambda exported: exported,
    "keras.src.backend.torch.core.get_device": lambda: "cpu",
    "keras.src.utils.tracking.TrackedList": list,
    "keras.src.utils.tracking.TrackedDict": dict,
    "keras.src.utils.tracking.TrackedSet": set,
}
# Keras's own code: the tests' helpers.
HELPERS = (
    "keras.src.testing",
    "keras.src.backend.common.backend_utils",
    "keras.src.utils.module_utils",
    "keras.src.utils.naming",
    "keras.src.utils.python_utils",
)
# The public packages in which names of a private module are looked for when Keras exports them from elsewhere; the most
# particular prefix holds. Others are looked for in the public package of the same name.
NEIGHBOURS = {
    "keras.src": ("", "backend", "config", "utils", "saving"),
    "keras.src.backend": ("backend", "config", "ops", "", "random", "utils", "tree"),
    "keras.src.backend.image": ("ops.image",),
    "keras.src.backend.linalg": ("ops.linalg", "ops"),
    "keras.src.backend.math": ("ops",),
    "keras.src.backend.nn": ("ops.nn", "ops"),
    "keras.src.backend.numpy": ("ops.numpy", "ops"),
    "keras.src.backend.random": ("random",),
    "keras.src.utils": ("utils", "config", ""),
}


class NeedsPrivate(BaseException):
    """A test used what Keras keeps private, so that no other library can be asked for it.

    No Exception, which a test that expects an error of its own could take for it.
    """


class Unavailable:
    """A private name of Keras: harmless to import and to pass by, an error to use."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def _refuse(self, *args: object, **kwargs: object) -> Any:
        raise NeedsPrivate(f"{self._name} is private in Keras")

    __call__ = __bool__ = __iter__ = __len__ = __eq__ = __setattr__ = __instancecheck__ = _refuse
    __enter__ = __getitem__ = __contains__ = _refuse
    __hash__ = object.__hash__

    def __exit__(self, *exception: object) -> None: ...

    def __getattr__(self, name: str) -> Unavailable:
        if name.startswith("__"):
            raise AttributeError(name)
        return Unavailable(f"{self._name}.{name}")

    def __mro_entries__(self, bases: tuple[type, ...]) -> tuple[type, ...]:
        """As a base class: the derived one may be defined, and fails when an instance is made."""
        return (type("PrivateBase", (), {"__init__": self._refuse}),)


def reach(dotted: str) -> Any:
    """kdist's object of a public name; raises AttributeError for what it does not have."""
    value: Any = kdist
    for part in dotted.split(".") if dotted else []:
        value = getattr(value, part)
    return value


def first_of(candidates: list[str]) -> Any:
    """kdist's object of the first of these public names that it has; raises AttributeError if it has none."""
    for candidate in candidates:
        try:
            return reach(candidate)
        except AttributeError:
            continue
    raise AttributeError(f"kdist has none of Keras's public names {', '.join(candidates)}")


def neighbours(module: str) -> list[str]:
    """The public packages where a name of this private module may be."""
    known = module
    while known not in NEIGHBOURS:
        known = known.rpartition(".")[0]
    found = list(NEIGHBOURS[known])
    public = module.removeprefix("keras.src").removeprefix(".")
    own = []
    while public:
        if public in keras_names.names().packages:
            own.append(public)
        public = public.rpartition(".")[0]
    return [*own, *found] if known == "keras.src" else [*found, *own]


def symbolic(value: Any) -> Any:
    """An eager tensor's KerasTensor, also inside of lists; anything else as it is."""
    if isinstance(value, (list, tuple)):
        return type(value)([symbolic(v) for v in value])
    if isinstance(value, kdist.KerasTensor) or not (
        hasattr(value, "shape") and hasattr(value, "dtype")
    ):
        return value
    return kdist.KerasTensor(tuple(value.shape), dtype=kdist.backend.standardize_dtype(value.dtype))


def operation(name: str, function: Callable[..., Any]) -> type:
    """The class that Keras has privately for an op, `Sum(axis=1)(x)`, over the public function."""
    takes = keras_names.op_classes()[name]
    found = inspect.signature(function).parameters.values()
    parameters = [p.name for p in found]
    positional = [p.name for p in found if p.kind is p.POSITIONAL_OR_KEYWORD]

    class OnPublicFunction:
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            self.made_with = {**dict(zip(takes.made_with, args, strict=False)), **kwargs}

        def call(self, *tensors: Any, **more: Any) -> Any:
            named = {**self.made_with, **more}
            called_with = takes.called_with[: len(tensors)]
            if set(called_with) <= set(parameters):
                named.update(zip(called_with, tensors, strict=False))
                tensors = tensors[len(called_with) :]
                if tensors:  # the function's *args, before which all others are positional
                    before = [named.pop(p) for p in positional if p in named]
                    tensors = (*before, *tensors)
            return function(*tensors, **named)

        def symbolic_call(self, *tensors: Any, **more: Any) -> Any:
            return self.call(*[symbolic(t) for t in tensors], **more)

        __call__ = call
        compute_output_spec = symbolic_call

        def __getattr__(self, attribute: str) -> Any:
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            raise NeedsPrivate(f"{name}.{attribute} is private in Keras")

    OnPublicFunction.__name__ = name
    return OnPublicFunction


def find(module: str, name: str) -> Any:
    """What `from <module> import <name>` gives, of a private module of Keras."""
    full = f"{module}.{name}"
    names = keras_names.names()
    if full in STAND_INS:
        return STAND_INS[full]
    if module.startswith("keras.src.backend") and name in CONSTANTS:
        return CONSTANTS[name]
    if full in names.exact:
        return first_of(list(names.exact[full]))
    if keras_names.is_module(full) or full in NEIGHBOURS:
        return importlib.import_module(full)
    if f"{module}.".startswith("keras.src.ops.") and name in keras_names.op_classes():
        wanted = name.lower()
        for leaf, public in names.by_leaf.items():
            in_ops = [p for p in public if p.startswith("ops.")]
            if in_ops and leaf.replace("_", "") == wanted:
                return operation(name, first_of(in_ops))
    candidates = [f"{package}.{name}".removeprefix(".") for package in neighbours(module)]
    candidates += names.by_leaf.get(name, ())
    try:
        return first_of(candidates)
    except AttributeError:
        if name in names.by_leaf:
            raise
        return Unavailable(full)


class Private(types.ModuleType):
    """A module under `keras.src`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = find(self.__name__, name)
        setattr(self, name, value)
        return value


class Public(types.ModuleType):
    """`keras` or one of its public packages."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        if self.__name__ == "keras" and name == "src":
            return importlib.import_module("keras.src")
        return getattr(reach(self.__name__.removeprefix("keras").removeprefix(".")), name)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands before all others, and knows `keras` and all that is under it."""

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "keras" and not name.startswith("keras."):
            return None
        private = name == "keras.src" or name.startswith("keras.src.")
        if private and (name.endswith("_test") or name.startswith(HELPERS)):
            file = keras_names.wheel().joinpath(*name.split(".")[1:])
            if file.is_dir():
                return importlib.util.spec_from_file_location(
                    name, file / "__init__.py", submodule_search_locations=[str(file)]
                )
            return importlib.util.spec_from_file_location(name, file.with_suffix(".py"))
        if private and not keras_names.is_module(name) and name not in NEIGHBOURS:
            return None
        if not private and name.removeprefix("keras").strip(".") not in (
            keras_names.names().packages
        ):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        private = spec.name == "keras.src" or spec.name.startswith("keras.src.")
        return Private(spec.name) if private else Public(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing: a name is answered when it is asked for."""


def _record(test: str, outcome: str, message: str = "") -> None:
    with open(os.environ["CONFORMANCE_OUT"], "a") as out:
        out.write(json.dumps({"test": test, "outcome": outcome, "message": message}) + "\n")


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("E ")]
    return (lines or text.splitlines() or [""])[-1].removeprefix("E").strip()[:300]


def pytest_configure(config: Any) -> None:
    sys.meta_path.insert(0, Finder())


def pytest_runtest_logreport(report: Any) -> None:
    test = report.nodeid.partition("::")[2]
    if report.failed:
        text = report.longreprtext
        _record(test, "private" if "NeedsPrivate" in text else "failed", _last_line(text))
    elif report.skipped:
        _record(test, "skipped")
    elif report.when == "call":
        _record(test, "passed")


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        text = report.longreprtext
        _record("import", "private" if "NeedsPrivate" in text else "failed", _last_line(text))
