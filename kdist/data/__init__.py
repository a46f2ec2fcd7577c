"""Data sources: one global order of samples, a slice for each process, a position to resume."""

from __future__ import annotations

from kdist.data.adapt import adapt
from kdist.data.arrays import ArraySource
from kdist.data.download import get_file
from kdist.data.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from kdist.data.py_dataset import PyDataset, PyDatasetSource
from kdist.data.sharding import Shard, local_length
from kdist.data.source import Batch, OutOfDataError, Source
from kdist.data.split import train_validation_split
from kdist.data.stream import Feed, StreamSource

__all__ = [
    "ArraySource",
    "Batch",
    "Feed",
    "OutOfDataError",
    "PyDataset",
    "PyDatasetSource",
    "Shard",
    "Source",
    "StreamSource",
    "adapt",
    "get_file",
    "local_length",
    "pack_x_y_sample_weight",
    "train_validation_split",
    "unpack_x_y_sample_weight",
]
