"""Objects to JSON-able configs and back, in Keras 3's format.

An object is `{"module", "class_name", "config", "registered_name"}` with optional "build_config" and
"compile_config". What a file may name is limited: built-ins, registered objects, `custom_objects`, and subclasses of
built-ins that the program itself has imported.
"""

from __future__ import annotations

import base64
import marshal
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from kdist.core import dtypes, registry
from kdist.core.graph import KerasTensor

_PLAIN = (str, int, float, bool)
_OF_FUNCTIONS = (
    "activations",
    "constraints",
    "initializers",
    "losses",
    "metrics",
    "regularizers",
    "ops",
)


class _State(threading.local):
    safe: bool | None = None  # None: not inside a deserialisation
    written: dict | None = None  # id -> (config, object), while saving
    read: dict | None = None  # id -> object, while loading


_state = _State()
_unsafe_everywhere = False


def enable_unsafe_deserialization() -> None:
    """Let files hold lambdas from now on. They run arbitrary code: only for files you trust."""
    global _unsafe_everywhere
    _unsafe_everywhere = True


@contextmanager
def shared_objects() -> Iterator[None]:
    """Within it, an object that occurs twice is written once and read back as one."""
    # Two tables: a layer may write configs of its parts while it is being read.
    outer = _state.written, _state.read
    _state.written, _state.read = {}, {}
    try:
        yield
    finally:
        _state.written, _state.read = outer


# ---- to config
def serialize_keras_object(obj: Any) -> Any:
    """`obj` as plain data: what `deserialize_keras_object` turns back into an equal object.

    Raises: TypeError for an object without `get_config`.
    """
    if obj is None or isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, list | tuple):
        return [serialize_keras_object(x) for x in obj]
    if isinstance(obj, Mapping) and not hasattr(obj, "get_config"):
        return {str(k): serialize_keras_object(v) for k, v in obj.items()}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        return {
            "class_name": "__slice__",
            "config": {
                k: serialize_keras_object(getattr(obj, k)) for k in ("start", "stop", "step")
            },
        }
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, KerasTensor):
        h = obj._keras_history
        history = [h.operation.name, h.node_index, h.tensor_index] if h else None
        return {
            "class_name": "__keras_tensor__",
            "config": {"shape": list(obj.shape), "dtype": obj.dtype, "keras_history": history},
        }
    if isinstance(obj, np.generic) or (isinstance(obj, np.ndarray) and obj.ndim == 0):
        return obj.item()
    if isinstance(obj, np.ndarray):
        return {
            "class_name": "__numpy__",
            "config": {"value": obj.tolist(), "dtype": dtypes.standardize_dtype(obj.dtype)},
        }
    if isinstance(obj, types.FunctionType) and obj.__name__ == "<lambda>":
        warnings.warn(
            f"A lambda is being saved ({obj.__code__.co_filename}:{obj.__code__.co_firstlineno}). Loading it "
            "will need safe_mode=False; use a named, registered function instead.",
            stacklevel=2,
        )
        return {"class_name": "__lambda__", "config": {"value": _dump_lambda(obj)}}
    if isinstance(obj, types.FunctionType | types.BuiltinFunctionType):
        return _function_config(obj)
    if isinstance(obj, type):
        return _function_config(obj)
    if hasattr(obj, "get_config"):
        return _object_config(obj)
    if hasattr(obj, "__array__") and hasattr(obj, "dtype"):
        array = np.asarray(obj)
        return {
            "class_name": "__tensor__",
            "config": {"value": array.tolist(), "dtype": dtypes.standardize_dtype(array.dtype)},
        }
    name = dtypes_name(obj)
    if name is not None:
        return name
    raise TypeError(
        f"{obj!r} of type {type(obj).__name__} cannot be saved. Give its class a get_config() method, and "
        "from_config()."
    )


def dtypes_name(obj: Any) -> str | None:
    """The name of a NumPy, torch or TF dtype object, or None for anything else."""
    if isinstance(obj, np.dtype) or type(obj).__module__.split(".")[0] in ("torch", "tensorflow"):
        try:
            return dtypes.standardize_dtype(obj)
        except ValueError:
            return None
    return None


def _function_config(fn: Any) -> dict:
    module, name = registry.builtin_path(fn) or (fn.__module__, None)
    name = name or registry.get_registered_name(fn)
    registered = name
    if module.removeprefix("keras.") in _OF_FUNCTIONS[:-1]:
        # Keras exports a function under one package only, and searches all of these for this form.
        module, registered = "builtins", "function"
    return {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": registered,
    }


