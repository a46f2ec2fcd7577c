"""Which name stands for which class or function in a saved file.

kdist's files are Keras's: a built-in is written under the module path that Keras uses ("keras.layers", "Dense"), so
that either library reads the other's files. A user's class is registered as "package>name".
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_by_path: dict[tuple[str, str], Any] = {}  # ("keras.layers", "Dense") -> class
_path_of: dict[Any, tuple[str, str]] = {}
_custom: dict[str, Any] = {}  # "package>name" -> object
_name_of: dict[Any, str] = {}


class _Scope(threading.local):
    objects: tuple[Mapping[str, Any], ...] = ()


_scope = _Scope()
# The top-level package puts here what loads all of kdist's public classes; a lookup that fails calls it once.
load_all: Callable[[], None] = lambda: None
# And here what gives the initializer of a name, such as "zeros": variables are made below where initializers are known.
initializer_named: Callable[[str], Callable]


def publish(module: str, namespace: Mapping[str, Any]) -> None:
    """Record the public classes and functions of a package as built-ins saved under `module`, e.g. "keras.layers"."""
    for name, value in namespace.items():
        if (
            not name.startswith("_")
            and callable(value)
            and getattr(value, "__module__", "").startswith("kdist.")
        ):
            _by_path[module, name] = value
            # Several names may stand for one object (`relu`, `ReLU`): its own name wins, then the first.
            if getattr(value, "__name__", None) == name or value not in _path_of:
                _path_of[value] = (module, name)


def publish_as(module: str, name: str, obj: Any) -> None:
    """Record one built-in that files name so, such as an op's class. Keras reads only names that it has itself."""
    _by_path.setdefault((module, name), obj)


def builtin_path(obj: Any) -> tuple[str, str] | None:
    """(module, name) under which a built-in is saved, or None for what is not built in."""
    try:
        return _path_of.get(obj)
    except TypeError:  # unhashable
        return None


def find_builtin(module: str, name: str) -> Any:
    """The built-in saved as `name` under `module`, or None."""
    found = _by_path.get((module, name))
    if found is None:
        load_all()
        found = _by_path.get((module, name))
    return found


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """Decorator: save the class or function as `package>name`, and find it again when a file is loaded.

    Raises: ValueError for a class without `get_config`.
    """

    def register(obj: Any) -> Any:
        registered = f"{package}>{name or obj.__name__}"
        if isinstance(obj, type) and not hasattr(obj, "get_config"):
            raise ValueError(
                f"{obj.__name__} cannot be registered: it has no get_config() method. Add one that returns its "
                "arguments."
            )
        _custom[registered] = obj
        _name_of[obj] = registered
        return obj

    return register


def get_registered_name(obj: Any) -> str:
    """The name `obj` was registered under, else its `__name__`."""
    try:
        return _name_of.get(obj) or obj.__name__
    except TypeError:
        return obj.__name__


def is_registered(obj: Any) -> bool:
    try:
        return obj in _name_of
    except TypeError:
        return False


def get_registered_object(
    name: str | None, custom_objects: Mapping | None = None, module_objects: Mapping | None = None
) -> Any:
    """What is registered as `name`; None if nothing is.

    Looked up in scopes, then `custom_objects`, the registry and `module_objects`.
    """
    for objects in (*reversed(_scope.objects), custom_objects or {}, _custom, module_objects or {}):
        if name in objects:
            return objects[name]
    return None


def get_custom_objects() -> dict[str, Any]:
    """The registry itself: name -> object."""
    return _custom


@contextmanager
def custom_object_scope(objects: Mapping[str, Any]) -> Iterator[None]:
    """Within it, `objects` (name -> class or function) are known to deserialisation."""
    outer, _scope.objects = _scope.objects, (*_scope.objects, objects or {})
    try:
        yield
    finally:
        _scope.objects = outer


class CustomObjectScope:
    """`custom_object_scope` as a class, as Keras spells it.

    Arguments:
        custom_objects: name -> class or function.
    """

    def __init__(self, custom_objects: Mapping[str, Any]):
        self._context = custom_object_scope(custom_objects)

    def __enter__(self) -> CustomObjectScope:
        self._context.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._context.__exit__(*exc)
