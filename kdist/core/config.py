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


def _limit_from(*variables: str) -> int | None:
    for variable in filter(os.environ.get, variables):
        try:
            return int(os.environ[variable])
        except ValueError:
            raise ValueError(
                f"{variable}={os.environ[variable]!r} is not a whole number. Set one, or unset it."
            ) from None
    return None


_settings["max_epochs"] = _limit_from("KDIST_MAX_EPOCHS", "KERAS_MAX_EPOCHS")
_settings["max_steps_per_epoch"] = _limit_from(
    "KDIST_MAX_STEPS_PER_EPOCH", "KERAS_MAX_STEPS_PER_EPOCH"
)


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


def set_backend(backend: str) -> None:
    """Choose the `backend` ("jax", "torch" or "tensorflow") before kdist's first use.

    Raises: RuntimeError if another backend is already in use; a process keeps the one it started with.
    """
    _check("backend", backend, BACKENDS)
    if _bound and _bound != backend:
        raise RuntimeError(
            f"set_backend({backend!r}) came too late: this process already uses {_bound!r}. "
            f"Call it before anything else of kdist, or start the process with KDIST_BACKEND={backend}."
        )
    os.environ["KDIST_BACKEND"] = backend


def bound_backend(name: str) -> None:
    """Record that `name` is in use from now on. Called by kdist.backend alone."""
    global _bound
    _bound = name


def floatx() -> str:
    """The default float dtype, e.g. "float32"."""
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Set the float dtype of what is made without one from now on.

    Arguments:
        value: "bfloat16", "float16", "float32" or "float64".

    Raises: ValueError for another name.
    """
    _check("value", value, _FLOATX)
    _settings["floatx"] = value


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite, 1e-7 unless set."""
    return _settings["epsilon"]


def set_epsilon(value: float) -> None:
    """Set what `epsilon()` gives from now on to `value`, a small positive float."""
    _settings["epsilon"] = value


def image_data_format() -> str:
    """ "channels_last" or "channels_first"."""
    return _settings["image_data_format"]


def set_image_data_format(data_format: str) -> None:
    """Set the order of the axes of images where a call does not say it.

    Arguments:
        data_format: "channels_last", (batch, height, width, channels), or "channels_first", (batch,
            channels, height, width).

    Raises: ValueError for another name.
    """
    _check("data_format", data_format, _FORMATS)
    _settings["image_data_format"] = str(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """`data_format` in lower case; None gives the one that is set.

    Raises: ValueError for neither "channels_last" nor "channels_first".
    """
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


_settings["traceback_filtering"] = os.environ.get("KDIST_TRACEBACK_FILTERING") != "0"


def enable_traceback_filtering() -> None:
    """Leave kdist's own frames out of the tracebacks of exceptions.

    This is the default, unless the environment says KDIST_TRACEBACK_FILTERING=0.
    """
    _settings["traceback_filtering"] = True


def disable_traceback_filtering() -> None:
    """Show kdist's own frames in the tracebacks of exceptions."""
    _settings["traceback_filtering"] = False


def is_traceback_filtering_enabled() -> bool:
    """Whether kdist's own frames are left out of tracebacks."""
    return _settings["traceback_filtering"]


def enable_flash_attention() -> None:
    """Let attention take a fused kernel where there is one for its arguments, which is the default."""
    _settings["flash_attention"] = True


def disable_flash_attention() -> None:
    """Have attention avoid the fused "flash" kernels, except where a call demands one."""
    _settings["flash_attention"] = False


def is_flash_attention_enabled() -> bool | None:
    """True or False as it was set; None, which means yes where possible, if nothing was."""
    return _settings.get("flash_attention")


def resolve_flash_attention(demanded: bool | None) -> bool | None:
    """What a call that says `demanded` does: True insists on a flash kernel, False avoids it, None may use it."""
    if demanded is None and is_flash_attention_enabled() is False:
        return False
    return demanded


def is_nnx_enabled() -> bool:
    """False: kdist's layers are no Flax NNX modules. For code that asks Keras."""
    return False


def max_epochs() -> int | None:
    """The most epochs that any call of `fit` runs; None: no limit.

    It comes from `set_max_epochs`, else from KDIST_MAX_EPOCHS or KERAS_MAX_EPOCHS.
    """
    return _settings["max_epochs"]


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit every call of `fit` to `max_epochs` epochs, to try a script out; None lifts the limit."""
    _check_limit("max_epochs", max_epochs)
    _settings["max_epochs"] = max_epochs


def max_steps_per_epoch() -> int | None:
    """The most batches of an epoch that `fit`, `evaluate` and `predict` run; None: no limit.

    It comes from `set_max_steps_per_epoch`, else from KDIST_MAX_STEPS_PER_EPOCH or KERAS_MAX_STEPS_PER_EPOCH.
    """
    return _settings["max_steps_per_epoch"]


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit each epoch of `fit`, `evaluate` and `predict` to `max_steps_per_epoch` batches.

    That is to try a script out. None lifts the limit.
    """
    _check_limit("max_steps_per_epoch", max_steps_per_epoch)
    _settings["max_steps_per_epoch"] = max_steps_per_epoch


def _check_limit(argument: str, value: int | None) -> None:
    if value is not None and (not isinstance(value, int) or value < 1):
        raise ValueError(f"{argument}={value!r} must be an int of at least 1, or None.")


def home() -> pathlib.Path:
    """Where caches and downloads go: KDIST_HOME, else KERAS_HOME, else `~/.keras`, shared with Keras."""
    return pathlib.Path(
        os.environ.get("KDIST_HOME") or os.environ.get("KERAS_HOME") or "~/.keras"
    ).expanduser()
