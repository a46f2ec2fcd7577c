"""A batch as a user's dataset yields it, made into the slice of it that a process trains on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

from kdist.core.spec import Spec
from kdist.data.class_weight import sample_weights
from kdist.data.leaves import float_dtype, named_leaves, to_batch_array, writeable
from kdist.data.packing import unpack_x_y_sample_weight
from kdist.data.sharding import Shard, local_rows
from kdist.data.source import Batch


def spec_of(batch: Batch) -> tuple[Any, Any, Any]:
    """Trees of `Spec` for (x, y, sample_weight) of batches like this one."""
    parts = (batch.x, batch.y, batch.sample_weight)
    return optree.tree_map(lambda a: Spec(a.shape[1:], a.dtype.name), parts)


@dataclass(frozen=True)
class UserBatches:
    """How to read the batches of one dataset.

    Worker processes get a copy, so it holds plain values.

    name: the dataset as errors call it, e.g. "the generator".
    """

    name: str
    class_weight: dict[int, float] | None = None
    floatx: str = "float32"

    def batch(self, raw: Any, shard: Shard) -> Batch:
        """The slice of `raw` for this process.

        `end` is the size of the global batch, for the source to add up.

        raw: x, (x,), (x, y) or (x, y, sample_weight), trees of arrays or tensors with one common
            first dim.
        Raises: ValueError or TypeError naming the leaf that does not fit.
        """
        columns, form, n = self._columns(raw)
        rows = local_rows(n, shard)
        whole = rows.positions is None and shard.count == 1
        leaves = [c if whole else writeable(rows.of(c)) for c in columns]
        x, y, sample_weight = optree.tree_unflatten(form, leaves)
        return Batch(x, y, sample_weight, rows.new_mask(), n, n)

    def spec(self, raw: Any) -> tuple[Any, Any, Any]:
        """Trees of `Spec` for (x, y, sample_weight), of a batch such as `raw`."""
        return spec_of(self.batch(raw, Shard()))

    def _columns(self, raw: Any) -> tuple[list[np.ndarray], Any, int]:
        parts = unpack_x_y_sample_weight(raw)
        floats = float_dtype(self.floatx)
        named = [
            pair
            for name, part in zip(("x", "y", "sample_weight"), parts, strict=True)
            for pair in named_leaves(name, part)
        ]
        names = [f"{name} of {self.name}" for name, _ in named]
        columns = [
            to_batch_array(name, leaf, floats) for name, (_, leaf) in zip(names, named, strict=True)
        ]
        form = optree.tree_structure(parts)
        if not columns:
            raise ValueError(
                f"A batch of {self.name} holds no array. Yield x, (x, y) or (x, y, sample_weight)."
            )
        n = len(columns[0])
        for name, column in zip(names, columns, strict=True):
            if len(column) != n:
                raise ValueError(
                    f"{names[0]} has {n} samples (shape {columns[0].shape}) and {name} has"
                    f" {len(column)} (shape {column.shape}) in the same batch; the first dim must"
                    " be the same."
                )
        if n == 0:
            raise ValueError(
                f"{names[0]} has no samples: its shape is {columns[0].shape}. Leave empty batches"
                " out."
            )
        if self.class_weight is None:
            return columns, form, n
        x, y, sample_weight = optree.tree_unflatten(form, columns)
        if sample_weight is not None:
            raise ValueError(
                f"class_weight was given, and {self.name} yields sample_weight as well. Multiply"
                " them into one."
            )
        columns, form = optree.tree_flatten((x, y, sample_weights(y, self.class_weight, floats)))
        return columns, form, n
