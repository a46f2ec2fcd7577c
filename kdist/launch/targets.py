"""What a worker runs: a function with its arguments, or a script as `__main__`."""

from __future__ import annotations

import runpy
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FunctionTarget:
    """Calls `fn(*args, **kwargs)` and returns what it returns."""

    fn: Callable[..., Any]
    args: tuple = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self) -> Any:
        return self.fn(*self.args, **self.kwargs)


@dataclass(frozen=True)
class ScriptTarget:
    """Runs a script as `__main__`, with its own `sys.argv`; returns None.

    The source travels along, so that a worker on a host without the file can run it as well.

    Args:
        path: absolute path of the script on the launching host.
        source: the script's bytes.
        argv: the script's arguments, without its name.
    """

    path: str
    source: bytes
    argv: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str, argv: tuple[str, ...] = ()) -> ScriptTarget:
        """Reads the script.

        Raises:
            FileNotFoundError: when `path` is no file, with the folder that was searched.
        """
        file = Path(path).expanduser()
        if not file.is_file():
            raise FileNotFoundError(
                f"script={path!r} is not a file (looked in {Path.cwd()}). Give the path of a "
                "Python script."
            )
        return cls(str(file.resolve()), file.read_bytes(), argv)

    def __call__(self) -> None:
        if Path(self.path).is_file():
            self._run(self.path)
            return
        with tempfile.TemporaryDirectory(prefix="kdist-script-") as folder:
            copy = Path(folder) / Path(self.path).name
            copy.write_bytes(self.source)
            self._run(str(copy))

    def _run(self, path: str) -> None:
        argv, search = sys.argv, list(sys.path)
        sys.argv = [path, *self.argv]
        sys.path.insert(0, str(Path(path).parent))
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as stop:
            # `sys.exit()` and `sys.exit(0)` are how many scripts end well.
            if stop.code not in (None, 0):
                raise
        finally:
            sys.argv, sys.path[:] = argv, search
