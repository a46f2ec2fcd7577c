"""One door for every kind of data that fit, evaluate and predict take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import optree

from kdist.core import config
from kdist.data.arrays import ArraySource
from kdist.data.class_weight import check_class_weight
from kdist.data.generator import GeneratorFeed, IterableFeed
from kdist.data.leaves import is_array, is_pandas
from kdist.data.py_dataset import PyDatasetSource, is_py_dataset
from kdist.data.source import Source
from kdist.data.stream import Feed, StreamSource
from kdist.data.tf_dataset import TfDatasetFeed, is_tf_dataset
from kdist.data.torch_loader import DataLoaderFeed, is_data_loader, is_torch_dataset


def adapt(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps_per_epoch: int | None = None,
    shuffle: bool | str = True,
    class_weight: dict[int, float] | None = None,
    seed: int = 0,
    floatx: str | None = None,
) -> Source:
    """A `Source` of the data as a user passed it.

    Arguments:
        x: arrays with n rows each (NumPy, pandas, tensors of jax, torch or TensorFlow; one, or a
            list, tuple or dict of them), or a dataset that yields whole batches x, (x,), (x, y) or
            (x, y, sample_weight): a tf.data.Dataset, a torch DataLoader, a PyDataset, a generator
            or another iterable. A Source is returned as it is.
        y, sample_weight: trees of arrays with n rows; only beside arrays. One weight array serves
            all outputs.
        batch_size: global rows per batch of arrays; 32 unless given, or n / steps_per_epoch. Only
            for arrays.
        steps_per_epoch: batches in an epoch. The next epoch goes on where this one stopped.
        shuffle: True for a new order of all samples each epoch, "batch" to shuffle inside batches,
            False. Of a PyDataset, the order of its batches is shuffled; other datasets keep their
            own order.
        class_weight: {class index: weight}, for one output and without sample_weight.
        seed: with the epoch's number it determines the order. It must be the same on every process.
        floatx: dtype in which floats arrive, `config.floatx()` unless given. Integers and booleans
            stay as they are.

    Raises: ValueError for lengths that differ, empty data and arguments that do not go together;
        TypeError for what is no data; OutOfDataError if steps_per_epoch asks for more than there
        is.

    Example:

        source = adapt(x, y, batch_size=64, seed=1)
        for batch in source.epoch(0, Shard(index=0, count=2)):
            ...
    """
    _check_count("batch_size", batch_size)
    _check_count("steps_per_epoch", steps_per_epoch)
    floatx = floatx or config.floatx()
    if isinstance(x, Source):
        return x
    if class_weight is not None:
        class_weight = check_class_weight(class_weight)
    if _is_array_tree(x):
        return ArraySource(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            shuffle=shuffle,
            class_weight=class_weight,
            seed=seed,
            floatx=floatx,
        )
    if is_py_dataset(x):
        _refuse_array_arguments(f"a PyDataset ({type(x).__name__})", y, sample_weight, batch_size)
        return PyDatasetSource(
            x,
            steps_per_epoch=steps_per_epoch,
            shuffle=shuffle,
            class_weight=class_weight,
            seed=seed,
            floatx=floatx,
        )
    feed = _feed(x, seed, floatx)
    _refuse_array_arguments(feed.name, y, sample_weight, batch_size)
    return StreamSource(
        feed, steps_per_epoch=steps_per_epoch, class_weight=class_weight, floatx=floatx
    )


def _feed(x: Any, seed: int, floatx: str) -> Feed:
    if is_tf_dataset(x):
        return TfDatasetFeed(x, floatx)
    if is_data_loader(x):
        return DataLoaderFeed(x, seed)
    if is_torch_dataset(x):
        raise TypeError(
            f"x is a torch Dataset ({type(x).__name__}), which yields samples. Wrap it:"
            " `DataLoader(dataset, batch_size=32)`."
        )
    if isinstance(x, Iterator):
        return GeneratorFeed(x)
    if isinstance(x, Iterable) and not isinstance(x, str | bytes | list | tuple | dict | set):
        return IterableFeed(x)
    raise TypeError(_not_data(x))


def _is_array_tree(x: Any) -> bool:
    """Whether x is an array, or a list, tuple or dict that holds one.

    What else it holds is then an error to name.
    """
    if isinstance(x, np.ndarray) or is_pandas(x):
        return True
    leaves = optree.tree_leaves(x)
    return bool(leaves) and (is_array(leaves[0]) or any(map(is_array, leaves)))


def _not_data(x: Any) -> str:
    hint = ""
    if isinstance(x, list | tuple | dict):
        hint = " Plain Python numbers are no array: pass `np.array(x)`."
        if not optree.tree_leaves(x):
            hint = " It is empty."
    return (
        f"x is a {type(x).__name__}, which kdist cannot read as data.{hint} Pass NumPy or pandas"
        " data, tensors, a tf.data.Dataset, a torch DataLoader, a PyDataset or a generator."
    )


def _refuse_array_arguments(name: str, y: Any, sample_weight: Any, batch_size: int | None) -> None:
    for argument, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"{argument} was given beside x, which is {name}. Let it yield (x, y,"
                " sample_weight) instead."
            )
    if batch_size is not None:
        raise ValueError(
            f"batch_size={batch_size} was given, and x is {name}, which yields whole batches. Leave"
            " it out, and set the batch size where the data is made."
        )


def _check_count(name: str, value: int | None) -> None:
    if value is not None and (isinstance(value, bool) or int(value) != value or value < 1):
        raise ValueError(
            f"{name} must be a whole number of at least 1, or None; received {value!r}."
        )
