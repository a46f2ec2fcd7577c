"""Unpack tar and zip archives without letting them write anywhere but their own folder."""

from __future__ import annotations

import os
import pathlib
import shutil
import tarfile
import tempfile
import zipfile


def extract_archive(
    archive: str | os.PathLike,
    folder: str | os.PathLike,
    archive_format: str | list[str] | None = "auto",
) -> None:
    """Unpack `archive` as `folder`, which appears whole or not at all and replaces one that exists.

    archive_format: "tar" (also compressed), "zip", a list of them, or "auto" for both.

    Raises: ValueError if the file is in no such format, or a member would land, or link, outside
        the folder.
    """
    formats = {"auto": ["tar", "zip"], None: []}.get(archive_format, archive_format)  # type: ignore[arg-type]
    formats = [formats] if isinstance(formats, str) else formats
    unknown = [f for f in formats if f not in ("tar", "zip")]
    if unknown:
        raise ValueError(
            "archive_format must be 'tar', 'zip', a list of these or 'auto'; received"
            f" {archive_format!r}."
        )
    archive, folder = pathlib.Path(archive), pathlib.Path(folder)
    work = pathlib.Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        if "tar" in formats and tarfile.is_tarfile(archive):
            _extract_tar(archive, work)
        elif "zip" in formats and zipfile.is_zipfile(archive):
            _extract_zip(archive, work)
        else:
            raise ValueError(
                f"{archive} is not an archive of the format {' or '.join(formats) or 'None'}."
            )
        work.chmod(0o755)
        if folder.is_dir():
            shutil.rmtree(folder)
        os.replace(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)  # gone already if all went well


def _extract_tar(archive: pathlib.Path, folder: pathlib.Path) -> None:
    with tarfile.open(archive) as tar:
        try:
            # Refuses devices, and paths and links that lead outside.
            tar.extractall(folder, filter="data")
        except tarfile.FilterError as error:
            raise ValueError(
                f"{archive} was not unpacked, it is unsafe: {error}. Do not trust its source."
            ) from error


def _extract_zip(archive: pathlib.Path, folder: pathlib.Path) -> None:
    base = folder.resolve()
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            if not (base / member.filename).resolve().is_relative_to(base):
                raise ValueError(
                    f"{archive} was not unpacked, it is unsafe: its member {member.filename!r}"
                    f" would land outside {folder.name}. Do not trust its source."
                )
        file.extractall(folder)
