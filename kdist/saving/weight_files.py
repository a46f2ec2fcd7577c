"""`save_weights` and `load_weights`: the weights alone, in one HDF5 file or in shards."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdist.core.lazy import LazyModule
from kdist.saving import archive, files, h5
from kdist.saving.shards import ShardedReader, ShardedWriter
from kdist.saving.state import load_state, save_state

if TYPE_CHECKING:
    import h5py
else:
    h5py = LazyModule("h5py")

_H5, _JSON, _KERAS = ".weights.h5", ".weights.json", ".keras"


def save_weights(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    objects_to_skip: Any = None,
) -> None:
    """Write the weights (with the optimizer's state) of a model.

    The file appears whole or not at all, as with `save_model`. Keras 3 loads it too.

    Arguments:
        model: the model, built.
        filepath: a path or URL that ends in ".weights.h5"; in ".weights.json" for shards.
        overwrite: replace what is there; False asks at a terminal, and raises elsewhere.
        max_shard_size: None, or the most GiB of one file: several are written beside the
            ".weights.json", which says where everything is.
        objects_to_skip: layers that are left out.

    Raises: ValueError for another ending, or a model that is not built.

    Example: `save_weights(model, "digits.weights.h5")`.
    """
    path = str(filepath)
    wanted = _H5 if max_shard_size is None else _JSON
    if not path.endswith(wanted):
        sharded = "" if max_shard_size is None else " with max_shard_size"
        raise ValueError(f"filepath={path!r} of save_weights{sharded} must end in {wanted!r}.")
    _require_built(model, "save_weights")
    if not files.may_write(filepath, overwrite):
        return
    if max_shard_size is not None:
        _save_shards(model, filepath, max_shard_size, objects_to_skip)
        return
    with files.replacing(filepath) as local, h5py.File(local, "w") as file:
        save_state(model, h5.Writer(file), skip=objects_to_skip or ())


def _save_shards(model: Any, filepath: Any, max_shard_size: float, skip: Any) -> None:
    """All shards are written before the first takes its place; the index comes last."""
    folder, _, name = str(filepath).rpartition("/")
    base = name.removesuffix(_JSON)
    place = f"{folder}/" if folder else ""
    before = _shards_named_in(filepath)

    def new_shard(index: int) -> Any:
        shard = f"{base}_{index:05}.weights.h5"  # Keras opens the first one by this name
        return shard, files.replacing(f"{place}{shard}")

    writer = ShardedWriter(new_shard, max_shard_size * 2**30)
    with writer:
        save_state(model, writer, skip=skip or ())
    with files.replacing(filepath) as local:
        local.write_text(json.dumps(writer.index(), indent=4))
    if not files.is_remote(filepath):
        for old in before - writer.names():
            Path(f"{place}{old}").unlink(missing_ok=True)


def _shards_named_in(filepath: Any) -> set[str]:
    if files.is_remote(filepath) or not os.path.exists(filepath):
        return set()
    try:
        index = json.loads(Path(filepath).read_text())
        named = index["weight_map"].values()
    except (ValueError, KeyError, AttributeError):
        return set()  # no index of shards: it is replaced, and what is beside it is left alone
    flat = {n for names in named for n in (names if isinstance(names, list) else [names])}
    return {n for n in flat if n == os.path.basename(n)}


def load_weights(
    model: Any,
    filepath: Any,
    skip_mismatch: bool = False,
    objects_to_skip: Any = None,
    **kwargs: Any,
) -> None:
    """Read the weights of a model from a file of kdist or Keras 3.

    Arguments:
        model: the model, built.
        filepath: a path or URL that ends in ".weights.h5", ".weights.json" or ".keras".
        skip_mismatch: leave what does not fit as it is, with a warning.
        objects_to_skip: layers that are left as they are.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a truncated or damaged file, another ending, a model that is not built;
            for weights that do not fit, naming the layers and both shapes: nothing is changed then.

    Example: `load_weights(model, "digits.weights.h5")`.
    """
    if kwargs:
        raise ValueError(f"load_weights does not know the arguments {sorted(kwargs)}.")
    path = str(filepath)
    if not path.endswith((_H5, _JSON, _KERAS)):
        raise ValueError(f"filepath={path!r} must end in {_H5!r}, {_JSON!r} or {_KERAS!r}.")
    _require_built(model, "load_weights")
    with _open(filepath) as reader:
        load_state(model, reader, skip=objects_to_skip or (), skip_mismatch=skip_mismatch)


@contextlib.contextmanager
def _open(filepath: Any) -> Iterator[Any]:
    path, called = str(filepath), repr(str(filepath))
    if path.endswith(_JSON):
        folder, _, _ = path.rpartition("/")
        place = f"{folder}/" if folder else ""
        with (
            files.local_copy(filepath) as local,
            ShardedReader(
                local.read_text(), lambda n: files.local_copy(f"{place}{n}"), called
            ) as r,
        ):
            yield r
        return
    opened = archive.open_weights if path.endswith(_KERAS) else archive.open_h5
    with files.local_copy(filepath) as local, opened(local, called) as file:
        yield h5.Reader(file)


def _require_built(model: Any, what: str) -> None:
    if not model.built:
        raise ValueError(
            f"Model {model.name!r} has no weights before it is built. Call it on data, or "
            f"build(input_shape), before {what}()."
        )
