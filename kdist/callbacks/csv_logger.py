"""`CSVLogger`: the logs of each epoch as a line of a file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from typing import Any, TextIO

import numpy as np

from kdist.callbacks.callback import Callback
from kdist.distribution import process_index


class CSVLogger(Callback):
    """Writes the logs of each epoch as a line of a CSV file, on the chief process.

    A resumed run goes on in its file: lines that were written after the checkpoint are replaced.

    Arguments:
        filename: path of the file.
        separator: what stands between the fields.
        append: True keeps what the file holds.

    Raises:
        OSError: from fit, if the file cannot be opened.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ):
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self._file: TextIO | None = None
        self._keep: int | None = 0  # bytes of the file to keep; None: all

    def on_train_begin(self, logs: Any = None) -> None:
        self._close()
        self.keys = None
        if process_index() == 0:
            # Opened now, so that a wrong path is seen before an epoch is trained; emptied later,
            # when it is known whether the run is resumed.
            self._file = open(self.filename, "a+", newline="", encoding="utf-8")  # noqa: SIM115
            self._keep = None if self.append else 0

    def set_state(self, state: dict[str, Any]) -> None:
        self.keys, self._keep = state["keys"], state["size"]

    def get_state(self) -> dict[str, Any]:
        if self._file is None:
            return {}
        return {"keys": self.keys, "size": self._file.seek(0, os.SEEK_END)}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._file is None:
            return
        logs = logs or {}
        file = self._file
        size = file.seek(0, os.SEEK_END)
        if self._keep is not None and self._keep <= size:
            size = file.truncate(self._keep)
            file.seek(0, os.SEEK_END)
        self._keep = None
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                # Validation may come in a later epoch, and every line has the same fields.
                self.keys += [f"val_{key}" for key in self.keys]
        writer = csv.DictWriter(file, ["epoch", *self.keys], delimiter=self.sep)
        if size == 0:
            writer.writeheader()
        writer.writerow({"epoch": epoch, **{key: _text(logs.get(key, "NA")) for key in self.keys}})
        file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        self._close()

    def on_interrupted(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _text(value: Any) -> Any:
    if isinstance(value, Iterable) and not isinstance(value, str) and np.ndim(value) > 0:  # type: ignore[arg-type]
        return f'"[{", ".join(map(str, value))}]"'
    return value
