"""Process-wide settings: backend, default float type, epsilon, image layout.

They come, in this order, from the environment, from a JSON file (`~/.kdist/kdist.json`, else Keras's
`~/.keras/keras.json`), and from the defaults below.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib

BACKENDS = ("jax", "torch", "tensorflow")
_FLOATX = ("bfloat16", "float16", "float32", "float64")
_FORMATS = ("channels_last", "channels_first")


def _config_file() -> dict:
    homes = [os.environ.get("KDIST_HOME"), "~/.kdist", os.environ.get("KERAS_HOME"), "~/.keras"]
    for home in filter(None, homes):
        for name in ("kdist.json", "keras.json"):
            path = pathlib.Path(home).expanduser() / name
            if path.is_file():
                try:
                    return dict(json.loads(path.read_text()))
                except (ValueError, TypeError) as e:
                    raise ValueError(
                        f"The configuration file {path} is not a JSON object: {e}. Repair or remove it."
                    ) from e
    return {}


_settings: dict = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
_settings.update({k: v for k, v in _config_file().items() if k in (*_settings, "backend")})
_bound: str | None = None  # the backend in use; set once by `bound_backend`


def _check(argument: str, value: object, allowed: tuple) -> None:
    if value not in allowed:
        raise ValueError(
            f"{argument}={value!r} is not known. Use one of {', '.join(map(repr, allowed))}."
        )


def backend() -> str:
    """The name of the backend: in use, else chosen by the environment or the file, else the first that is installed."""
    if _bound:
        return _bound
    for source in ("KDIST_BACKEND", "KERAS_BACKEND"):
        if os.environ.get(source):
            _check(source, os.environ[source], BACKENDS)
            return os.environ[source]
    # Keras writes its file unasked, with a backend that need not be installed any more.
    if _settings.get("backend") in BACKENDS and importlib.util.find_spec(_settings["backend"]):
        return _settings["backend"]
    for name in BACKENDS:
        if importlib.util.find_spec(name):
            return name
    raise ImportError(
        "kdist found none of its backends. Install one: `pip install 'kdist[jax]'`, `'kdist[torch]'` or "
        "`'kdist[tensorflow]'`."
    )


def set_backend(name: str) -> None:
    """Choose the backend ("jax", "torch" or "tensorflow") before kdist's first use.

    Raises: RuntimeError if another backend is already in use; a process keeps the one it started with.
    """
    _check("name", name, BACKENDS)
    if _bound and _bound != name:
        raise RuntimeError(
            f"set_backend({name!r}) came too late: this process already uses {_bound!r}. "
            f"Call it before anything else of kdist, or start the process with KDIST_BACKEND={name}."
        )
    os.environ["KDIST_BACKEND"] = name


def bound_backend(name: str) -> None:
    """Record that `name` is in use from now on. Called by kdist.backend alone."""
    global _bound
    _bound = name


def floatx() -> str:
    """The default float dtype, e.g. "float32"."""
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    _check("value", value, _FLOATX)
    _settings["floatx"] = value


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite, 1e-7 unless set."""
    return _settings["epsilon"]


def set_epsilon(value: float) -> None:
    _settings["epsilon"] = value


def image_data_format() -> str:
    """ "channels_last" or "channels_first"."""
    return _settings["image_data_format"]


def set_image_data_format(data_format: str) -> None:
    _check("data_format", data_format, _FORMATS)
    _settings["image_data_format"] = str(data_format)


def standardize_data_format(data_format: str | None) -> str:
    if data_format is None:
        return image_data_format()
    _check("data_format", str(data_format).lower(), _FORMATS)
    return str(data_format).lower()


def enable_interactive_logging() -> None:
    """Have progress printed to the standard output, which is the default."""
    _settings["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Have progress go to the logger "kdist" instead of the standard output."""
    _settings["interactive_logging"] = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress is printed to the standard output."""
    return _settings.get("interactive_logging", True)


def home() -> pathlib.Path:
    """Where caches and downloads go: KDIST_HOME, else KERAS_HOME, else `~/.keras`, shared with Keras."""
    return pathlib.Path(
        os.environ.get("KDIST_HOME") or os.environ.get("KERAS_HOME") or "~/.keras"
    ).expanduser()