def _object_config(obj: Any) -> dict:
    config = obj.get_config()
    if not isinstance(config, dict):
        raise TypeError(
            f"{type(obj).__name__}.get_config() must return a dict, and returned {config!r}."
        )
    cls = type(obj)
    path = getattr(obj, "saved_path", None) or registry.builtin_path(cls)
    out = {
        "module": path[0] if path else (None if cls.__module__ == "__main__" else cls.__module__),
        "class_name": path[1] if path else cls.__name__,
        "config": serialize_keras_object(config),
        # Keras has names for what it does not export too.
        "registered_name": _registered_name(cls, path),
    }
    for part in ("build_config", "compile_config"):
        get = getattr(obj, f"get_{part}", None)
        value = get() if get is not None else None
        if value is not None:
            out[part] = serialize_keras_object(value)
    if _state.written is not None:
        # The object is kept: another must not get its id meanwhile.
        first, _ = _state.written.setdefault(id(obj), (out, obj))
        if first is not out:
            first["shared_object_id"] = out["shared_object_id"] = id(obj)
    return out


def _registered_name(cls: type, path: tuple[str, str] | None) -> str | None:
    """None for what Keras exports; its private classes have a name."""
    if path is None:
        return registry.get_registered_name(cls)
    return path[1] if path[0].startswith("keras.src.") else None


