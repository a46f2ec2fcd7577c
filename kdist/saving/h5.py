"""HDF5 as Keras lays weights out in it: `<path>/vars/<key>`, one group for each object with state.

Reading trusts nothing: links that lead out of the file, arrays stored elsewhere, and arrays that
are far larger than what the file stores for them are refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from kdist.backend import bound as backend
from kdist.backend.variable import Variable
from kdist.core.lazy import LazyModule

if TYPE_CHECKING:
    import h5py
else:
    h5py = LazyModule("h5py")

_VARS = "vars"
# HDF5 knows no such types: the bytes are stored, and an attribute says what they are.
_OPAQUE = {name: np.dtype(getattr(ml_dtypes, name)) for name in ("bfloat16",)}
_LARGE = 1 << 32  # bytes; below it, a wrong declared size does no harm
_MAX_EXPANSION = 1000


def as_array(value: Any) -> np.ndarray:
    """The NumPy array of a variable, tensor, array or number."""
    if isinstance(value, Variable):
        return value.numpy()
    if backend.is_tensor(value):
        return backend.convert_to_numpy(value)
    return np.asarray(value)


def put(group: h5py.Group, key: str, value: Any) -> None:
    """Store an array as `key` of `group`."""
    array = as_array(value)
    dataset = group.create_dataset(key, data=array)
    if array.dtype.name in _OPAQUE:
        dataset.attrs["dtype"] = array.dtype.name


class Entry(MutableMapping):
    """What one object stores or finds: a mapping from "0", "1", ... (or names) to arrays."""

    def __init__(self, group: h5py.Group | None, where: str):
        self._group = group
        self.where = where

    def __setitem__(self, key: str, value: Any) -> None:
        assert self._group is not None
        put(self._group, str(key), value)

    def __delitem__(self, key: str) -> None:
        assert self._group is not None
        del self._group[key]

    def __getitem__(self, key: str) -> np.ndarray:
        dataset = self._dataset(key)
        opaque = _OPAQUE.get(dataset.attrs.get("dtype", ""))
        array = np.empty(dataset.shape, dataset.dtype)
        if array.size:
            dataset.read_direct(array)
        return array.view(opaque) if opaque is not None else array

    def shape(self, key: str) -> tuple[int, ...]:
        """The shape of what is stored as `key`, without reading it."""
        return tuple(self._dataset(key).shape)

    def _dataset(self, key: str) -> h5py.Dataset:
        if self._group is None or key not in self._group:
            raise KeyError(f"The file holds no {key!r} under {self.where!r}, only {list(self)}.")
        return _checked(self._group, key)

    def __iter__(self) -> Iterator[str]:
        return iter(()) if self._group is None else iter(self._group.keys())

    def __len__(self) -> int:
        return 0 if self._group is None else len(self._group)


def _checked(group: h5py.Group, key: str) -> h5py.Dataset:
    where = f"{group.name}/{key}"
    _refuse_links(group, key, where)
    dataset = group[key]
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"The weights file is not valid: {where} is no array.")
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"The weights file is refused: {where} lies in another file.")
    if dataset.dtype.kind not in "biufcV":
        raise ValueError(f"The weights file is refused: {where} holds {dataset.dtype}, no numbers.")
    declared = math.prod(dataset.shape) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if declared > _LARGE and declared > _MAX_EXPANSION * stored:
        raise ValueError(
            f"The weights file is refused: {where} claims {declared} bytes and stores {stored}."
        )
    return dataset


def _refuse_links(group: h5py.Group, key: str, where: str) -> None:
    if group.get(key, getclass=True, getlink=True) is not h5py.HardLink:
        raise ValueError(f"The weights file is refused: {where} is a link to somewhere else.")


class Writer:
    """Writes the state of objects to an open HDF5 file."""

    def __init__(self, file: h5py.File):
        self._file = file

    def entry(self, path: str, name: str | None) -> Entry:
        """The mapping that the object at `path` fills. `name`: the object's, kept beside."""
        group = self._file.require_group(f"{path}/{_VARS}" if path else _VARS)
        if name is not None:
            group.attrs["name"] = name
        return Entry(group, path)


class Reader:
    """Reads what a `Writer`, or Keras, wrote."""

    def __init__(self, file: h5py.File):
        self._file = file

    def entry(self, path: str) -> Entry:
        """The mapping that the object at `path` stored; empty if it stored nothing."""
        group = self._group(path)
        if group is None and "_layer_checkpoint_dependencies" in self._file:
            # Files of Keras before 3.0.
            group = self._group(path.replace("layers", "_layer_checkpoint_dependencies"))
        return Entry(group, path)

    def _group(self, path: str) -> h5py.Group | None:
        group = self._file
        for part in [*filter(None, path.split("/")), _VARS]:
            if part not in group:
                return None
            _refuse_links(group, part, f"{group.name}/{part}")
            group = group[part]
            if not isinstance(group, h5py.Group):
                raise ValueError(f"The weights file is not valid: {group.name} is no group.")
        return group
