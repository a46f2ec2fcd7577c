"""How a step becomes visible, all at once.

On a file system a step is written under another name and renamed. An object store cannot rename,
so there a step is written in place and its marker file last; a step without its marker does not
exist. The names of what is unfinished end so that Orbax, too, leaves them alone.
"""

from __future__ import annotations

import abc
import os
import re
import shutil

from kdist.checkpoint import layout
from kdist.checkpoint.storage import Store

_STAGING = ".orbax-checkpoint-tmp"
_DELETED = ".orbax-checkpoint-tmp-deleted"
_LEFTOVER = re.compile(rf"\d+({re.escape(_STAGING)}|{re.escape(_DELETED)})$")
_STEP = re.compile(r"(0|[1-9]\d*)$")


class Publication(abc.ABC):
    """The steps of one store: which exist, how they come and go. Only the chief changes them."""

    @abc.abstractmethod
    def steps(self) -> list[int]:
        """Returns the published steps, ascending."""

    @abc.abstractmethod
    def published(self, step: int) -> bool:
        """Returns whether a step is published, without listing them all."""

    @abc.abstractmethod
    def staging(self, step: int) -> str:
        """Returns the folder in which a step is written before it is published."""

    @abc.abstractmethod
    def clear(self, step: int) -> None:
        """Makes the staging folder empty. The step must not be published."""

    @abc.abstractmethod
    def publish(self, step: int) -> None:
        """Makes the step in the staging folder visible; the last thing that a save does."""

    @abc.abstractmethod
    def remove(self, step: int) -> None:
        """Removes a published step; a reader never sees a part of it."""

    @abc.abstractmethod
    def reclaim(self) -> list[str]:
        """Removes what unfinished saves and removals left behind; returns the names."""


class RenamePublication(Publication):
    """For a file system."""

    def __init__(self, root: str) -> None:
        self._root = root

    def steps(self) -> list[int]:
        return sorted(int(name) for name in self._folders() if _STEP.match(name))

    def published(self, step: int) -> bool:
        return os.path.isdir(self._path(str(step)))

    def staging(self, step: int) -> str:
        return f"{step}{_STAGING}"

    def clear(self, step: int) -> None:
        path = self._path(self.staging(step))
        if os.path.lexists(path):
            shutil.rmtree(path)
        os.makedirs(path)

    def publish(self, step: int) -> None:
        # The rename is what counts here; the marker serves a step that is copied to an object
        # store.
        with open(os.path.join(self._path(self.staging(step)), layout.MARKER), "w") as marker:
            marker.write("ok")
            marker.flush()
            os.fsync(marker.fileno())
        os.rename(self._path(self.staging(step)), self._path(str(step)))
        self._sync()

    def remove(self, step: int) -> None:
        gone = self._path(f"{step}{_DELETED}")
        # Left by an earlier removal that was cut short: rename cannot replace a folder that is
        # not empty.
        if os.path.lexists(gone):
            shutil.rmtree(gone)
        os.rename(self._path(str(step)), gone)
        shutil.rmtree(gone)

    def reclaim(self) -> list[str]:
        found = sorted(name for name in self._folders() if _LEFTOVER.match(name))
        for name in found:
            shutil.rmtree(self._path(name))
        return found

    def _folders(self) -> list[str]:
        try:
            with os.scandir(self._root) as entries:
                return [entry.name for entry in entries if entry.is_dir()]
        except FileNotFoundError:
            return []

    def _path(self, name: str) -> str:
        return os.path.join(self._root, name)

    def _sync(self) -> None:
        # The rename itself must survive a power cut, as the files do.
        handle = os.open(self._root, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class MarkerPublication(Publication):
    """For an object store, and for memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def steps(self) -> list[int]:
        return sorted(int(s) for s, done in self._by_step().items() if done)

    def published(self, step: int) -> bool:
        return self._store.read(f"{step}/{layout.MARKER}") is not None

    def staging(self, step: int) -> str:
        return str(step)

    def clear(self, step: int) -> None:
        self._store.delete_all(f"{step}/")

    def publish(self, step: int) -> None:
        self._store.write(f"{step}/{layout.MARKER}", b"ok")

    def remove(self, step: int) -> None:
        self._store.delete(f"{step}/{layout.MARKER}")
        self._store.delete_all(f"{step}/")

    def reclaim(self) -> list[str]:
        found = sorted(s for s, done in self._by_step().items() if not done)
        for step in found:
            self._store.delete_all(f"{step}/")
        return found

    def _by_step(self) -> dict[str, bool]:
        done: dict[str, bool] = {}
        for name in self._store.names():
            step, slash, rest = name.partition("/")
            if slash and _STEP.match(step):
                done[step] = done.get(step, False) or rest == layout.MARKER
        return done


def publication_for(store: Store) -> Publication:
    """Returns the way in which steps become visible in `store`."""
    if store.location.local_path is not None:
        return RenamePublication(store.location.local_path)
    return MarkerPublication(store)
