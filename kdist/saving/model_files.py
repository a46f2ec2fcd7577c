"""`save_model` and `load_model`: a whole model in one `.keras` file."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdist.core import serialization
from kdist.core.lazy import LazyModule
from kdist.saving import archive, files, h5
from kdist.saving.state import arrays_size, load_state, save_state

if TYPE_CHECKING:
    import h5py
else:
    h5py = LazyModule("h5py")

# The release of Keras whose format this is: what reads the file decides by it how to read.
KERAS_FORMAT = "3.15.1"
_LEGACY = (".h5", ".hdf5")


def save_model(
    model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Write architecture, weights, optimizer state and arguments of `compile`.

    The file appears whole or not at all: whatever happens meanwhile, an older one is left as it
    was. Keras 3 loads it too. Every process that calls this writes.

    Arguments:
        model: the model.
        filepath: a path or URL (s3://, gs://, ...) that ends in ".keras", or a binary file object.
        overwrite: replace what is there; False asks at a terminal, and raises elsewhere.
        zipped: False writes a folder with the same parts instead of one file.

    Raises:
        ValueError: for another ending.
        FileExistsError: without `overwrite`.
        OSError: if it cannot be written, e.g. on a full disk.

    Example: `save_model(model, "digits.keras")`.
    """
    if kwargs:
        raise ValueError(
            f"save_model does not know the arguments {sorted(kwargs)}. It writes the .keras format."
        )
    if not model.built:
        warnings.warn(
            f"Model {model.name!r} is saved before it is built, so without weights. Call it on "
            "data, or build(input_shape), first.",
            stacklevel=2,
        )
    if isinstance(filepath, io.IOBase):
        with _parts(model, None) as (texts, weights, assets):
            archive.write_zip(filepath, texts, weights, assets)  # type: ignore[arg-type]
        return
    path = str(filepath)
    zipped = zipped if zipped is not None else True
    _check_name(path, zipped)
    if not files.may_write(filepath, overwrite):
        return
    with files.replacing(filepath) as local:
        if zipped:
            with (
                _parts(model, local.parent) as (texts, weights, assets),
                open(local, "wb") as target,
            ):
                archive.write_zip(target, texts, weights, assets)
        else:
            _write_folder(model, local)


def _check_name(path: str, zipped: bool) -> None:
    if zipped and not path.endswith(".keras"):
        instead = path + ".keras"
        if path.endswith(_LEGACY):
            instead = path.rsplit(".", 1)[0] + ".keras"
        raise ValueError(
            f"filepath={path!r} must end in '.keras', e.g. {instead!r}. For the weights alone, use "
            "save_weights() and '.weights.h5'."
        )
    if not zipped and path.endswith(".keras"):
        raise ValueError(f"zipped=False writes a folder; filepath={path!r} names a .keras file.")


def _texts(model: Any) -> dict[str, str]:
    with serialization.shared_objects():
        config = serialization.serialize_keras_object(model)
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_FORMAT, "date_saved": now}
    return {archive.METADATA: json.dumps(metadata), archive.CONFIG: json.dumps(config)}


@contextlib.contextmanager
def _parts(model: Any, beside: Path | None) -> Iterator[tuple[dict[str, str], Any, Path]]:
    """The texts, the bytes of the weights and the folder of assets of a model to be saved."""
    texts = _texts(model)
    with (
        archive.new_weights(arrays_size(model), beside) as (file, held),
        tempfile.TemporaryDirectory(prefix="kdist-") as folder,
    ):
        with file:
            save_state(model, h5.Writer(file), Path(folder))
        yield texts, held, Path(folder)


def _write_folder(model: Any, folder: Path) -> None:
    folder.mkdir()
    for name, text in _texts(model).items():
        (folder / name).write_text(text)
    assets = folder / archive.ASSETS
    assets.mkdir()
    with h5py.File(folder / archive.WEIGHTS, "w") as file:
        save_state(model, h5.Writer(file), assets)


def load_model(
    filepath: Any,
    custom_objects: Mapping | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model that a `.keras` file of kdist or Keras 3 holds.

    Arguments:
        filepath: a path or URL of the file (or of the folder that `zipped=False` wrote), or a
            binary file object.
        custom_objects: name -> class or function, for what is not registered.
        compile: compile it with the saved arguments, and restore the optimizer.
        safe_mode: refuse files that hold Python lambdas, which could run any code.

    Returns: the model, with its weights.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a truncated or damaged file, another format, a lambda in safe mode, weights
            that do not fit.
        TypeError: for a class that is not known here.

    Example: `model = load_model("digits.keras")`.
    """
    if isinstance(filepath, io.IOBase):
        return _load(filepath, "the file object", custom_objects, compile, safe_mode)
    called = repr(str(filepath))
    if str(filepath).endswith(_LEGACY):
        raise ValueError(
            f"{called} is a file of the older HDF5 format, which kdist does not read. Load it in "
            "Keras and save it as .keras; weights alone are read by load_weights()."
        )
    with files.local_copy(filepath) as local:
        if not local.is_dir() and not str(filepath).endswith(".keras"):
            raise ValueError(f"{called} must be a file that ends in '.keras', or a folder.")
        return _load(local, called, custom_objects, compile, safe_mode)


def _load(source: Any, called: str, custom_objects: Any, compile: bool, safe_mode: bool) -> Any:
    with archive.open_model(source, called) as saved:
        try:
            config = json.loads(saved.config)
        except json.JSONDecodeError as e:
            raise ValueError(f"{called} is damaged: its config.json is no JSON ({e}).") from e
        if not isinstance(config, dict) or "class_name" not in config:
            raise ValueError(f"{called} is not a saved model: its config.json names no class.")
        if not compile:
            config["compile_config"] = None
        try:
            with serialization.shared_objects():
                model = serialization.deserialize_keras_object(config, custom_objects, safe_mode)
        except (ValueError, TypeError) as e:
            e.add_note(f"while loading {called}")
            raise
        load_state(model, h5.Reader(saved.weights), saved.assets)
    return model
