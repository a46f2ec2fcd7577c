"""The parts of a saved model, in a `.keras` archive (a zip without compression) or in a folder."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kdist.core.lazy import LazyModule

if TYPE_CHECKING:
    import h5py
else:
    h5py = LazyModule("h5py")


CONFIG, METADATA, WEIGHTS, ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets"
_IN_MEMORY = 1 << 30  # bytes of weights up to which an archive is put together in memory
_BLOCK = 1 << 24
_LARGE = 1 << 28  # bytes from which a member's claim is compared with what is stored
_MAX_EXPANSION = 100


# ---- writing ---------------------------------------------------------------------------------
@contextlib.contextmanager
def new_weights(size: int, beside: Path | None) -> Iterator[tuple[h5py.File, Any]]:
    """An HDF5 file to fill, and the object that holds its bytes once it is closed.

    Arguments:
        size: bytes that will be stored, about: many go to a temporary file.
        beside: folder of that temporary file.
    """
    if size <= _IN_MEMORY:
        held: Any = io.BytesIO()
        yield h5py.File(held, "w"), held
        return
    with tempfile.NamedTemporaryFile(dir=beside, prefix=".weights-", suffix=".partial") as held:
        yield h5py.File(held.name, "w"), held


def write_zip(target: BinaryIO, texts: dict[str, str], weights: Any, assets: Path | None) -> None:
    """Write the members of an archive, uncompressed: weights do not compress."""
    with zipfile.ZipFile(target, "w", allowZip64=True) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        with archive.open(WEIGHTS, "w", force_zip64=True) as member:
            if isinstance(weights, io.BytesIO):
                member.write(weights.getbuffer())
            else:
                weights.seek(0)
                shutil.copyfileobj(weights, member, _BLOCK)
        for file in sorted(assets.rglob("*")) if assets is not None else []:
            if file.is_file():
                archive.write(file, f"{ASSETS}/{file.relative_to(assets).as_posix()}")


# ---- reading ---------------------------------------------------------------------------------
class SavedModel:
    """A saved model that was opened to be read.

    Arguments:
        config: the text of its configuration.
        weights: its HDF5 file.
        assets: a folder of its assets, or None.
    """

    def __init__(self, config: str, weights: h5py.File, assets: Path | None):
        self.config, self.weights, self.assets = config, weights, assets


@contextlib.contextmanager
def open_model(source: Any, called: str) -> Iterator[SavedModel]:
    """A `.keras` archive (a path or a binary file) or a folder with the same parts.

    Arguments:
        called: what errors call it.

    Raises: ValueError if it is damaged or something is missing.
    """
    with contextlib.ExitStack() as stack:
        if not hasattr(source, "read") and os.path.isdir(source):
            folder = Path(source)
            config = _require(folder / CONFIG, called).read_text()
            weights: Any = _require(folder / WEIGHTS, called)
            assets = folder / ASSETS if (folder / ASSETS).is_dir() else None
        else:
            archive = stack.enter_context(_open_zip(source, called))
            with _damage(called):
                config = archive.read(_member(archive, CONFIG, called)).decode()
                weights = _weights_of(archive, called, stack)
                assets = _assets_of(archive, called, stack)
        yield SavedModel(config, stack.enter_context(open_h5(weights, called)), assets)


@contextlib.contextmanager
def open_weights(source: Path, called: str) -> Iterator[h5py.File]:
    """The HDF5 file of a `.keras` archive.

    Raises: ValueError if the archive is damaged or has none.
    """
    with contextlib.ExitStack() as stack:
        archive = stack.enter_context(_open_zip(source, called))
        with _damage(called):
            weights = _weights_of(archive, called, stack)
        yield stack.enter_context(open_h5(weights, called))


@contextlib.contextmanager
def open_h5(source: Any, called: str) -> Iterator[h5py.File]:
    """An HDF5 file to read. Raises: ValueError if it is none, or truncated."""
    try:
        file = h5py.File(source, "r")
    except OSError as e:
        raise ValueError(
            f"The weights in {called} cannot be read: the HDF5 file is truncated or damaged ({e}). "
            "Restore the file from where it came from."
        ) from e
    with file:
        yield file


def _open_zip(source: Any, called: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(source)
    except zipfile.BadZipFile as e:
        size = "" if hasattr(source, "read") else f" of {os.path.getsize(source)} bytes"
        raise ValueError(
            f"{called} is not a whole .keras archive: this file{size} is truncated, or of another "
            f"kind ({e}). Restore it from where it came from."
        ) from e


@contextlib.contextmanager
def _damage(called: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, EOFError, UnicodeDecodeError) as e:
        raise ValueError(f"{called} is damaged: {e}. Restore it from where it came from.") from e


def _require(path: Path, called: str) -> Path:
    if not path.is_file():
        raise ValueError(f"{called} is not a saved model: it has no {path.name}.")
    return path


def _member(archive: zipfile.ZipFile, name: str, called: str) -> zipfile.ZipInfo:
    if name not in archive.namelist():
        raise ValueError(
            f"{called} is not a saved model: it has no {name}, only {archive.namelist()[:10]}."
        )
    return _checked(archive.getinfo(name), called)


def _checked(info: zipfile.ZipInfo, called: str) -> zipfile.ZipInfo:
    """Refuse what would fill memory or disk: a member that claims far more than is stored."""
    if info.file_size > _LARGE and info.file_size > _MAX_EXPANSION * info.compress_size:
        raise ValueError(
            f"{called} is refused: {info.filename} claims {info.file_size} bytes and stores "
            f"{info.compress_size}."
        )
    return info


def _weights_of(archive: zipfile.ZipFile, called: str, stack: contextlib.ExitStack) -> Any:
    info = _member(archive, WEIGHTS, called)
    if info.file_size <= _IN_MEMORY:
        return io.BytesIO(archive.read(info))
    path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kdist-")), WEIGHTS)
    with archive.open(info) as member, open(path, "wb") as file:
        shutil.copyfileobj(member, file, _BLOCK)
    return path


def _assets_of(archive: zipfile.ZipFile, called: str, stack: contextlib.ExitStack) -> Path | None:
    found = [
        i for i in archive.infolist() if i.filename.startswith(f"{ASSETS}/") and not i.is_dir()
    ]
    if not found:
        return None
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kdist-"))).resolve()
    for info in found:
        target = (folder / info.filename).resolve()
        if not target.is_relative_to(folder / ASSETS):
            raise ValueError(f"{called} is refused: {info.filename!r} leads out of its folder.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(_checked(info, called)) as member, open(target, "wb") as file:
            shutil.copyfileobj(member, file, _BLOCK)
    return folder / ASSETS