# ---- from config
def deserialize_keras_object(
    config: Any, custom_objects: Mapping | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """The object that `config` describes.

    Arguments:
        config: what `serialize_keras_object` gave.
        custom_objects: name -> class or function, for what is not registered.
        safe_mode: refuse lambdas (arbitrary code).

    Raises: ValueError for a lambda in safe mode; TypeError for a class that is unknown, naming it and how to make it
        known.
    """
    kwargs.pop("module_objects", None)
    if kwargs:
        raise TypeError(f"deserialize_keras_object received unknown arguments: {sorted(kwargs)}.")
    safe = (safe_mode if _state.safe is None else _state.safe) and not _unsafe_everywhere
    outer, _state.safe = _state.safe, safe
    try:
        with registry.custom_object_scope(custom_objects or {}):
            return _decode(config)
    finally:
        _state.safe = outer


def _decode(config: Any) -> Any:
    if isinstance(config, str):
        found = registry.get_registered_object(config) if _looks_custom(config) else None
        return config if found is None else found
    if config is None or isinstance(config, _PLAIN):
        return config
    if isinstance(config, list | tuple):
        return [_decode(x) for x in config]
    if not isinstance(config, Mapping):
        raise TypeError(
            f"A config must be plain data, and holds {config!r} of type {type(config).__name__}."
        )
    if "class_name" not in config or "config" not in config:
        return {k: _decode(v) for k, v in config.items()}
    special = _SPECIAL.get(config["class_name"])
    if special is not None:
        return special(config["config"] or {})
    if config["class_name"] == "function":
        return _find(config["config"], config, function=True)
    shared = config.get("shared_object_id")
    if shared is not None and _state.read is not None and shared in _state.read:
        return _state.read[shared]
    cls = _find(config["class_name"], config)
    if isinstance(cls, types.FunctionType):
        return cls
    if not hasattr(cls, "from_config"):
        raise TypeError(
            f"{config['class_name']} cannot be loaded: the class has no from_config() method."
        )
    try:
        instance = cls.from_config(dict(config["config"] or {}))
    except TypeError as e:
        raise TypeError(
            f"{cls.__name__} could not be made from its saved config: {e}. Its get_config() must return the "
            "arguments of __init__; "
            f"objects among them are rebuilt in from_config(). config={config['config']}"
        ) from e
    if config.get("build_config") and hasattr(instance, "build_from_config") and not instance.built:
        instance.build_from_config(_decode(config["build_config"]))
        instance.built = True
    if config.get("compile_config") and hasattr(instance, "compile_from_config"):
        instance.compile_from_config(config["compile_config"])
    if shared is not None and _state.read is not None:
        _state.read[shared] = instance
    return instance


def _looks_custom(name: str) -> bool:
    return bool(name) and (">" in name or any(name in scope for scope in registry._scope.objects))


def _find(name: str, config: Mapping, function: bool = False) -> Any:
    registered = config.get("registered_name") or name
    module = config.get("module")
    for candidate in (registered, name):
        found = registry.get_registered_object(candidate)
        if found is not None:
            return found
    if module and module.split(".")[0] in ("keras", "kdist", "tf_keras"):
        found = registry.find_builtin(module, name) or registry.find_builtin(
            _public_module(module), name
        )
        if found is not None:
            return found
    if function and module == "builtins":  # so Keras writes every function
        for package in _OF_FUNCTIONS:
            found = registry.find_builtin(f"keras.{package}", name)
            if isinstance(found, types.FunctionType):
                return found
    loaded = sys.modules.get(module or "__main__")
    found = (
        getattr(loaded, name, None)
        if loaded is not None and (module or "").split(".")[0] not in ("builtins", "os", "sys")
        else None
    )
    if found is not None and (
        _is_own_subclass(found)
        or (function and isinstance(found, types.FunctionType) and not _state.safe)
    ):
        return found
    kind = "function" if function else "class"
    raise TypeError(
        f"The file names the {kind} {name!r} (module {module!r}, registered as {registered!r}), which is not "
        "known here. Decorate it with "
        "@kdist.saving.register_keras_serializable(), import the module that does, or pass "
        f"custom_objects={{{name!r}: ...}}."
    )


def _is_own_subclass(found: Any) -> bool:
    return isinstance(found, type) and any(
        registry.builtin_path(base) for base in found.__mro__[1:]
    )


def _public_module(module: str) -> str:
    """Keras writes some classes under their private module: `keras.src.models.functional` -> `keras.models`."""
    parts = module.split(".")
    if parts[:2] == ["keras", "src"]:
        # Under torch Keras writes `keras.src.backend.torch.optimizers.torch_adam`.
        if "optimizers" in parts:
            return "keras.optimizers"
        return ".".join(["keras", *parts[2:3]])
    return ".".join(["keras", *parts[1:]])


def _keras_tensor(config: Mapping) -> KerasTensor:
    tensor = KerasTensor(config["shape"], config["dtype"])
    tensor._saved_history = config["keras_history"]  # type: ignore[attr-defined]
    return tensor


def _lambda(config: Mapping) -> Callable:
    if _state.safe:
        raise ValueError(
            "The file holds a Python lambda, which could run any code, and safe_mode is on. If you trust where "
            "the file comes from, load it with safe_mode=False "
            "or call kdist.config.enable_unsafe_deserialization()."
        )
    return _load_lambda(config["value"])


_SPECIAL: dict[str, Callable] = {
    "__keras_tensor__": _keras_tensor,
    "__tensor__": lambda c: np.array(c["value"], dtype=c["dtype"]),
    "__numpy__": lambda c: np.array(c["value"], dtype=c["dtype"]),
    "__bytes__": lambda c: c["value"].encode("utf-8"),
    "__ellipsis__": lambda c: Ellipsis,
    "__slice__": lambda c: slice(*(_decode(c[k]) for k in ("start", "stop", "step"))),
    "__lambda__": _lambda,
}


def _dump_lambda(fn: types.FunctionType) -> dict:
    code = base64.b64encode(marshal.dumps(fn.__code__)).decode("ascii")
    closure = [c.cell_contents for c in fn.__closure__] if fn.__closure__ else None
    return {"code": code, "defaults": fn.__defaults__, "closure": closure}


def _load_lambda(value: Mapping) -> types.FunctionType:
    code = marshal.loads(base64.b64decode(value["code"]))  # noqa: S302 - guarded by safe_mode
    closure = tuple(types.CellType(c) for c in value["closure"]) if value.get("closure") else None
    defaults = tuple(value["defaults"]) if value.get("defaults") else None
    return types.FunctionType(code, {"__builtins__": __builtins__}, "<lambda>", defaults, closure)


# ---- by identifier
def resolve(
    identifier: Any,
    objects: Mapping[str, Any],
    what: str,
    custom_objects: Mapping | None = None,
    make: bool = True,
) -> Any:
    """What `get("adam")`-like functions share: a name, a config, a class or an object -> an object.

    Arguments:
        objects: name -> class or function, the built-ins of the kind.
        what: the kind, for the message, e.g. "optimizer".
        make: call a class to get an instance (False: a name of a function stands for the function).

    Raises: ValueError for a name that is not known, listing what is.
    """
    if identifier is None:
        return None
    if isinstance(identifier, Mapping):
        if (
            "module" not in identifier
            and "registered_name" not in identifier
            and identifier.get("class_name") in objects
        ):
            found: Any = objects[identifier["class_name"]]
            made = isinstance(found, type)
            return found.from_config(identifier.get("config") or {}) if made else found
        return deserialize_keras_object(identifier, custom_objects=custom_objects)
    if isinstance(identifier, str):
        found = registry.get_registered_object(identifier, custom_objects)
        if found is None:
            found = objects.get(identifier)
        if found is None:
            names = sorted({n for n in objects if n.islower()})
            raise ValueError(
                f"{what}={identifier!r} is not known. Use one of {', '.join(names)}, register your own, or pass "
                "an object."
            )
        return found() if isinstance(found, type) and make else found
    if isinstance(identifier, type):
        return identifier() if make else identifier
    if callable(identifier) or hasattr(identifier, "get_config"):
        return identifier
    raise ValueError(
        f"{what}={identifier!r} of type {type(identifier).__name__} cannot be interpreted. Pass a name, a "
        "config, or an object."
    )
